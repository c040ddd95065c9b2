// What a widget offers, and how it looks: its attributes first, then what the owner has set, then what suits the visitor.
import { currencyFor, directionOf, languageFor, localeFor } from '../languages.js';
import { presetsOf } from '../offers.js';
import * as ar from '../texts/ar.js';
import * as de from '../texts/de.js';
import * as en from '../texts/en.js';
import * as es from '../texts/es.js';
import * as fr from '../texts/fr.js';

/** @typedef {typeof en.widget} Words */
/** @type {Record<string, {widget: Words, amounts: typeof en.amounts}>} */
const TEXTS = {
  ar: { widget: ar.widget, amounts: ar.amounts },
  de: { widget: de.widget, amounts: de.amounts },
  en: { widget: en.widget, amounts: en.amounts },
  es: { widget: es.widget, amounts: es.amounts },
  fr: { widget: fr.widget, amounts: fr.amounts },
};
const MOST_AMOUNTS = 6;
const LONGEST_TITLE = 100;

/** @typedef {import('./backend.js').Settings | null} Settings */
/** @typedef {ReturnType<typeof choicesOf>} Choices */

/**
 * @param {HTMLElement} element
 * @param {Settings} settings
 */
export function choicesOf(element, settings) {
  const attribute = (/** @type {string} */ name) => element.getAttribute(name)?.trim() || null;
  const spoken = languageOf(attribute('lang'));
  const title = attribute('title') ?? settings?.widgetTitle ?? spoken.words.heading;
  return {
    ...spoken,
    title: title.slice(0, LONGEST_TITLE),
    ...lookOf(attribute('theme'), element.getAttribute('show-border'), settings),
    ...offerOf(attribute('currency'), attribute('amounts'), settings),
    isTest: settings?.mode === 'test',
  };
}

/**
 * @param {string | null} wanted
 * @param {string | null} border
 * @param {Settings} settings
 */
function lookOf(wanted, border, settings) {
  const theme = oneOf(wanted) ?? settings?.widgetTheme ?? 'light';
  return { theme, palette: settings?.[theme] ?? null, hasBorder: flag(border) ?? settings?.widgetBorder ?? true };
}

/**
 * That of the page around, otherwise the visitor's.
 * @param {string | null} wanted
 */
function languageOf(wanted) {
  const languages = navigator.languages ?? [];
  const around = wanted ?? document.documentElement.lang;
  const { language } = languageFor(around ? [around, ...languages] : languages);
  const { widget, amounts } = TEXTS[language];
  return {
    language,
    locale: localeFor(language, languages),
    direction: directionOf(language),
    words: widget,
    amountWords: amounts,
  };
}

/**
 * @param {string | null} wanted
 * @param {string | null} amounts
 * @param {Settings} settings
 */
function offerOf(wanted, amounts, settings) {
  const usual = currencyFor(navigator.languages?.[0] ?? '');
  const currency = currencyOf([wanted, settings?.defaultCurrency, usual], settings);
  const bounds = settings?.bounds[currency];
  const set = amountsOf(amounts?.split(','), bounds) ?? amountsOf(settings?.widgetAmounts, bounds);
  return { currency, bounds, amounts: set ?? presetsOf(bounds?.least ?? 1) };
}

/**
 * Those that can be given; null where there are none.
 * @param {string[] | null | undefined} given
 * @param {import('../amounts.js').Bounds | undefined} bounds
 */
function amountsOf(given, bounds) {
  const amounts = (given ?? [])
    .map((text) => Number(text))
    .filter((each) => each > 0 && (!bounds || (each >= bounds.least && each <= bounds.most)))
    .slice(0, MOST_AMOUNTS);
  return amounts.length ? amounts : null;
}

/**
 * The first currency that cards are charged in.
 * @param {(string | null | undefined)[]} wanted
 * @param {Settings} settings
 */
function currencyOf(wanted, settings) {
  const codes = wanted.map((code) => (code ?? '').toUpperCase());
  const known = (/** @type {string} */ code) => (settings ? code in settings.bounds : /^[A-Z]{3}$/.test(code));
  return codes.find(known) ?? 'USD';
}

/** @param {string | null} theme */
function oneOf(theme) {
  return theme === 'light' || theme === 'dark' ? theme : null;
}

/**
 * An attribute without a value means yes.
 * @param {string | null} value
 */
function flag(value) {
  return value === null ? null : value.trim().toLowerCase() !== 'false';
}
