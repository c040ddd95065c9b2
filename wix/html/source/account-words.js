// Credits, plans and dates, as people read them.
import { writeAmount } from './amounts.js';
import { LOCALE } from './dom.js';

const NUMBER = new Intl.NumberFormat(LOCALE);
const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });

/** @typedef {{planType: string, kind: 'pack' | 'subscription', credits: number, priceId: string, amount: number, currency: string}} Offer */

/** @param {number} count */
export const creditsOf = (count) => `${NUMBER.format(count)} ${Math.abs(count) === 1 ? 'credit' : 'credits'}`;

/** @param {number} count */
export const numberOf = (count) => NUMBER.format(count);

/** @param {number} delta */
export const changeOf = (delta) => (delta > 0 ? `+${NUMBER.format(delta)}` : NUMBER.format(delta).replace('-', '−'));

/** @param {string} at */
export const momentOf = (at) => MOMENT.format(new Date(at));

/** @param {string} at */
export const dayOf = (at) => DATE.format(new Date(at));

/** A name of the backend, such as vision_pro. @param {string} name */
export function wordsOf(name) {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {{amount: number, currency: string}} price */
export const priceOf = ({ amount, currency }) => writeAmount(amount, currency.toUpperCase(), LOCALE);

/** What an offer costs, and how often. @param {Offer} offer */
export const costOf = (offer) => `${priceOf(offer)}${offer.kind === 'pack' ? '' : ' a month'}`;

/** @param {Offer} offer */
export function offerOf(offer) {
  const credits = creditsOf(offer.credits);
  return offer.kind === 'pack' ? credits : `${wordsOf(offer.planType)}: ${credits} a month`;
}

/** In one line, for a button or a choice. @param {Offer} offer */
export function saleOf(offer) {
  const plan = offer.kind === 'pack' ? '' : `${wordsOf(offer.planType)}: `;
  return `${plan}${creditsOf(offer.credits)} for ${costOf(offer)}`;
}

const PLANS = /** @type {Record<string, string>} */ ({
  incomplete: 'is waiting for its first payment',
  trialing: 'is in its trial period',
  past_due: 'could not be charged. Update your card under “Manage billing”',
  unpaid: 'could not be charged. Update your card under “Manage billing”',
  paused: 'is paused',
});

/** @param {{planType: string, status: string, currentPeriodEnd: string | null, cancelAtPeriodEnd: boolean} | null} plan */
export function planOf(plan) {
  if (!plan) return 'You have no plan. Choose one below to get credits every month.';
  const name = wordsOf(plan.planType);
  if (PLANS[plan.status]) return `${name} ${PLANS[plan.status]}.`;
  if (!plan.currentPeriodEnd) return `${name} is active.`;
  const day = dayOf(plan.currentPeriodEnd);
  return plan.cancelAtPeriodEnd ? `${name} ends on ${day}.` : `${name} renews on ${day}.`;
}

/** @param {number} balance */
export function balanceText(balance) {
  if (balance < 0) return 'Credits were refunded that you had already used.';
  return balance === 1 ? 'credit to use' : 'credits to use';
}
