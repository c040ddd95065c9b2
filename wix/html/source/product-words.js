// Products and purchases, as people read them.
import { dayOf, priceOf } from './account-words.js';

/** @typedef {{unit: 'day' | 'week' | 'month' | 'year', count: number}} Period */
/**
 * @typedef {{id: string, type: 'design' | 'course' | 'subscription', name: string, price: number, discountedPrice?: number,
 *   currency: string, downloadLimit?: number, period?: Period}} Product
 */
/**
 * @typedef {{id: string, productType: Product['type'], product: {id: string, name: string}, amount: number, currency: string,
 *   status: 'active' | 'expired' | 'refunded' | 'disputed' | 'cancelled', startsAt: string, endsAt?: string,
 *   cancelAtPeriodEnd?: boolean, downloads?: {used: number, limit: number | null}}} Purchase
 */
/** @typedef {{allowed: boolean, reason: string, endsAt?: string}} Access */

const TYPES = { design: 'Design', course: 'Course', subscription: 'Subscription' };

/** @param {Product['type']} type */
export const typeOf = (type) => TYPES[type];

/** What is charged. @param {Product} product */
export const chargedOf = ({ price, discountedPrice, currency }) => priceOf({ amount: discountedPrice ?? price, currency });

/** @param {Period} period */
const lengthOf = ({ unit, count }) => (count === 1 ? `1 ${unit}` : `${count} ${unit}s`);

/** @param {Period} period */
const everyOf = ({ unit, count }) => (count === 1 ? `every ${unit}` : `every ${count} ${unit}s`);

/** @param {number | null | undefined} limit */
const downloadsOf = (limit) => (limit ? `${limit} ${limit === 1 ? 'download' : 'downloads'}` : 'unlimited downloads');

/** What the buyer gets, in one line. @param {Product} product */
export function includedOf({ type, downloadLimit, period }) {
  if (type === 'subscription') {
    const each = downloadLimit ? `${downloadsOf(downloadLimit)} each time` : downloadsOf(null);
    return `Renews ${everyOf(/** @type {Period} */ (period))}. Opens every design, with ${each}.`;
  }
  const long = period ? `for ${lengthOf(period)}` : 'for good';
  return type === 'design' ? `Yours ${long}, with ${downloadsOf(downloadLimit)}.` : `Open to you ${long}.`;
}

/** When it is charged. @param {Product} product */
export function termsOf({ type, period }) {
  if (type !== 'subscription') return 'Charged once.';
  return `Charged now and ${everyOf(/** @type {Period} */ (period))}, until you cancel in your account.`;
}

/** Downloads that are left; null: no limit. @param {Purchase} purchase */
export const leftOf = ({ downloads }) => (downloads?.limit == null ? null : Math.max(0, downloads.limit - downloads.used));

/** @param {Purchase} purchase */
export function downloadsLeft(purchase) {
  const left = leftOf(purchase);
  if (left === null) return '';
  const period = purchase.productType === 'subscription' ? ' of this period' : '';
  if (left === 0) return `You have used all ${downloadsOf(purchase.downloads?.limit)}${period}.`;
  return `${left} of ${downloadsOf(purchase.downloads?.limit)} left${period && ' in this period'}.`;
}

/** @type {Record<string, string>} */
const ENDED = {
  refunded: 'Refunded: access has ended.',
  disputed: 'Your bank is reviewing this payment: access is paused until it decides.',
};

/**
 * What access a purchase gives, or why it gives none.
 * @param {Purchase} purchase
 * @param {Access} [access] to the product, where the purchase does not say it by itself
 */
export function standingOf(purchase, access) {
  const { status, productType, endsAt, cancelAtPeriodEnd } = purchase;
  const day = endsAt ? dayOf(endsAt) : '';
  if (ENDED[status]) return ENDED[status];
  if (status === 'cancelled') return `Cancelled: access ended on ${day}.`;
  if (status === 'expired') return `Access ended on ${day}.`;
  if (productType !== 'subscription') return day ? `Yours until ${day}.` : 'Yours for good.';
  const next = cancelAtPeriodEnd ? `It ends on ${day}.` : `It renews on ${day}.`;
  if (access && ENDED[access.reason]) return `This period: ${ENDED[access.reason].toLowerCase()} ${next}`;
  if (cancelAtPeriodEnd) return `Cancelled: open until ${day}.`;
  if (endsAt && new Date(endsAt) <= new Date()) return 'We are charging your card for the next period. Access continues.';
  return `Renews on ${day}.`;
}
