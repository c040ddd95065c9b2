// What the main button can do for a currency and an amount, using only the routes. Pure.

/**
 * @typedef {object} Route
 * @property {string} currency
 * @property {string} name
 * @property {string} symbol
 * @property {'fiat' | 'crypto'} kind
 * @property {string} provider
 * @property {boolean} available
 * @property {string | null} url
 * @property {number} [amount]
 * @property {string} [expiresAt]
 * @property {import('./wallet.js').Wallet | null} wallet
 */

/**
 * `link` goes at once, `ask` has a payment page made first, `none` says why not. `spare` helps when asking fails.
 * @typedef {{way: 'link', url: string}
 *   | {way: 'ask', spare: string | null, wallet: Route['wallet']}
 *   | {way: 'none', reason: string}} Offer
 */

/**
 * @param {Route | undefined} route
 * @param {string | null} amount
 * @param {(url: string) => boolean} isSafe
 * @param {number} [now]
 * @returns {Offer}
 */
export function offerOf(route, amount, isSafe, now = Date.now()) {
  if (!route?.available) return { way: 'none', reason: 'This currency is currently unavailable. Choose another one.' };
  // A link that leads elsewhere is the owner's to correct (the backend tells them); the donor gets a payment page made.
  const url = route.url && !isOver(route, now) && isSafe(route.url) ? route.url : null;
  const only = typeof route.amount === 'number' ? route.amount : null;
  if (url && only !== null && Number(amount) === only) return { way: 'link', url };
  // A link on which the donor types the amount again is only for when nothing better can be had.
  return { way: 'ask', spare: only === null ? url : null, wallet: route.wallet };
}

/**
 * @param {Route} route
 * @param {number} now
 */
function isOver({ expiresAt }, now) {
  return expiresAt !== undefined && Date.parse(expiresAt) <= now;
}

/**
 * Presets in steps that suit what the currency is worth: with "Other" they are five.
 * @param {number} least the currency's least amount, about a dollar
 * @returns {number[]}
 */
export function presetsOf(least) {
  const power = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, least))));
  const scale = power * ([5, 2].find((step) => least >= power * step) ?? 1);
  return [10, 25, 50, 100].map((preset) => preset * scale);
}
