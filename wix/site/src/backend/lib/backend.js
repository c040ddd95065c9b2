// The one client of the payment backend.
import { fetch } from 'wix-fetch';
import { SaidError } from 'backend/lib/answers';
import { secret } from 'backend/lib/secrets';
import { visitorHeader } from 'backend/lib/visitor';

const AWAY = 'The payment service cannot be reached at the moment: try again in a minute.';
const PAY_HOSTS = ['checkout.stripe.com', 'buy.stripe.com', 'donate.stripe.com', 'nowpayments.io'];
const LOOPBACK = ['127.0.0.1', 'localhost'];

/** How long a call may take: above the backend's own ten seconds, below Wix's fourteen. */
export const LIMITS = { creating: 12_000, other: 8_000 };

/**
 * @typedef {object} Caller
 * @property {string} [ip] where Wix tells it
 * @property {string} [visitor] what the page calls itself
 * @property {string} [key] one for each click, kept for its retries
 * @property {string} [pageLoad] one for each load of a page
 */

/**
 * What a call answers; refusals and failures are SaidErrors.
 * @param {string} method
 * @param {string} path
 * @param {{caller?: Caller, body?: object}} [how]
 * @returns {Promise<any>}
 */
export async function ask(method, path, { caller = {}, body } = {}) {
  const base = (await secret('HC_BACKEND_URL')).replace(/\/+$/, '');
  const headers = { Accept: 'application/json', ...(await visitorHeader(caller)) };
  if (body) headers['Content-Type'] = 'application/json';
  if (typeof caller.key === 'string' && /^[\x21-\x7e]{16,255}$/.test(caller.key)) headers['Idempotency-Key'] = caller.key;
  if (typeof caller.pageLoad === 'string' && /^[0-9a-f-]{36}$/i.test(caller.pageLoad)) headers['X-HC-Page-Load'] = caller.pageLoad;
  const options = { method, headers, body: body && JSON.stringify(body), redirect: 'manual' };
  const answer = await within(body ? LIMITS.creating : LIMITS.other, received(`${base}${path}`, options));
  if (answer.document?.success === true && answer.ok) return answer.document.data;
  if (answer.document?.success === false && typeof answer.document.error === 'string') {
    throw new SaidError(answer.document.error, { code: String(answer.document.code ?? 'refused'), status: answer.status });
  }
  throw new SaidError(AWAY, { code: 'backend_unreachable', status: 502 });
}

async function received(url, options) {
  try {
    const response = await fetch(url, options);
    return { ok: response.ok, status: response.status, document: await response.json() };
  } catch {
    return { ok: false, status: 502, document: null };
  }
}

function within(milliseconds, work) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new SaidError(AWAY, { code: 'timed_out', status: 504 })), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/**
 * A checkout whose address may be gone to: https, at a provider that we know; or a wallet, which is no address.
 * @template {{url?: unknown}} T
 * @param {T} checkout
 * @returns {Promise<T>}
 */
export async function safe(checkout) {
  const url = typeof checkout?.url === 'string' ? checkout.url : '';
  if (url.startsWith('wallet:') || (await mayBeGoneTo(url))) return checkout;
  throw new SaidError('The payment link that came back is not one of our providers: nothing was opened.', {
    code: 'unsafe_url',
    status: 502,
  });
}

async function mayBeGoneTo(url) {
  let address;
  try {
    address = new URL(url);
  } catch {
    return false;
  }
  const { hostname, protocol, username, password } = address;
  if (username || password) return false;
  if (protocol === 'https:' && PAY_HOSTS.some((host) => hostname === host || hostname.endsWith(`.${host}`))) return true;
  // A laptop's own sandbox, and only for a backend on that laptop.
  return LOOPBACK.includes(hostname) && LOOPBACK.includes(new URL(await secret('HC_BACKEND_URL')).hostname);
}
