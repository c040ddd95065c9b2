// Products and purchases, as people read them.
import { dayOf, priceOf } from './account-words.js';

/** @typedef {{unit: 'day' | 'week' | 'month' | 'year', count: number}} Period */
/**
 * @typedef {{id: string, type: 'design' | 'course' | 'subscription', name: string, price: number, discountedPrice?: number,
 *   currency: string, downloadLimit?: number, period?: Period}} Product
 */
/**
 * @typedef {{id: string, productType: Product['type'], product: {id: string, name: string}, amount: number, currency: string,
 *   period?: Period, status: 'active' | 'expired' | 'refunded' | 'disputed' | 'cancelled', startsAt: string, endsAt?: string,
 *   cancelAtPeriodEnd?: boolean, downloads?: {used: number, limit: number | null}}} Purchase
 */
/** @typedef {{allowed: boolean, reason: string, endsAt?: string}} Access */

const TYPES = { design: 'Design', course: 'Course', subscription: 'Subscription' };

/** @param {Product['type']} type */
export const typeOf = (type) => TYPES[type];

/** What is charged. @param {Product} product */
export const chargedOf = ({ price, discountedPrice, currency }) => priceOf({ amount: discountedPrice ?? price, currency });

/** How often a subscription is charged; empty for what is charged once. @param {Pick<Product, 'type' | 'period'>} product */
export function rhythmOf({ type, period }) {
  if (type !== 'subscription' || !period) return '';
  return period.count === 1 ? `a ${period.unit}` : `every ${period.count} ${period.unit}s`;
}

/** What was paid, and how often a subscription is charged. @param {Purchase} purchase */
export const paidOf = (purchase) =>
  `${priceOf(purchase)} ${rhythmOf({ type: purchase.productType, period: purchase.period })}`.trim();

/** @param {Period} period */
const lengthOf = ({ unit, count }) => (count === 1 ? `1 ${unit}` : `${count} ${unit}s`);

/** @param {Period} period */
const everyOf = ({ unit, count }) => (count === 1 ? `every ${unit}` : `every ${count} ${unit}s`);

/** @param {number | null | undefined} limit */
const downloadsOf = (limit) => (limit ? `${limit} ${limit === 1 ? 'download' : 'downloads'}` : 'unlimited downloads');

/** What the buyer gets, in one line. @param {Product} product */
export function includedOf({ type, downloadLimit, period }) {
  if (type === 'subscription') {
    const each = downloadLimit ? `${downloadsOf(downloadLimit)} ${everyOf(/** @type {Period} */ (period))}` : downloadsOf(null);
    return `Opens every design, with ${each}.`;
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
export const leftOf = ({ downloads }) =>
  typeof downloads?.limit === 'number' ? Math.max(0, downloads.limit - downloads.used) : null;

/** @param {Purchase} purchase */
export function downloadsLeft(purchase) {
  const left = leftOf(purchase);
  if (left === null) return '';
  const period = purchase.productType === 'subscription' ? ' of this period' : '';
  if (left === 0 && purchase.downloads?.limit === 1) return `You have used the download${period}.`;
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
  const { status, productType, endsAt } = purchase;
  const day = endsAt ? dayOf(endsAt) : '';
  if (ENDED[status]) return ENDED[status];
  if (status === 'cancelled') return `Cancelled: access ended on ${day}.`;
  if (status === 'expired') return `Access ended on ${day}.`;
  if (productType === 'subscription') return runningOf(purchase, day, access?.reason ?? '');
  return day ? `Yours until ${day}.` : 'Yours for good.';
}

/**
 * @param {Purchase} subscription that runs
 * @param {string} day its paid period ends
 * @param {string} reason of the access
 */
function runningOf({ endsAt, cancelAtPeriodEnd }, day, reason) {
  const isDue = endsAt && new Date(endsAt) <= new Date();
  const next = cancelAtPeriodEnd ? `Ends on ${day}.` : `Renews on ${day}.`;
  if (ENDED[reason]) return `${ENDED[reason]} ${isDue ? '' : next}`.trim();
  if (cancelAtPeriodEnd) return `Cancelled: open until ${day}.`;
  return isDue ? 'We are charging your card for the next period. Access continues.' : next;
}
