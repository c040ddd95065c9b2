// Numbers, money and dates in the language of the owner's Wix dashboard.
import { locale } from './wix/place';

export const number = (value: number): string => new Intl.NumberFormat(locale).format(value);

export const percent = (share: number): string =>
  new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share);

/** Coins have no currency style: their amounts keep all digits, before their code. */
export function money(amount: number | string, currency: string): string {
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency, ...digitsOf(Number(amount)) }).format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Whole amounts are shown without decimals. */
const digitsOf = (amount: number): Intl.NumberFormatOptions => (Number.isInteger(amount) ? { maximumFractionDigits: 0 } : {});

export const day = (moment: string | Date): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(moment));

/** A day such as 2026-11-27, whatever the owner's time zone. */
export const shortDay = (date: string): string =>
  new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' }).format(new Date(date));

export const moment = (when: string | Date): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(when));

export const clock = (when: number): string => new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(when);

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** Such as "5 minutes ago". */
export function ago(when: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(when) - now) / 1000);
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? (['second', 1] as const);
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}

/** How long something takes: milliseconds, seconds, minutes or hours, whichever reads best. */
export function duration(seconds: number): string {
  if (seconds < 1) return unit(Math.round(seconds * 1000), 'millisecond');
  if (seconds < 90) return unit(Math.round(seconds * 10) / 10, 'second');
  if (seconds < 5_400) return unit(Math.round(seconds / 60), 'minute');
  return unit(Math.round(seconds / 360) / 10, 'hour');
}

const unit = (value: number, name: string): string =>
  new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);

export const capitalized = (text: string): string => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
