// What a widget shows: made of elements only, so that no page's policy against markup in texts stands in its way.
import { problemOf, readAmount, symbolOf, writeAmount } from '../amounts.js';
import { filled } from '../languages.js';

/** @typedef {import('./choices.js').Choices} Choices */

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} kind
 * @param {(Node | string)[]} inside
 * @returns {HTMLElementTagNameMap[Name]}
 */
function made(name, kind, ...inside) {
  const element = document.createElement(name);
  element.className = kind;
  element.append(...inside);
  return element;
}

export class Form {
  /** @param {() => void} give */
  constructor(give) {
    this.isBusy = false;
    this.title = made('h2', 'title');
    this.title.id = 'title';
    this.test = made('p', 'test');
    this.legend = made('legend', 'unseen');
    this.presets = made('div', 'presets');
    this.field = made('input', '');
    Object.assign(this.field, { id: 'amount', type: 'text', inputMode: 'decimal', autocomplete: 'off', maxLength: 24 });
    this.field.setAttribute('aria-describedby', 'error');
    this.label = made('label', 'unseen');
    this.label.htmlFor = 'amount';
    this.symbol = made('span', 'symbol');
    this.symbol.setAttribute('aria-hidden', 'true');
    this.own = made('div', 'own', this.label, this.symbol, this.field);
    this.error = made('p', 'error');
    this.error.id = 'error';
    this.error.setAttribute('role', 'alert');
    this.button = made('button', 'give');
    this.button.type = 'submit';
    this.note = made('p', 'note');
    this.line = made('p', 'line');
    this.line.setAttribute('role', 'status');
    const fieldset = made('fieldset', '', this.legend, this.presets);
    this.form = made('form', '', fieldset, this.own, this.error, this.button, this.note);
    this.form.noValidate = true;
    this.skeleton = made('div', 'skeleton', ...['', '', ''].map(() => made('span', '')));
    this.skeleton.setAttribute('aria-hidden', 'true');
    this.section = made('section', 'frame', this.title, this.test, this.skeleton, this.form, this.line);
    this.section.setAttribute('aria-labelledby', 'title');
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      give();
    });
  }

  /** Before anything is known. @param {Choices} choices */
  wait(choices) {
    this.dress(choices);
    this.section.setAttribute('aria-busy', 'true');
    this.only(this.skeleton);
  }

  /** @param {Choices} choices */
  show(choices) {
    this.dress(choices);
    const { words } = choices;
    this.test.textContent = choices.isTest ? words.testMode : '';
    this.legend.textContent = words.amount;
    this.label.textContent = filled(words.yourAmount, { currency: choices.currency });
    this.symbol.textContent = symbolOf(choices.currency, choices.locale);
    this.note.textContent = words.note;
    this.drawPresets(choices);
    this.showChoice(choices);
    this.section.removeAttribute('aria-busy');
    this.only(this.form);
  }

  /**
   * One line instead of the form.
   * @param {Choices} choices
   * @param {string} backend
   */
  fail(choices, backend) {
    this.dress(choices);
    this.section.removeAttribute('aria-busy');
    this.only(null);
    this.tellFailed(choices, backend);
  }

  /**
   * @param {Choices} choices
   * @param {string} backend
   */
  tellFailed({ words }, backend) {
    this.tell(words.failed, words.openPage, `${backend}/embed/charter`);
  }

  /**
   * @param {Choices} choices
   * @param {string} url
   */
  tellOpened({ words }, url) {
    this.tell(words.opened, words.openPayment, url).focus();
  }

  /**
   * @param {string} text
   * @param {string} label
   * @param {string} href
   */
  tell(text, label, href) {
    const link = made('a', '', label);
    Object.assign(link, { href, target: '_blank', rel: 'noopener' });
    this.line.replaceChildren(text, ' ', link);
    return link;
  }

  /** @param {HTMLElement | null} shown */
  only(shown) {
    this.skeleton.hidden = shown !== this.skeleton;
    this.form.hidden = shown !== this.form;
    this.line.replaceChildren();
  }

  /** @param {Choices} choices */
  dress({ title, theme, hasBorder, palette, language, direction }) {
    const { section } = this;
    this.title.textContent = title;
    Object.assign(section, { lang: language, dir: direction });
    section.dataset.theme = theme;
    section.toggleAttribute('data-border', hasBorder);
    for (const [name, color] of Object.entries({
      '--accent': palette?.accent,
      '--accent-ink': palette?.accentInk,
      '--accent-soft': palette?.accentSoft,
    })) {
      if (color) section.style.setProperty(name, color);
      else section.style.removeProperty(name);
    }
  }

  /** @param {Choices} choices */
  drawPresets(choices) {
    const chosen = this.chosen?.value;
    const { amounts, words } = choices;
    const first = String(amounts[Math.min(1, amounts.length - 1)]);
    const values = [...amounts.map(String), 'other'];
    const kept = chosen && values.includes(chosen) ? chosen : first;
    const labels = values.map((value) => {
      const radio = made('input', '');
      Object.assign(radio, { type: 'radio', name: 'amount', value, checked: value === kept });
      radio.addEventListener('change', () => this.showChoice(choices, true));
      const text = value === 'other' ? words.other : writeAmount(value, choices.currency, choices.locale);
      return made('label', value === 'other' ? 'preset other' : 'preset', radio, made('span', '', text));
    });
    this.presets.replaceChildren(...labels);
    this.field.oninput = () => this.showChoice(choices);
  }

  get chosen() {
    return /** @type {HTMLInputElement | null} */ (this.presets.querySelector('input:checked'));
  }

  get isOther() {
    return this.chosen?.value === 'other';
  }

  /** @param {Choices} choices */
  amountOf({ locale }) {
    return this.isOther ? readAmount(this.field.value, locale) : (this.chosen?.value ?? null);
  }

  /** @param {Choices} choices */
  problemOf(choices) {
    const { currency, bounds, locale, amountWords } = choices;
    return problemOf(this.amountOf(choices), currency, bounds, locale, amountWords);
  }

  /**
   * @param {Choices} choices
   * @param {boolean} [isByHand]
   */
  showChoice(choices, isByHand = false) {
    this.own.hidden = !this.isOther;
    this.sayError('');
    this.showLabel(choices);
    if (isByHand && this.isOther) this.field.focus();
  }

  /** @param {Choices} choices */
  showLabel(choices) {
    this.choices = choices;
    const { words, currency, locale } = choices;
    const amount = this.problemOf(choices) ? null : this.amountOf(choices);
    const label = amount === null ? words.give : filled(words.giveAmount, { amount: writeAmount(amount, currency, locale) });
    this.button.textContent = this.isBusy ? words.busy : label;
  }

  /**
   * Whether the amount can be given; says why not.
   * @param {Choices} choices
   */
  check(choices) {
    const problem = this.problemOf(choices);
    this.sayError(problem);
    if (problem) (this.isOther ? this.field : this.chosen)?.focus();
    return !problem;
  }

  /** @param {string} text */
  sayError(text) {
    this.error.textContent = text;
    this.field.setAttribute('aria-invalid', String(Boolean(text)));
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.button.setAttribute('aria-busy', String(isBusy));
    this.button.setAttribute('aria-disabled', String(isBusy));
    if (isBusy) this.line.replaceChildren();
    if (this.choices) this.showLabel(this.choices);
  }
}
