// The texts of the donation pages, in the visitor's language or in one that they choose.
import { directionOf, filled, languageFor, LANGUAGES, localeFor } from './languages.js';
import * as ar from './texts/ar.js';
import * as de from './texts/de.js';
import * as en from './texts/en.js';
import * as es from './texts/es.js';
import * as fr from './texts/fr.js';

/** @typedef {typeof en} Catalogue */
/** @type {Record<string, Catalogue>} */
const CATALOGUES = { ar, de, en, es, fr };
const KEPT_AS = 'hingecraft-language';
const preferred = navigator.languages ?? [navigator.language];

/** The person's own way to write numbers. */
export let locale = 'en-US';
let language = 'en';
/** Called with the new language in force. @type {(() => void)[]} */
const listeners = [];

const catalogue = () => CATALOGUES[language];

/** @param {keyof Catalogue['page']} name @param {Record<string, string | number>} [values] */
export const page = (name, values) => filled(catalogue().page[name], { name: organization, ...values });

/** @param {keyof Catalogue['outcome']} name @param {Record<string, string | number>} [values] */
export const outcome = (name, values) => filled(catalogue().outcome[name], { name: organization, ...values });

/** @param {keyof Catalogue['wallet']} name @param {Record<string, string | number>} [values] */
export const wallet = (name, values) => filled(catalogue().wallet[name], values);

/** What `problemOf` says. */
export const amounts = () => catalogue().amounts;

/** Who receives the gifts. */
let organization = 'HingeCraft';

/** @param {string} name */
export function setOrganization(name) {
  organization = name;
}

/**
 * Why a call failed, for the donor. The backend's own sentence is English, and says more.
 * @param {{error: string, code: string}} answer
 */
export function said({ error, code }) {
  if (language === 'en') return error;
  const { errors } = catalogue();
  if (code === 'unreachable' && !navigator.onLine) return errors.offline;
  return /** @type {Record<string, string>} */ (errors)[code] ?? errors.other;
}

/** @param {string} chosen */
function use(chosen) {
  language = chosen;
  locale = localeFor(chosen, preferred);
}

/** Begin with the language of the address (`?lang=de`), of the last visit, or of the browser. */
export function begin() {
  const asked = new URLSearchParams(location.search).get('lang') ?? kept();
  if (asked && asked in LANGUAGES) use(asked);
  else ({ language, locale } = languageFor(preferred));
  const select = /** @type {HTMLSelectElement} */ (document.getElementById('language'));
  for (const [code, name] of Object.entries(LANGUAGES)) {
    select.append(Object.assign(new Option(name, code), { lang: code }));
  }
  select.value = language;
  select.addEventListener('change', () => {
    use(select.value);
    keep();
    show();
    for (const listener of listeners) listener();
  });
  show();
}

/** @param {() => void} listener */
export function onChange(listener) {
  listeners.push(listener);
}

/** Fill every element that names its text; what an owner has written stays. */
export function show() {
  Object.assign(document.documentElement, { lang: language, dir: directionOf(language) });
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-text], [data-label]'))) {
    const { text, label } = each.dataset;
    if (text) each.textContent = named(text);
    if (label) each.setAttribute('aria-label', named(label));
  }
}

/**
 * A text by its part and name, such as outcome.again.
 * @param {string} path
 */
function named(path) {
  const [part, name] = path.split('.');
  return filled(/** @type {any} */ (catalogue())[part][name], { name: organization });
}

function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function keep() {
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    // A frame of another host may keep nothing: then a reload asks the browser again.
  }
}
