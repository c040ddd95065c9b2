// <hingecraft-donate>: a form for a gift that any page can hold. It keeps its styles and its mistakes to itself.
import { mayBeGoneTo, isLoopback } from '../../../site/src/public/hingecraft-addresses.js';
import { Keys, UNKNOWN_OUTCOMES } from '../memory.js';
import { backendOf, open, settingsOf } from './backend.js';
import { choicesOf } from './choices.js';
import { Form } from './form.js';
import { STYLE } from './style.js';

const ATTRIBUTES = ['title', 'show-border', 'theme', 'amounts', 'currency', 'lang', 'site', 'api'];
/** Longer than any page needs to be left; after it the click has led nowhere. */
const LEFT_WITHIN_MS = 10_000;

/** @type {CSSStyleSheet | null} One for all widgets of a page. */
let sheet = null;

function style() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

export class Donate extends HTMLElement {
  static observedAttributes = ATTRIBUTES;

  constructor() {
    super();
    this.root = this.attachShadow({ mode: 'open' });
    this.root.adoptedStyleSheets = [style()];
    this.keys = new Keys();
    /** @type {import('./backend.js').Settings | null} */
    this.settings = null;
    /** Where the settings are from. */
    this.source = '';
    this.hasFailed = false;
    this.form = new Form(() => this.give());
    this.onReturn = (/** @type {PageTransitionEvent} */ event) => event.persisted && this.form.setBusy(false);
  }

  connectedCallback() {
    if (!this.form.section.isConnected) this.root.append(this.form.section);
    addEventListener('pageshow', this.onReturn);
    this.update();
  }

  disconnectedCallback() {
    removeEventListener('pageshow', this.onReturn);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.update();
  }

  get backend() {
    return backendOf(this.getAttribute('api'));
  }

  /** Show what is known, and ask for the rest. */
  update() {
    const source = JSON.stringify([this.backend, this.getAttribute('site')]);
    if (source !== this.source) {
      this.source = source;
      this.settings = null;
      this.hasFailed = false;
      this.load(source);
    }
    this.show();
  }

  /** @param {string} source */
  async load(source) {
    const settings = await settingsOf(this.backend, this.getAttribute('site'));
    if (source !== this.source) return;
    this.settings = settings;
    this.hasFailed = !settings;
    // It is asked for again when the widget is put into a page again.
    if (!settings) this.source = '';
    this.show();
  }

  show() {
    this.choices = choicesOf(this, this.settings);
    if (this.hasFailed) this.form.fail(this.choices, this.backend);
    else if (this.settings) this.form.show(this.choices);
    else this.form.wait(this.choices);
  }

  async give() {
    const { choices, form, backend } = this;
    if (!choices || form.isBusy || !form.check(choices)) return;
    const amount = String(form.amountOf(choices));
    const wanted = { amount, currency: choices.currency, strict: true, returnTo: 'embed' };
    form.setBusy(true);
    const answer = await open(backend, wanted, this.keys.of(backend, amount, choices.currency));
    if (answer.success || !UNKNOWN_OUTCOMES.includes(answer.code)) this.keys.forget();
    const url = answer.success ? answer.data.url : '';
    if (!mayBeGoneTo(url, { development: isLoopback(backend) })) {
      form.setBusy(false);
      form.tellFailed(choices, backend);
    } else if (window.top === window) {
      location.assign(url);
      setTimeout(() => form.setBusy(false), LEFT_WITHIN_MS);
    } else {
      // A payment page does not open in a frame, and only the person may leave it.
      form.setBusy(false);
      form.tellOpened(choices, url);
    }
  }
}
