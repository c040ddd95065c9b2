// The one client of the payment backend.
import { SaidError } from 'backend/lib/answers';
import { backendUrl, fetch, newRequestId, visitorHeader } from 'backend/lib/runtime';
import { isLoopback, mayBeGoneTo } from 'public/hingecraft-addresses';

const AWAY = 'The payment service cannot be reached right now. Try again in a minute.';
const KEY = /^[\x21-\x7e]{16,255}$/;
const PAGE_LOAD = /^[0-9a-f-]{36}$/i;

/** How long a call may take: above the backend's own ten seconds, below Wix's fourteen. */
export const LIMITS = { creating: 12000, other: 8000 };

/**
 * @typedef {object} Caller
 * @property {string} [ip] where Wix tells it
 * @property {string} [visitor] what the page calls itself
 * @property {string} [key] one for each click, kept for its retries
 * @property {string} [pageLoad] one for each load of a page
 * @property {'embed'} [returnTo] where the payer comes back to, when it is not the site
 */

/**
 * What a call answers; refusals and failures are SaidErrors.
 * @param {string} method
 * @param {string} path
 * @param {{caller?: Caller, body?: object}} [how]
 * @returns {Promise<any>}
 */
export async function ask(method, path, how = {}) {
  const requestId = newRequestId();
  try {
    return await answerOf(method, path, requestId, how);
  } catch (error) {
    if (error instanceof SaidError) error.requestId = requestId;
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {string} requestId by which the backend's log is searched
 * @param {{caller?: Caller, body?: object}} how
 */
async function answerOf(method, path, requestId, { caller = {}, body }) {
  const headers = { 'X-Request-Id': requestId, ...(await headersOf(caller, body !== undefined)) };
  /** @type {RequestInit} */
  const options = { method, headers, body: body && JSON.stringify(body), redirect: 'manual' };
  const answer = await within(body ? LIMITS.creating : LIMITS.other, received(`${await base()}${path}`, options));
  if (answer.document?.success === true && answer.ok) return answer.document.data;
  if (answer.document?.success === false && typeof answer.document.error === 'string') {
    throw new SaidError(answer.document.error, { code: String(answer.document.code ?? 'refused'), status: answer.status });
  }
  throw new SaidError(AWAY, { code: 'backend_unreachable', status: 502 });
}

/**
 * @param {Caller} caller
 * @param {boolean} hasBody
 */
async function headersOf({ key, pageLoad, ip, visitor }, hasBody) {
  return {
    Accept: 'application/json',
    ...(await visitorHeader({ ip, visitor })),
    ...(hasBody ? { 'Content-Type': 'application/json' } : {}),
    ...(typeof key === 'string' && KEY.test(key) ? { 'Idempotency-Key': key } : {}),
    ...(typeof pageLoad === 'string' && PAGE_LOAD.test(pageLoad) ? { 'X-HC-Page-Load': pageLoad } : {}),
  };
}

/** Where the backend is, without a slash at its end. */
export async function base() {
  return (await backendUrl()).replace(/\/+$/, '');
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function received(url, options) {
  try {
    const response = await fetch(url, options);
    return { ok: response.ok, status: response.status, document: await response.json() };
  } catch {
    return { ok: false, status: 502, document: null };
  }
}

/**
 * @template T
 * @param {number} milliseconds
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
function within(milliseconds, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((/** @type {(value: never) => void} */ _resolve, reject) => {
    timer = setTimeout(() => reject(new SaidError(AWAY, { code: 'timed_out', status: 504 })), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/**
 * A checkout whose address may be gone to: https, at a provider that we know; or a wallet, which has none.
 * @template {{url?: unknown}} T
 * @param {T} checkout
 * @returns {Promise<T>}
 */
export async function safe(checkout) {
  const url = typeof checkout?.url === 'string' ? checkout.url : '';
  // A laptop's own sandbox is gone to only from a backend on that laptop.
  const development = isLoopback(await backendUrl());
  if (url.startsWith('wallet:') || mayBeGoneTo(url, { development })) return checkout;
  throw new SaidError('We did not recognise the payment link, so we did not open it. Please try again.', {
    code: 'unsafe_url',
    status: 502,
  });
}
