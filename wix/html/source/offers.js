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
 * `link` goes at once, `ask` has a payment page made first, `none` is not on offer. `spare` helps when asking fails.
 * @typedef {{way: 'link', url: string}
 *   | {way: 'ask', spare: string | null, wallet: Route['wallet']}
 *   | {way: 'none'}} Offer
 */

/**
 * @param {Route | undefined} route
 * @param {string | null} amount
 * @param {(url: string) => boolean} isSafe
 * @param {number} [now]
 * @returns {Offer}
 */
export function offerOf(route, amount, isSafe, now = Date.now()) {
  if (!route?.available) return { way: 'none' };
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
  return [10, 25, 50, 100].map((preset) => preset * scaleOf(least));
}

/**
 * What a dollar's amounts are multiplied by in a currency.
 * @param {number} least the currency's least amount, about a dollar
 */
function scaleOf(least) {
  // Such as a dinar, which is worth three dollars.
  if (least < 1) return 0.2;
  const power = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, least))));
  return power * ([5, 2].find((step) => least >= power * step) ?? 1);
}

/**
 * The owner's own amounts in another currency than theirs, about as much.
 * @param {string[]} amounts as the owner has set them
 * @param {number} ownLeast the least amount of the owner's currency
 * @param {number} least that of the visitor's
 * @returns {number[]}
 */
export function ownPresets(amounts, ownLeast, least) {
  const factor = scaleOf(least) / scaleOf(ownLeast);
  const suited = (/** @type {number} */ amount) => (factor === 1 ? amount : Math.max(least, Math.round(amount * factor)));
  // Small ones may become the same.
  return [...new Set(amounts.map((amount) => suited(Number(amount))))];
}
