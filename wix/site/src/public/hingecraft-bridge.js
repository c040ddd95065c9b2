// Between a page and its HTML component, which is a sandboxed frame of another host and can only send messages.
import { fetch } from 'wix-fetch';
import wixLocationFrontend from 'wix-location-frontend';
import wixRealtimeFrontend from 'wix-realtime-frontend';
import { local, session } from 'wix-storage-frontend';
import wixWindowFrontend from 'wix-window-frontend';
import { isLocalPath, isLoopback, mayBeGoneTo } from 'public/hingecraft-addresses';
import { watchRoutes } from 'public/hingecraft-routes';

const CHANNEL = { name: 'hingecraft-routes' };
const KEPT = { visitor: local, choice: session };
const LONGEST_KEPT = 300;
const UNKNOWN = {
  success: false,
  code: 'unknown_function',
  error: 'This page has no such function: the site has an older version of our code.',
};
const FAILED = { success: false, code: 'unreachable', error: 'The site cannot be reached: try again in a minute.' };

/** @typedef {(...args: any[]) => Promise<any>} Callable */

/**
 * Answer what the component calls, and tell it of new routes.
 * @param {any} component the HTML component's element
 * @param {Record<string, Record<string, Callable>>} modules what it may call, by module and name
 */
export function connect(component, modules) {
  // Page code runs on Wix's servers too: there it would use up a link that works once.
  if (wixWindowFrontend.rendering.env !== 'browser') return;
  const say = (/** @type {object} */ message) => component.postMessage(message);
  const called = keepingRoutesFresh(modules, (routes) => say({ hingecraft: 'routes', routes }));
  component.onMessage(async (/** @type {{data: any}} */ { data }) => {
    if (data?.hingecraft === 'ready') say({ hingecraft: 'hello', ...about() });
    if (data?.hingecraft === 'go') go(data.url);
    if (data?.hingecraft === 'keep') keep(data);
    if (data?.hingecraft === 'call') say({ hingecraft: 'answer', id: data.id, answer: await answerOf(called, data) });
  });
}

function about() {
  return {
    site: wixLocationFrontend.baseUrl,
    query: wixLocationFrontend.query,
    preview: wixWindowFrontend.viewMode === 'Preview',
    kept: Object.fromEntries(Object.entries(KEPT).map(([name, place]) => [name, place.getItem(`hingecraft-${name}`)])),
  };
}

/**
 * A frame of another host may keep nothing in many browsers: its page keeps it.
 * @param {{name?: unknown, value?: unknown}} what
 */
function keep({ name, value }) {
  if (Object.hasOwn(KEPT, String(name)) && typeof value === 'string' && value.length <= LONGEST_KEPT) {
    KEPT[/** @type {keyof typeof KEPT} */ (name)].setItem(`hingecraft-${name}`, value);
  }
}

/** @param {unknown} url */
function go(url) {
  if (isLocalPath(url) || mayBeGoneTo(url, { development: isLoopback(wixLocationFrontend.baseUrl) }))
    wixLocationFrontend.to(String(url));
}

/**
 * @param {Record<string, Record<string, Callable>>} modules
 * @param {{module?: unknown, name?: unknown, args?: unknown}} call
 */
async function answerOf(modules, { module, name, args }) {
  const named = Object.hasOwn(modules, String(module)) ? modules[String(module)] : {};
  if (!Object.hasOwn(named, String(name)) || !Array.isArray(args)) return UNKNOWN;
  return named[String(name)](...args).catch(() => FAILED);
}

/**
 * From the first `onReady` on, newer routes are told.
 * @param {Record<string, Record<string, Callable>>} modules
 * @param {(routes: object) => void} tell
 */
function keepingRoutesFresh(modules, tell) {
  const onReady = modules.charter_page_middleware?.onReady;
  if (!onReady) return modules;
  let isWatching = false;
  const watched = async (/** @type {any[]} */ ...args) => {
    const answer = await onReady(...args);
    if (answer.success && !isWatching) {
      isWatching = true;
      listen(answer.data, () => onReady({ visitor: args[0]?.visitor }), tell);
    }
    return answer;
  };
  return { ...modules, charter_page_middleware: { ...modules.charter_page_middleware, onReady: watched } };
}

/**
 * @param {{routesUrl: string, routesVersion: number}} opened
 * @param {() => Promise<any>} reload
 * @param {(routes: object) => void} tell
 */
function listen({ routesUrl, routesVersion }, reload, tell) {
  const flagUrl = `${wixLocationFrontend.baseUrl}/_functions/hingecraftRoutesUpdate`;
  const watch = watchRoutes({ fetch, routesUrl, flagUrl, version: routesVersion, reload, tell });
  // A site without Realtime looks for itself, every half minute.
  wixRealtimeFrontend.subscribe(CHANNEL, ({ payload }) => watch.heard(payload?.version)).catch(() => undefined);
}
