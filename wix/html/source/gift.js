// What is chosen on Charter: an amount, and a currency with the way to pay that follows from it.
import { amountToEdit, problemOf, readAmount, symbolOf, writeAmount } from './amounts.js';
import { appearance } from './appearance.js';
import { amountError, chooseByCode, element, input, made, say } from './dom.js';
import { currencyFor } from './languages.js';
import { ownPresets, presetsOf } from './offers.js';
import * as texts from './texts.js';

/** @typedef {import('./offers.js').Route} Route */
/** @typedef {import('./amounts.js').Bounds} Bounds */

/** Longer than this, fewer fit side by side. */
const LONG_LABEL = 5;
/** In this order, before all others. */
const COMMON = ['USD', 'EUR', 'GBP', 'CAD', 'AUD', 'CHF', 'JPY'];
/** @type {['commonCurrencies' | 'otherCurrencies' | 'crypto', (route: Route) => boolean][]} */
const GROUPS = [
  ['commonCurrencies', ({ currency }) => COMMON.includes(currency)],
  ['otherCurrencies', ({ currency, kind }) => kind === 'fiat' && !COMMON.includes(currency)],
  ['crypto', ({ kind }) => kind === 'crypto'],
];

/**
 * The code comes first, so that typing it in the list finds it.
 * @param {Route} route
 */
function nameOf({ name, currency, kind }) {
  const called = kind === 'fiat' ? inWords(currency, name) : name;
  return called === currency ? currency : `${currency} – ${called}`;
}

/**
 * A currency's name in the visitor's language; English has the backend's own.
 * @param {string} currency
 * @param {string} name
 */
function inWords(currency, name) {
  const { lang } = document.documentElement;
  if (lang === 'en') return name;
  if (names.lang !== lang) names = { lang, of: new Intl.DisplayNames(lang, { type: 'currency', fallback: 'none' }) };
  return names.of?.of(currency) ?? name;
}

/** @type {{lang: string, of: Intl.DisplayNames | null}} */
let names = { lang: 'en', of: null };

/**
 * Common currencies in their own order, others by code.
 * @param {Route} one
 * @param {Route} other
 */
const inOrder = ({ currency: one }, { currency: other }) => COMMON.indexOf(one) - COMMON.indexOf(other) || (one < other ? -1 : 1);

/** A currency of which only the code is known. */
const UNKNOWN = /** @type {Route} */ ({ kind: 'fiat' });

/**
 * One amount to choose.
 * @param {number} number
 * @param {boolean} checked
 */
function preset(number, checked) {
  const radio = Object.assign(document.createElement('input'), { type: 'radio', name: 'preset', value: number, checked });
  return Object.assign(made('label', [radio, made('span', '')]), { className: 'preset' });
}

export class Gift {
  constructor() {
    /** Called when the person, or the page for them, has chosen something else. @type {() => void} */
    this.onChoice = () => undefined;
    /** Called when something else is on offer. @type {() => void} */
    this.onOffer = () => undefined;
    /** @type {Record<string, Route>} */
    this.routes = {};
    /** @type {Record<string, Bounds>} */
    this.bounds = {};
    this.select = /** @type {HTMLSelectElement} */ (element('currency'));
    this.presets = presetsOf(1);
    this.listed = '';
    this.isTouched = false;
    /** The owner's amounts. @type {string[] | null} */
    this.own = null;
    /** Whether a currency was chosen: by the person, the address, or an earlier visit to the page. */
    this.isChosen = false;
    element('form').addEventListener('input', () => {
      this.isTouched = true;
    });
    this.select.addEventListener('change', () => {
      this.isChosen = true;
      this.showCurrency();
    });
    chooseByCode(this.select);
    element('presets').addEventListener('change', () => this.showAmount(true));
    input('amount').addEventListener('input', () => {
      amountError('');
      this.onChoice();
    });
    // What is wrong is said when the person is done typing, not at every digit.
    input('amount').addEventListener('change', () => input('amount').value && amountError(this.problem, false));
  }

  get currency() {
    return this.select.value;
  }

  get route() {
    return /** @type {Route | undefined} */ (this.routes[this.currency]);
  }

  /** @param {Route['kind']} wanted */
  offers(wanted) {
    return Object.values(this.routes).some(({ kind, available }) => kind === wanted && available);
  }

  get isCrypto() {
    return this.route?.kind === 'crypto';
  }

  /** What the amount is in: coins are given by what they are worth in dollars. */
  get priceCurrency() {
    return this.isCrypto ? 'USD' : this.currency;
  }

  get isOther() {
    return input('other').checked;
  }

  /** The amount as a plain decimal, or null while none is chosen. */
  get amount() {
    if (this.isOther) return readAmount(input('amount').value, texts.locale);
    const chosen = document.querySelector('input[name="preset"]:checked');
    return chosen instanceof HTMLInputElement ? String(this.presets[Number(chosen.value)]) : null;
  }

  /** What is wrong with the amount, in words; empty when it is good. */
  get problem() {
    return problemOf(this.amount, this.priceCurrency, this.bounds[this.priceCurrency], texts.locale, texts.amounts());
  }

  /** @param {string | number} amount */
  written(amount) {
    return writeAmount(amount, this.priceCurrency, texts.locale);
  }

  /** What the main button says: the way to pay, and an amount that can be given. */
  get label() {
    const coin = this.route?.name ?? '';
    if (this.amount === null || this.problem) return texts.page(this.isCrypto ? 'giveInCoin' : 'giveByCard', { coin });
    const amount = this.written(this.amount);
    return texts.page(this.isCrypto ? 'giveAmountInCoin' : 'giveAmountByCard', { amount, coin });
  }

  /**
   * Routes and bounds as they are now; what was chosen stays chosen where it is still offered.
   * @param {Record<string, Route>} routes
   */
  offer(routes) {
    this.routes = routes;
    const chosen = this.currency;
    this.list(chosen);
    const isOffered = chosen in routes && (routes[chosen].available || this.isChosen || chosen === 'USD');
    if (isOffered) {
      this.showPresets();
      return this.onOffer();
    }
    if (this.isChosen) say('notice', texts.page('switched', { currency: chosen }));
    this.choose('USD');
  }

  /**
   * The currencies to choose from; not drawn again while they are the same, since someone may be using the list.
   * @param {string} chosen
   */
  list(chosen) {
    const { routes } = this;
    const sorted = Object.values(routes).sort(inOrder);
    const groups = GROUPS.map(([label, isOfGroup]) => {
      const group = Object.assign(document.createElement('optgroup'), { label: texts.page(label) });
      const offered = sorted.filter((route) => isOfGroup(route) && (route.available || route.currency === chosen));
      group.append(...offered.map((route) => new Option(nameOf(route), route.currency)));
      return group;
    });
    const listed = groups.map((group) => group.textContent).join();
    if (listed === this.listed) return;
    this.listed = listed;
    this.select.replaceChildren(...groups.filter((group) => group.childElementCount > 0));
    if (chosen in routes) this.select.value = chosen;
  }

  /** @param {string} currency */
  choose(currency) {
    this.isChosen = true;
    if ([...this.select.options].some((option) => option.value === currency)) this.select.value = currency;
    this.showCurrency();
  }

  /** The currency to begin with, before the routes are known: the owner's, or that of the visitor's country. */
  begin() {
    // What somebody has chosen, or is paying already, stays.
    if (this.isTouched) return;
    const currency = appearance.defaultCurrency ?? currencyFor(texts.locale);
    this.own = appearance.pageAmounts ?? null;
    if (!this.isChosen) {
      if (![...this.select.options].some((option) => option.value === currency))
        this.select.append(new Option(nameOf({ ...UNKNOWN, name: currency, currency }), currency));
      this.select.value = currency;
    }
    this.showCurrency();
  }

  /** Everything again, in another language. */
  showAgain() {
    this.listed = '';
    if (this.routes[this.currency]) this.list(this.currency);
    this.showPresets();
    this.onChoice();
  }

  /** @param {string} amount */
  fill(amount) {
    const preset = this.presets.findIndex((each) => each === Number(amount));
    const chosen = preset < 0 ? input('other') : document.querySelector(`input[name="preset"][value="${preset}"]`);
    if (chosen instanceof HTMLInputElement) chosen.checked = true;
    if (preset < 0) input('amount').value = amountToEdit(amount, texts.locale);
    this.showAmount(false);
  }

  showCurrency() {
    this.showPresets();
    this.showAmount(false);
  }

  showPresets() {
    this.presets = this.offered();
    const labels = this.presets.map((preset) => this.written(preset));
    this.drawPresets(labels);
    element('presets').toggleAttribute(
      'data-long',
      labels.some((label) => label.length > LONG_LABEL),
    );
    element('symbol').textContent = this.isCrypto ? '$' : (this.route?.symbol ?? symbolOf(this.currency, texts.locale));
    const coin = this.route?.name ?? '';
    say('currency-hint', this.isCrypto ? texts.page('coinHint', { coin }) : texts.page('currencyHint'));
  }

  /** The amounts to choose from: the owner's, otherwise ours. */
  offered() {
    const least = this.leastOf(this.priceCurrency);
    const { own } = this;
    return own ? ownPresets(own, this.leastOf(appearance.defaultCurrency ?? 'USD'), least) : presetsOf(least);
  }

  /** @param {string} currency */
  leastOf(currency) {
    return this.bounds[currency]?.least ?? 1;
  }

  /**
   * The second of them is chosen first. They are drawn again only when there are more or fewer.
   * @param {string[]} labels
   */
  drawPresets(labels) {
    const list = element('presets');
    const shown = () => list.querySelectorAll('.preset:not(.other) span');
    if (shown().length !== labels.length) {
      for (const old of list.querySelectorAll('.preset:not(.other)')) old.remove();
      const first = Math.min(1, labels.length - 1);
      list.prepend(...labels.map((_, number) => preset(number, number === first && !this.isOther)));
    }
    for (const [number, span] of shown().entries()) span.textContent = labels[number];
  }

  /** @param {boolean} isByHand whether the person has just chosen it */
  showAmount(isByHand) {
    element('own').hidden = !this.isOther;
    if (!this.isOther) input('amount').value = '';
    amountError('');
    if (isByHand && this.isOther && !input('amount').value) input('amount').focus();
    this.onChoice();
  }
}
