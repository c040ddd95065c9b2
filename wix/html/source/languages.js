// Which language and which currency a visitor most likely wants.

/** In the order in which they are offered, each in its own words. @type {Record<string, string>} */
export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', ar: 'العربية' };

/** @param {string} tag such as de-AT */
const languageIn = (tag) => tag.split('-')[0].toLowerCase();

/**
 * The first language of the visitor's that we have, otherwise English; with the visitor's own way to write numbers.
 * @param {readonly string[]} preferred such as `navigator.languages`
 * @returns {{language: string, locale: string}}
 */
export function languageFor(preferred) {
  const tag = preferred.find((each) => languageIn(each) in LANGUAGES);
  return tag ? { language: languageIn(tag), locale: tag } : { language: 'en', locale: preferred[0] ?? 'en-US' };
}

/**
 * The same for a language that the visitor has chosen.
 * @param {string} language
 * @param {readonly string[]} preferred
 */
export function localeFor(language, preferred) {
  return preferred.find((tag) => languageIn(tag) === language) ?? language;
}

/** @param {string} language */
export const directionOf = (language) => (language === 'ar' ? 'rtl' : 'ltr');

/** Countries by what is paid with there; only currencies that cards are charged in everywhere. @type {Record<string, string>} */
const COUNTRIES = {
  EUR: 'AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC ME MT NL PT SI SK SM XK',
  USD: 'US EC PR SV PA',
  GBP: 'GB GG IM JE',
  CHF: 'CH LI',
  CAD: 'CA',
  AUD: 'AU',
  NZD: 'NZ',
  JPY: 'JP',
  SEK: 'SE',
  NOK: 'NO',
  DKK: 'DK GL FO',
  PLN: 'PL',
  CZK: 'CZ',
  HUF: 'HU',
  RON: 'RO',
  ISK: 'IS',
  TRY: 'TR',
  ILS: 'IL',
  INR: 'IN',
  SGD: 'SG',
  HKD: 'HK',
  KRW: 'KR',
  TWD: 'TW',
  THB: 'TH',
  MYR: 'MY',
  PHP: 'PH',
  IDR: 'ID',
  VND: 'VN',
  AED: 'AE',
  SAR: 'SA',
  QAR: 'QA',
  KWD: 'KW',
  EGP: 'EG',
  MAD: 'MA',
  ZAR: 'ZA',
  NGN: 'NG',
  KES: 'KE',
  BRL: 'BR',
  MXN: 'MX',
  ARS: 'AR',
  CLP: 'CL',
  COP: 'CO',
  PEN: 'PE',
  UYU: 'UY',
};

/**
 * The currency of the visitor's country.
 * @param {string} locale such as de-AT; of a bare language its largest country
 */
export function currencyFor(locale) {
  const region = regionOf(locale);
  return Object.keys(COUNTRIES).find((code) => COUNTRIES[code].split(' ').includes(region)) ?? 'USD';
}

/** @param {string} locale */
function regionOf(locale) {
  try {
    return new Intl.Locale(locale).maximize().region ?? '';
  } catch {
    return '';
  }
}

/**
 * A text with its {places} filled; what has no value stays, so that a mistake is seen.
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 */
export function filled(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}
