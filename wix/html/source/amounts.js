// Amounts as people write and read them, in their own locale; on the way they are decimal texts, never floats.
import { directionOf, filled } from './languages.js';

const ZEROS = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50];
const SPACES = /[\s\u00a0\u202f'’_]/g;
/** Of a currency, before or after the amount, such as in $25. */
const SIGNS = /^\p{Currency_Symbol}|\p{Currency_Symbol}$/gu;
const WRITTEN = /^\d{1,12}(?:[.]\d{1,18})?$/;

/**
 * The amount that somebody typed, as a plain decimal such as 37.5; null when it is none.
 * @param {string} typed
 * @param {string} locale
 * @returns {string | null}
 */
export function readAmount(typed, locale) {
  const text = latinDigits(typed).replace(SPACES, '').replace(SIGNS, '').replace(/٫/g, '.').replace(/٬/g, '');
  const plain = withPoint(text, decimalSign(locale));
  if (plain === null || !WRITTEN.test(plain) || Number(plain) <= 0) return null;
  const [whole, part = ''] = plain.split('.');
  const shortened = part.replace(/0+$/, '');
  return String(BigInt(whole)) + (shortened && `.${shortened}`);
}

/**
 * The same with a point before its decimals and no other sign; null when the signs make no sense.
 * @param {string} text
 * @param {string} decimal the locale's decimal sign
 */
function withPoint(text, decimal) {
  const signs = text.replace(/[^.,]/g, '');
  if (signs.length === 0) return text;
  if (new Set(signs).size === 2) return withBothSigns(text);
  if (signs.length > 1) return grouped(text, '') ? text.replaceAll(signs[0], '') : null;
  // One sign with three digits behind it is a thousand where the locale writes its decimals otherwise.
  const isThousand = signs !== decimal && /^\d{1,3}[.,]\d{3}$/.test(text);
  return text.replace(signs, isThousand ? '' : '.');
}

/** @param {string} text */
function withBothSigns(text) {
  const [decimal, other] = text.lastIndexOf('.') > text.lastIndexOf(',') ? ['.', ','] : [',', '.'];
  return grouped(text, decimal) ? text.replaceAll(other, '').replace(decimal, '.') : null;
}

/**
 * Whether the whole part is written in groups of three, or as in India; `decimal` is the sign that the fraction begins with, if any.
 * @param {string} text
 * @param {string} decimal
 */
function grouped(text, decimal) {
  const whole = decimal ? text.slice(0, text.lastIndexOf(decimal)) : text;
  return /^\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*$|^\d{1,2}(?:,\d{2})*,\d{3}$/.test(whole);
}

/** @param {string} text */
function latinDigits(text) {
  return text.replace(/\p{Decimal_Number}/gu, (digit) => {
    const zero = ZEROS.find((first) => digit.charCodeAt(0) >= first && digit.charCodeAt(0) < first + 10);
    return zero === undefined ? digit : String(digit.charCodeAt(0) - zero);
  });
}

/** @param {string} locale */
function decimalSign(locale) {
  const parts = formatOf(locale, {}).formatToParts(1.5);
  return parts.find((part) => part.type === 'decimal')?.value ?? '.';
}

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * Making a format takes a phone longer than using it a hundred times.
 * @param {string} locale
 * @param {Intl.NumberFormatOptions} options
 */
function formatOf(locale, options) {
  const name = JSON.stringify([locale, options]);
  const format = formats.get(name) ?? new Intl.NumberFormat(locale, options);
  formats.set(name, format);
  return format;
}

/**
 * An amount with its currency, as the locale writes it.
 * @param {string | number} amount
 * @param {string} currency
 * @param {string} locale
 */
export function writeAmount(amount, currency, locale) {
  const number = Number(amount);
  const digits = Number.isInteger(number) ? { minimumFractionDigits: 0 } : {};
  try {
    const format = formatOf(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol', ...digits });
    return directionOf(locale.split('-')[0]) === 'rtl' ? withWholeSign(format.formatToParts(number)) : format.format(number);
  } catch {
    return `${amount} ${currency}`;
  }
}

/**
 * From right to left, a sign such as US$ would become $US.
 * @param {Intl.NumberFormatPart[]} parts
 */
const withWholeSign = (parts) => parts.map(({ type, value }) => (type === 'currency' ? `\u2068${value}\u2069` : value)).join('');

/**
 * A currency's sign, such as €.
 * @param {string} currency
 * @param {string} locale
 */
export function symbolOf(currency, locale) {
  const parts = formatOf(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(0);
  return parts.find(({ type }) => type === 'currency')?.value ?? currency;
}

/**
 * An amount for the field that it is typed into.
 * @param {string | number} amount
 * @param {string} locale
 */
export function amountToEdit(amount, locale) {
  const minimumFractionDigits = Number.isInteger(Number(amount)) ? 0 : 2;
  return formatOf(locale, { useGrouping: false, minimumFractionDigits, maximumFractionDigits: 8 }).format(Number(amount));
}

/**
 * @typedef {object} Bounds the least and most that can be given, and how many decimals the currency has
 * @property {number} least
 * @property {number} most
 * @property {number} [digits] missing where the site's code is older than this page
 */

/** @typedef {typeof import('./texts/en.js').amounts} Words */
/** By the number of decimals. @type {(keyof Words)[]} */
const DECIMALS = ['whole', 'oneDecimal', 'twoDecimals', 'threeDecimals'];

/**
 * What is wrong with an amount, in words; empty when it is good.
 * @param {string | null} amount a plain decimal
 * @param {string} currency
 * @param {Bounds | undefined} bounds
 * @param {string} locale
 * @param {Words} words
 */
export function problemOf(amount, currency, bounds, locale, words) {
  if (amount === null) return filled(words.example, { example: amountToEdit('37.5', locale) });
  const digits = bounds?.digits ?? digitsOf(currency);
  if ((amount.split('.')[1] ?? '').length > digits) return tooManyDecimals(digits, locale, words);
  if (!bounds || (Number(amount) >= bounds.least && Number(amount) <= bounds.most)) return '';
  const [least, most] = [bounds.least, bounds.most].map((bound) => writeAmount(bound, currency, locale));
  return filled(words.bounds, { least, most });
}

/**
 * @param {number} digits
 * @param {string} locale
 * @param {Words} words
 */
function tooManyDecimals(digits, locale, words) {
  const example = amountToEdit(digits ? '12.345678'.slice(0, 3 + digits) : '12', locale);
  return filled(words[DECIMALS[digits] ?? 'moreDecimals'], { digits, example });
}

/** @param {string} currency */
function digitsOf(currency) {
  return formatOf('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}
