// What visitors give is checked here first, so that the backend is not asked what it would refuse.
import { SaidError } from 'backend/lib/answers';

/**
 * @param {unknown} amount a number, or what somebody typed
 * @returns {string}
 */
export function amountOf(amount) {
  const text = typeof amount === 'number' && Number.isFinite(amount) ? String(amount) : amount;
  if (typeof text === 'string' && /^\d{1,12}([.]\d{1,18})?$/.test(text.trim()) && Number(text) > 0) return text.trim();
  throw new SaidError('The amount must be a number above zero, such as 37.50.', { code: 'invalid_amount' });
}

/**
 * @param {unknown} text
 * @param {string} what
 * @param {number} longest
 * @returns {string}
 */
export function textOf(text, what, longest = 100) {
  if (typeof text === 'string' && text.trim() && text.length <= longest) return text.trim();
  throw new SaidError(`${what} is missing or too long.`, { code: 'invalid' });
}

/**
 * @param {unknown} id
 * @param {string} what
 * @returns {string}
 */
export function idOf(id, what) {
  const text = textOf(id, what, 200);
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  throw new SaidError(`${what} can have only letters, digits, - and _.`, { code: 'invalid' });
}

/**
 * The original functions took one object, ours take positions: either is understood.
 * @param {unknown[]} given
 * @param {string[]} names of the positions; after them come the options, which the one object is too
 * @returns {any[]}
 */
export function positionsOf(given, ...names) {
  const [first, ...others] = given;
  const isAlone = others.every((each) => each === undefined || each === null);
  const one = optionsOf(first);
  return isAlone && one === first ? [...names.map((name) => one[name]), one] : given;
}

/**
 * Options of a call, of which only what is named is taken.
 * @param {unknown} options
 * @returns {Record<string, any>}
 */
export function optionsOf(options) {
  return options !== null && typeof options === 'object' && !Array.isArray(options) ? /** @type {any} */ (options) : {};
}
