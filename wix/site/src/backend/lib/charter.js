// Charter's own functions; the caller comes first.
import { SaidError } from 'backend/lib/answers';
import * as donations from 'backend/lib/donations';
import { amountOf, idOf, optionsOf, textOf } from 'backend/lib/given';

/** @typedef {import('./backend.js').Caller} Caller */

/**
 * What a page says of itself and of the click.
 * @param {unknown} options
 * @returns {Caller}
 */
export function callerOf(options) {
  const { visitor, key, pageLoad } = optionsOf(options);
  return { visitor, key, pageLoad };
}

/**
 * Everything that the page begins with; a link that is used up does not keep it from opening.
 * @param {Caller} caller
 * @param {unknown} options
 */
export async function onReady(caller, options) {
  const { prefillId, withAppearance } = optionsOf(options);
  const [routes, routesUrl, sum, config, appearance, prefill] = await Promise.all([
    donations.routes(caller),
    donations.routesUrl(),
    orNothing(donations.total(caller)),
    orNothing(donations.config(caller)),
    withAppearance === true ? orNothing(donations.appearance(caller)) : null,
    isGiven(prefillId) ? prefillOf(caller, prefillId) : undefined,
  ]);
  return {
    total: sum?.total ?? null,
    count: sum?.count ?? null,
    routesVersion: routes.version,
    routes: routes.routes,
    routesUrl,
    mode: config?.mode ?? null,
    bounds: boundsOf(config?.currencies ?? []),
    appearance,
    ...prefill,
  };
}

/** @param {unknown} value */
const isGiven = (value) => value !== undefined && value !== null && value !== '';

/** Giving goes on without what only adorns the page. @param {Promise<any>} work */
async function orNothing(work) {
  return work.catch((error) => {
    if (error instanceof SaidError) return null;
    throw error;
  });
}

/** @param {{code: string, exponent: number, minAmount: number, maxAmount: number, boundsIn: string}[]} currencies */
function boundsOf(currencies) {
  const own = currencies.filter(({ code, boundsIn }) => code === boundsIn);
  const bounds = own.map(({ code, exponent, minAmount, maxAmount }) => [
    code,
    { least: minAmount, most: maxAmount, digits: exponent },
  ]);
  return Object.fromEntries(bounds);
}

/**
 * @param {Caller} caller
 * @param {unknown} prefillId
 */
async function prefillOf(caller, prefillId) {
  try {
    return { prefill: await donations.getPrefill(caller, prefillId) };
  } catch (error) {
    if (!(error instanceof SaidError)) throw error;
    return { prefillError: { error: error.message, code: error.code } };
  }
}

/**
 * @param {Caller} caller
 * @param {unknown} amount
 * @param {unknown} coin
 * @param {unknown} options
 */
export async function cryptoButtonClick(caller, amount, coin, options) {
  return donations.pay(caller, amount, textOf(coin, 'The coin', 40), options);
}

/**
 * @param {Caller} caller
 * @param {unknown} amount
 * @param {unknown} paymentMethod
 * @param {unknown} options
 */
export async function fiatButtonClick(caller, amount, paymentMethod, options) {
  textOf(paymentMethod, 'The payment method', 40);
  return donations.pay(caller, amount, optionsOf(options).currency ?? 'USD', options);
}

/** @param {Caller} caller */
export async function getCumulativeTotal(caller) {
  return donations.total(caller);
}

/**
 * @param {Caller | null} _caller
 * @param {unknown} donationAmount
 * @param {unknown} paymentMethod
 */
export async function redirectBackToCharter(_caller, donationAmount, paymentMethod) {
  const amount = encodeURIComponent(amountOf(donationAmount));
  return {
    url: `/charter?donationAmount=${amount}&paymentMethod=${encodeURIComponent(idOf(paymentMethod, 'The payment method'))}`,
  };
}
