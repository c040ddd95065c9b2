// The site's calls, for all callers: web modules for pages, HTTP functions for the HTML components.
import { SaidError } from 'backend/lib/answers';
import { ask, base, safe } from 'backend/lib/backend';
import { amountOf, idOf, optionsOf, textOf } from 'backend/lib/given';

/** @typedef {import('./backend.js').Caller} Caller */

const PRESETS = new Set(['1', '2', '5']);
const CONFIG_KEPT_MS = 60000;
/** @type {{at: number, config: any} | null} */
let known = null;

/**
 * @param {Caller} caller
 * @param {unknown} amount
 */
export async function microPayment(caller, amount) {
  const wanted = amountOf(amount);
  if (!PRESETS.has(wanted)) throw new SaidError('The amount must be 1, 2 or 5 dollars.', { code: 'invalid_amount' });
  const body = { amount: Number(wanted), ...backOf(caller) };
  return safe(await ask('POST', '/mission-support/micro-payment', { caller, body }));
}

/**
 * @param {Caller} caller
 * @param {unknown} amount
 * @param {unknown} userInfo
 */
export async function otherAmount(caller, amount, userInfo) {
  const { name, email } = optionsOf(userInfo);
  const person = Object.fromEntries(Object.entries({ name, email }).filter(([, value]) => typeof value === 'string' && value));
  const body = { amount: amountOf(amount), ...(Object.keys(person).length ? { userInfo: person } : {}) };
  return ask('POST', '/mission-support/other', { caller, body });
}

/**
 * @param {Caller} caller
 * @param {unknown} prefillId
 */
export async function getPrefill(caller, prefillId) {
  return ask('GET', `/prefill/${idOf(prefillId, 'The link')}`, { caller });
}

/**
 * @param {Caller} caller
 * @param {unknown} amount
 * @param {unknown} currency
 * @param {unknown} options
 */
export async function pay(caller, amount, currency, options) {
  const { prefillId, email, priceCurrency } = optionsOf(options);
  const more = Object.entries({ prefillId, email, priceCurrency }).filter(([, value]) => typeof value === 'string' && value);
  const asked = { amount: amountOf(amount), currency: textOf(currency, 'The currency', 40) };
  const body = { ...asked, ...Object.fromEntries(more), ...backOf(caller) };
  return safe(await ask('POST', '/charter/generate-payment', { caller, body }));
}

/** @param {Caller} caller */
function backOf({ returnTo }) {
  return returnTo ? { returnTo } : {};
}

/**
 * @param {Caller} caller
 * @param {unknown} id our payment id, or Stripe's of a session
 */
export async function paymentStatus(caller, id) {
  return ask('GET', `/payments/${idOf(id, 'The payment')}`, { caller });
}

/** @param {Caller} caller */
export async function total(caller) {
  return ask('GET', '/charter/total', { caller });
}

/** @param {Caller} caller */
export async function config(caller) {
  if (!known || Date.now() - known.at > CONFIG_KEPT_MS)
    known = { at: Date.now(), config: await ask('GET', '/config', { caller }) };
  return known.config;
}

/**
 * What the owner has set: texts, amounts, colours and links.
 * @param {Caller} caller
 */
export async function appearance(caller) {
  return ask('GET', '/api/v1/appearance', { caller });
}

/** Forget what is kept, as when the site is pointed at another backend. */
export function forgetConfig() {
  known = null;
}

/** @param {Caller} caller */
export async function routes(caller) {
  return ask('GET', '/routes', { caller });
}

/** Where a page looks for newer routes by itself. */
export async function routesUrl() {
  return `${await base()}/routes`;
}
