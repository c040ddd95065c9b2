// Stripe's card form. Its script is loaded when somebody pays; card numbers stay in its frames.
import { told } from './dom.js';

/** @typedef {{state: 'ready'} | {state: 'paid'} | {state: 'failed', text: string}} Result */

const LOADED_WITHIN_MS = 20_000;
const PAID = ['succeeded', 'processing', 'requires_capture'];
const NOT_LOADED = 'The card form could not be loaded. Check your connection and any content blocker, then try again.';
const NOT_PAID = 'The payment did not go through. Nothing was charged: try again.';
const DARK = matchMedia('(prefers-color-scheme: dark)');

/** @type {Promise<any> | undefined} */
let loading;

/** @returns {Promise<any>} Stripe's function; rejects if it cannot be loaded */
function stripeJs() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const settle = () => {
      clearTimeout(timer);
      // @ts-expect-error Stripe.js adds this
      if (window.Stripe) return resolve(window.Stripe);
      loading = undefined;
      script.remove();
      return reject(new Error(NOT_LOADED));
    };
    const timer = setTimeout(settle, LOADED_WITHIN_MS);
    for (const event of ['load', 'error']) script.addEventListener(event, settle);
    script.src = told('stripe-js');
    document.head.append(script);
  });
  return loading;
}

/** The page's own colours. */
function appearance() {
  const styles = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => styles.getPropertyValue(`--${name}`).trim();
  return {
    theme: DARK.matches ? 'night' : 'stripe',
    variables: {
      borderRadius: '10px',
      colorBackground: colour('card'),
      colorDanger: colour('bad'),
      colorPrimary: colour('accent'),
      colorText: colour('ink'),
      fontFamily: getComputedStyle(document.body).fontFamily,
    },
  };
}

export class CardForm {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {any} */
    this.stripe = null;
    /** @type {any} */
    this.elements = null;
    /** @type {any} */
    this.element = null;
    this.secret = '';
    DARK.addEventListener('change', () => this.elements?.update({ appearance: appearance() }));
  }

  /**
   * Show the form of a payment.
   * @param {{publishableKey: string, clientSecret: string}} payment
   * @returns {Promise<Result>} never a throw
   */
  async open({ publishableKey, clientSecret }) {
    this.close();
    try {
      const Stripe = await stripeJs();
      this.stripe = Stripe(publishableKey);
      this.secret = clientSecret;
      this.elements = this.stripe.elements({ clientSecret, appearance: appearance() });
      this.element = this.elements.create('payment');
      const opened = new Promise((resolve) => {
        this.element.on('ready', () => resolve(null));
        this.element.on('loaderror', (/** @type {any} */ { error }) => resolve(error));
      });
      this.element.mount(this.place);
      const error = await opened;
      return error ? await this.#unlessPaid(NOT_LOADED) : { state: 'ready' };
    } catch {
      return { state: 'failed', text: NOT_LOADED };
    }
  }

  close() {
    this.element?.destroy();
    this.element = this.elements = null;
    this.place.replaceChildren();
  }

  focus() {
    this.element?.focus();
  }

  /**
   * Pay with what was entered; the bank may ask for 3-D Secure over the page, or on one of its own.
   * @param {string} returnUrl
   * @returns {Promise<Result>} never a throw; `text` is empty where the form itself says what is wrong
   */
  async pay(returnUrl) {
    try {
      const confirmParams = { return_url: returnUrl };
      const { error } = await this.stripe.confirmPayment({ elements: this.elements, confirmParams, redirect: 'if_required' });
      if (!error) return { state: 'paid' };
      if (error.type === 'validation_error') return { state: 'failed', text: '' };
      if (error.type === 'card_error') return { state: 'failed', text: error.message };
      // Whether it was paid is not known: the connection may have been lost after the payment.
      return await this.#unlessPaid(error.message ?? NOT_PAID);
    } catch {
      return { state: 'failed', text: NOT_PAID };
    }
  }

  /**
   * @param {string} text why something failed
   * @returns {Promise<Result>}
   */
  async #unlessPaid(text) {
    const { paymentIntent } = await this.stripe.retrievePaymentIntent(this.secret);
    return PAID.includes(paymentIntent?.status) ? { state: 'paid' } : { state: 'failed', text };
  }
}
