// Newer routes reach an open page: heard of at once where the site has Realtime, looked for every 30 s otherwise.

const EVERY_MS = 30000;
const TRIES = 3;
const AGAIN_MS = 700;

/**
 * @typedef {object} Watching
 * @property {(url: string, options: RequestInit) => Promise<Response>} fetch
 * @property {string} routesUrl where the backend answers them, empty where that is not known
 * @property {string} flagUrl where the site says which version was announced, empty where there is no site
 * @property {number} version the one that the page has
 * @property {() => Promise<any>} reload asks the site's own backend for everything, when the browser may not ask ours
 * @property {(news: {version: number, routes: any}) => void} tell
 * @property {number} [everyMs]
 */

/**
 * @param {Watching} watching
 * @returns {{heard: (version: unknown) => Promise<void>, stop: () => void}}
 */
export function watchRoutes({ fetch, routesUrl, flagUrl, version, reload, tell, everyMs = EVERY_MS }) {
  let known = version;
  let isStopped = false;

  const take = (/** @type {any} */ news) => {
    if (isStopped || !(Number.isSafeInteger(news?.version) && news.version > known && news.routes)) return;
    known = news.version;
    tell({ version: news.version, routes: news.routes });
  };

  const look = async () => {
    // The browser remembers the ETag, and what it has is confirmed in a few bytes.
    const found = routesUrl ? await dataAt(fetch, routesUrl) : null;
    if (found || !flagUrl) return take(found);
    const flag = await dataAt(fetch, flagUrl);
    if (flag?.version > known) {
      const { success, data } = await reload();
      if (success) take({ version: data.routesVersion, routes: data.routes });
    }
  };

  const timer = setInterval(look, everyMs);
  return {
    async heard(newest) {
      for (let left = TRIES; !isStopped && left > 0 && Number(newest) > known; left -= 1) {
        await look();
        if (Number(newest) > known) await new Promise((later) => setTimeout(later, AGAIN_MS));
      }
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

/**
 * @param {Watching['fetch']} fetch
 * @param {string} url
 */
async function dataAt(fetch, url) {
  try {
    const response = await fetch(url, { method: 'GET', cache: 'no-cache' });
    const answer = response.ok ? await response.json() : null;
    return answer?.success === true ? answer.data : null;
  } catch {
    return null;
  }
}
