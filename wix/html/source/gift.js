// What is chosen on Charter: an amount, and a currency with the way to pay that follows from it.
import { amountToEdit, problemOf, readAmount, writeAmount } from './amounts.js';
import { amountError, chooseByCode, element, input, LOCALE, say } from './dom.js';
import { presetsOf } from './offers.js';

/** @typedef {import('./offers.js').Route} Route */
/** @typedef {import('./amounts.js').Bounds} Bounds */

/** Longer than this, fewer fit side by side. */
const LONG_LABEL = 5;
/** In this order, before all others. */
const COMMON = ['USD', 'EUR', 'GBP', 'CAD', 'AUD', 'CHF', 'JPY'];
/** @type {[string, (route: Route) => boolean][]} */
const GROUPS = [
  ['Common currencies', ({ currency }) => COMMON.includes(currency)],
  ['All other currencies', ({ currency, kind }) => kind === 'fiat' && !COMMON.includes(currency)],
  ['Crypto', ({ kind }) => kind === 'crypto'],
];

/**
 * The code comes first, so that typing it in the list finds it.
 * @param {Route} route
 */
const nameOf = ({ name, currency }) => (name === currency ? currency : `${currency} – ${name}`);

/**
 * Common currencies in their own order, others by code.
 * @param {Route} one
 * @param {Route} other
 */
const inOrder = ({ currency: one }, { currency: other }) => COMMON.indexOf(one) - COMMON.indexOf(other) || (one < other ? -1 : 1);

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
    element('form').addEventListener('input', () => {
      this.isTouched = true;
    });
    this.select.addEventListener('change', () => this.showCurrency());
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
    if (this.isOther) return readAmount(input('amount').value, LOCALE);
    const chosen = document.querySelector('input[name="preset"]:checked');
    return chosen instanceof HTMLInputElement ? String(this.presets[Number(chosen.value)]) : null;
  }

  /** What is wrong with the amount, in words; empty when it is good. */
  get problem() {
    return problemOf(this.amount, this.priceCurrency, this.bounds[this.priceCurrency], LOCALE);
  }

  /** @param {string | number} amount */
  written(amount) {
    return writeAmount(amount, this.priceCurrency, LOCALE);
  }

  /** What the main button says: the way to pay, and an amount that can be given. */
  get label() {
    const way = this.isCrypto ? `in ${this.route?.name}` : 'by card';
    return this.amount === null || this.problem ? `Give ${way}` : `Give ${this.written(this.amount)} ${way}`;
  }

  /**
   * Routes and bounds as they are now; what was chosen stays chosen where it is still offered.
   * @param {Record<string, Route>} routes
   */
  offer(routes) {
    this.routes = routes;
    const chosen = this.currency;
    this.list(chosen);
    if (chosen in routes) {
      this.showPresets();
      return this.onOffer();
    }
    say('notice', `We can't take ${chosen} right now, so we switched to US dollar.`);
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
      const group = Object.assign(document.createElement('optgroup'), { label });
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
    if ([...this.select.options].some((option) => option.value === currency)) this.select.value = currency;
    this.showCurrency();
  }

  /** @param {string} amount */
  fill(amount) {
    const preset = this.presets.findIndex((each) => each === Number(amount));
    const chosen = preset < 0 ? input('other') : document.querySelector(`input[name="preset"][value="${preset}"]`);
    if (chosen instanceof HTMLInputElement) chosen.checked = true;
    if (preset < 0) input('amount').value = amountToEdit(amount, LOCALE);
    this.showAmount(false);
  }

  showCurrency() {
    this.showPresets();
    this.showAmount(false);
  }

  showPresets() {
    this.presets = presetsOf(this.bounds[this.priceCurrency]?.least ?? 1);
    const shown = element('presets').querySelectorAll('span');
    const labels = this.presets.map((preset) => this.written(preset));
    for (const [number, label] of labels.entries()) shown[number].textContent = label;
    element('presets').toggleAttribute(
      'data-long',
      labels.some((label) => label.length > LONG_LABEL),
    );
    element('symbol').textContent = this.isCrypto ? '$' : (this.route?.symbol ?? '$');
    const hint = this.isCrypto
      ? `The amount is in US dollars. You pay the equivalent in ${this.route?.name}.`
      : 'Card in any of these currencies, or crypto.';
    say('currency-hint', hint);
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
