// Currencies for a list: common ones first, each by its code and its name in the owner's language.
import { locale } from '../wix/place';

const COMMON = ['USD', 'EUR', 'GBP', 'CHF', 'CAD', 'AUD', 'JPY'];

export const isCommon = (code: string): boolean => COMMON.includes(code);

const names = new Intl.DisplayNames([locale, 'en'], { type: 'currency' });

export const labelOf = (code: string): string => `${code}  ${names.of(code) ?? ''}`;

export function currencies(): [code: string, label: string][] {
  const others = Intl.supportedValuesOf('currency').filter((code) => !COMMON.includes(code));
  return [...COMMON, ...others].map((code) => [code, labelOf(code)]);
}
