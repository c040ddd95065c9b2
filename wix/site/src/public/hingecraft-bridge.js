// Between a page and its HTML component, which is a sandboxed frame of another host and can only send messages.
import { fetch } from 'wix-fetch';
import wixLocationFrontend from 'wix-location-frontend';
import wixRealtimeFrontend from 'wix-realtime-frontend';
import { local, session } from 'wix-storage-frontend';
import wixWindowFrontend from 'wix-window-frontend';
import { functionsAddress, isLocalPath, isLoopback, mayBeGoneTo } from 'public/hingecraft-addresses';
import { watchRoutes } from 'public/hingecraft-routes';

const CHANNEL = { name: 'hingecraft-routes' };
const KEPT = { visitor: local, choice: session };
const LONGEST_KEPT = 300;
const UNKNOWN = {
  success: false,
  code: 'unknown_function',
  error: 'This page does not have that function. The site has an older version of our code.',
};
const FAILED = { success: false, code: 'unreachable', error: 'The site cannot be reached. Try again in a minute.' };

const NO_COMPONENT =
  'This page has no HTML component with the id hingecraft. Add one, or set its id (docs/wix-setup.md, step 4).';

/** @typedef {(...args: any[]) => Promise<any>} Callable */

/** The page that is open, and how its watch is stopped: Wix changes pages without loading the document again. */
let current = nothingToStop();

/** @returns {{stop: () => void}} */
function nothingToStop() {
  return { stop: () => undefined };
}

/**
 * @template T
 * @param {Record<string, T>} things
 * @param {unknown} name
 */
const own = (things, name) => (Object.keys(things).includes(String(name)) ? things[String(name)] : undefined);

/**
 * Answer what the component calls, and tell it of new routes.
 * @param {any} component the HTML component's element
 * @param {Record<string, Record<string, Callable>>} modules what it may call, by module and name
 */
export function connect(component, modules) {
  // Page code runs on Wix's servers too: there it would use up a link that works once.
  if (wixWindowFrontend.rendering.env !== 'browser') return;
  current.stop();
  current = nothingToStop();
  // For an id that the page does not have, `$w` answers something that can do nothing.
  if (typeof component?.onMessage !== 'function') {
    console.error(NO_COMPONENT);
    return;
  }
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
    preview: isPreview(),
    kept: Object.fromEntries(Object.entries(KEPT).map(([name, place]) => [name, place.getItem(`hingecraft-${name}`)])),
  };
}

const isPreview = () => wixWindowFrontend.viewMode === 'Preview';

/**
 * A frame of another host may keep nothing in many browsers: its page keeps it.
 * @param {{name?: unknown, value?: unknown}} what
 */
function keep({ name, value }) {
  const place = own(KEPT, name);
  if (place && typeof value === 'string' && value.length <= LONGEST_KEPT) {
    place.setItem(`hingecraft-${name}`, value);
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
  const work = own(own(modules, module) ?? {}, name);
  if (!work || !Array.isArray(args)) return UNKNOWN;
  return work(...args).catch(() => FAILED);
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
  const mine = current;
  const watched = async (/** @type {any[]} */ ...args) => {
    const answer = await onReady(...args);
    if (answer.success && !isWatching && mine === current) {
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
  const flagUrl = functionsAddress(wixLocationFrontend.baseUrl, { preview: isPreview() }, 'hingecraftRoutesUpdate');
  const watch = watchRoutes({ fetch, routesUrl, flagUrl, version: routesVersion, reload, tell });
  current.stop = watch.stop;
  // A site without Realtime looks for itself, every half minute.
  wixRealtimeFrontend.subscribe(CHANNEL, ({ payload }) => watch.heard(payload?.version)).catch(() => undefined);
}
