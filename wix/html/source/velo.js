// How our pages call the site's code: through the page around them by postMessage, else by HTTP. A page that the
// backend serves runs that code itself.
import { functionsAddress, isLocalPath, isLoopback } from '../../site/src/public/hingecraft-addresses.js';
import { callDirectly } from './direct.js';

const READY_EVERY_MS = 200;
const READY_LATER_MS = 1_000;
const HELLO_WITHIN_MS = 3_000;
/** Wix ends a call after 14 s. */
const ANSWER_WITHIN_MS = 15_000;
/** Longer than any page needs to be left; after it the click has led nowhere. */
export const LEFT_WITHIN_MS = 10_000;

/** @typedef {{success: true, data: any} | {success: false, error: string, code: string}} Answer */
/** @typedef {{site: string, preview: boolean, query: Record<string, string>, kept: Record<string, string>}} Hello */

const failure = (/** @type {string} */ code, /** @type {string} */ error) => ({
  success: /** @type {const} */ (false),
  code,
  error,
});

export class Velo {
  /**
   * @param {{site: string, backend: string}} told what the page was made with, empty where nobody said
   * @param {Window} [view]
   */
  constructor(told, view = window) {
    this.view = view;
    this.backend = told.backend;
    this.isFramed = view.parent !== view;
    /** Served by the backend: it is called directly where no page around answers. */
    this.isDirect = told.backend !== '' && told.backend === view.location.origin;
    const query = this.isDirect || !this.isFramed ? queryOf(view) : {};
    this.around = this.isFramed ? originAround(view) : '';
    /** @type {Hello} */
    this.hello = { site: told.site || this.around, preview: false, query, kept: {} };
    this.isBridged = false;
    /** @type {Map<string, (answer: Answer) => void>} */
    this.waiting = new Map();
    /** @type {(routes: any) => void} */
    this.onRoutes = () => undefined;
    /** Called when the page around answers after this one has started without it. @type {() => void} */
    this.onLate = () => undefined;
    /** @type {() => void} */
    this.settle = () => undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.saying = undefined;
    // Opened as /embed/charter?direct, it knows that none of our pages is around.
    const isAlone = !this.around || (this.isDirect && 'direct' in query);
    /** Resolves when the page around has answered, or has let this one wait for too long. */
    this.met = isAlone ? Promise.resolve() : this.meet();
  }

  /** In development a payment page may be this machine's own sandbox. */
  get development() {
    return isLoopback(this.hello.site) || isLoopback(this.backend);
  }

  /** The page around may be slower than this one, or never come: `ready` is said until it answers. */
  meet() {
    this.view.addEventListener('message', (event) => this.take(event));
    this.sayReady(READY_EVERY_MS);
    setTimeout(() => this.beginAlone(), HELLO_WITHIN_MS);
    return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      this.settle = resolve;
    });
  }

  /** Nobody has answered yet: this page begins by itself, and goes on asking now and then. */
  beginAlone() {
    if (this.isBridged) return;
    this.sayReady(READY_LATER_MS);
    this.settle();
    this.settle = () => this.onLate();
  }

  /** @param {number} every */
  sayReady(every) {
    clearInterval(this.saying);
    this.post({ hingecraft: 'ready' });
    this.saying = setInterval(() => this.post({ hingecraft: 'ready' }), every);
  }

  /**
   * Only the page around is heard, whatever else sends messages.
   * @param {MessageEvent} event
   */
  take({ source, origin, data }) {
    if (source !== this.view.parent || origin !== this.around) return;
    if (data?.hingecraft === 'hello' && !this.isBridged) this.greet(data);
    if (data?.hingecraft === 'answer') this.waiting.get(data.id)?.(data.answer);
    if (data?.hingecraft === 'routes' && data.routes) this.onRoutes(data.routes);
  }

  /** @param {any} hello */
  greet({ site, preview, query, kept }) {
    if (typeof site !== 'string') return;
    this.isBridged = true;
    this.hello = { site, preview: preview === true, query: query ?? {}, kept: kept ?? {} };
    clearInterval(this.saying);
    this.settle();
  }

  /** @param {object} message */
  post(message) {
    this.view.parent.postMessage(message, this.around);
  }

  /**
   * @param {string} module such as `charter-page-middleware`
   * @param {string} name
   * @param {any[]} args
   * @returns {Promise<Answer>} never a throw
   */
  async callVeloFunction(module, name, ...args) {
    await this.met;
    const called = module.replace(/[-.]/g, '_');
    let answer = await (this.isBridged ? this.callByMessage(called, name, args) : this.callWithoutPage(called, name, args));
    // The page around may have older code than this one; there is another way.
    if (this.isBridged && !answer?.success && answer?.code === 'unknown_function')
      answer = await this.callWithoutPage(called, name, args);
    return typeof answer?.success === 'boolean'
      ? answer
      : failure('unreachable', 'We received an unexpected answer. Reload the page and try again.');
  }

  /**
   * @param {string} module
   * @param {string} name
   * @param {any[]} args
   * @returns {Promise<Answer>}
   */
  callWithoutPage(module, name, args) {
    return this.isDirect ? callDirectly(module, name, args) : this.callByHttp(module, name, args);
  }

  /** Where a function of the site is; nowhere for a page that does without the site. @param {string[]} path */
  addressOf(...path) {
    return this.isDirect || !this.hello.site ? '' : functionsAddress(this.hello.site, this.hello, ...path);
  }

  /**
   * @param {string} module
   * @param {string} name
   * @param {any[]} args
   * @returns {Promise<Answer>}
   */
  callByMessage(module, name, args) {
    const id = crypto.randomUUID();
    return new Promise((/** @type {(answer: Answer) => void} */ resolve) => {
      const late = setTimeout(resolve, ANSWER_WITHIN_MS, failure('timed_out', 'That took too long. Try again in a minute.'));
      this.waiting.set(id, (answer) => {
        clearTimeout(late);
        resolve(answer);
      });
      this.post({ hingecraft: 'call', id, module, name, args });
    }).finally(() => this.waiting.delete(id));
  }

  /**
   * @param {string} module
   * @param {string} name
   * @param {any[]} args
   * @returns {Promise<Answer>}
   */
  async callByHttp(module, name, args) {
    const address = this.addressOf(module, name);
    if (!address) return failure('no_site', 'This page is not connected to its site. Open it on the site itself.');
    try {
      const response = await fetch(address, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ args }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      return (await response.json().catch(() => null)) ?? refusalOf(response, address);
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError')
        return failure('timed_out', 'That took too long. Try again in a minute.');
      return failure(
        'unreachable',
        navigator.onLine
          ? 'The site cannot be reached. Try again in a minute.'
          : 'You are offline. Try again when you are back online.',
      );
    }
  }

  /**
   * Leave for another page; false where only the person can, by a click on a link.
   * @param {string} url
   */
  go(url) {
    const isOwnPage = this.isDirect && isLocalPath(url);
    if (this.isBridged) this.post({ hingecraft: 'go', url });
    else if (isOwnPage) this.view.location.assign(this.ownPage(url));
    else if (!this.isFramed) this.view.location.assign(new URL(url, this.hello.site || this.view.location.href).href);
    return this.isBridged || isOwnPage || !this.isFramed;
  }

  /** The backend has the site's pages under /embed. @param {string} path */
  ownPage(path) {
    const page = new URL(`/embed${path}`, this.backend);
    if ('direct' in this.hello.query) page.searchParams.set('direct', '');
    return page.href;
  }
}

/**
 * @param {Response} response
 * @param {string} address
 * @returns {Answer}
 */
function refusalOf({ status }, address) {
  const host = new URL(address).host;
  if (status === 403) {
    const said = `${host} rejected this call (403) because the site's functions are not there. The site's owner must set the published site's address in this page.`;
    return failure('wrong_host', said);
  }
  if (status === 404)
    return failure(
      'not_published',
      `${host} does not have this function. The site's owner must publish the site with its backend code.`,
    );
  return failure('backend_unreachable', 'The site cannot do this right now. Try again in a minute.');
}

/** @param {Window} view */
function queryOf(view) {
  return Object.fromEntries(new URLSearchParams(view.location.search));
}

/** @param {Window} view */
function originAround(view) {
  const referrer = view.document.referrer;
  return referrer ? new URL(referrer).origin : (view.location.ancestorOrigins?.[0] ?? '');
}
