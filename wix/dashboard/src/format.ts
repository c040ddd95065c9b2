// Numbers, money and dates in the language of the owner's Wix dashboard.
import { direction, locale } from './wix/place';

// Among English words, what is written from right to left stays together.
const together = (text: string): string => (direction === 'rtl' ? `\u2068${text}\u2069` : text);

const MONEY = new Set(Intl.supportedValuesOf('currency'));
// As many as any coin has.
const DIGITS_OF_COINS = 18;

export const number = (value: number): string => new Intl.NumberFormat(locale).format(value);

/** A number with its noun, such as "1 payment" or "3 payments". */
export const counted = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;

export const percent = (share: number): string =>
  new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share);

/** Amounts of coins keep all digits, before the coin's code. */
export function money(amount: number | string, currency: string): string {
  const value = Number(amount);
  if (MONEY.has(currency)) {
    const style = { style: 'currency', currency, ...digitsOf(value) } as const;
    return together(withWholeSign(new Intl.NumberFormat(locale, style).formatToParts(value)));
  }
  return together(`${new Intl.NumberFormat(locale, { maximumFractionDigits: DIGITS_OF_COINS }).format(value)} ${currency}`);
}

/** From right to left, a sign such as US$ would become $US. */
const withWholeSign = (parts: readonly Intl.NumberFormatPart[]): string =>
  parts.map(({ type, value }) => (type === 'currency' ? together(value) : value)).join('');

/** Whole amounts are shown without decimals. */
const digitsOf = (amount: number): Intl.NumberFormatOptions => (Number.isInteger(amount) ? { maximumFractionDigits: 0 } : {});

export const day = (moment: string | Date): string =>
  together(new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(moment)));

/** A day such as 2026-11-27, whatever the owner's time zone. */
export const shortDay = (date: string): string =>
  new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' }).format(new Date(date));

export const moment = (when: string | Date): string =>
  together(new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(when)));

/** With its zone, where the date stands by itself. */
export const momentInZone = (when: string): string =>
  together(new Intl.DateTimeFormat(locale, { ...LONG, timeZoneName: 'short' }).format(new Date(when)));

const LONG = { year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' } as const;

/** The owner's zone, such as "Central European Standard Time". */
export function zoneName(): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'long' }).formatToParts(new Date());
  return together(parts.find(({ type }) => type === 'timeZoneName')?.value ?? '');
}

export const clock = (when: number): string => together(new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(when));

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** Such as "5 minutes ago". */
export function ago(when: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(when) - now) / 1000);
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? (['second', 1] as const);
  return together(new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit));
}

/** How long something takes: milliseconds, seconds, minutes or hours, whichever reads best. */
export function duration(seconds: number): string {
  if (seconds < 1) return unit(Math.round(seconds * 1000), 'millisecond');
  if (seconds < 90) return unit(Math.round(seconds * 10) / 10, 'second');
  if (seconds < 5_400) return unit(Math.round(seconds / 60), 'minute');
  return unit(Math.round(seconds / 360) / 10, 'hour');
}

export function fileSize(bytes: number): string {
  if (bytes < 1_000_000) return unit(Math.ceil(bytes / 1000), 'kilobyte');
  return unit(Math.round(bytes / 100_000) / 10, 'megabyte');
}

const unit = (value: number, name: string): string =>
  together(new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value));

export const capitalized = (text: string): string => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
