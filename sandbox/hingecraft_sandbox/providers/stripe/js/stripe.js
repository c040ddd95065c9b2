// The sandbox's stand-in for Stripe.js: the part of its API that our pages use. Card fields are in frames of the sandbox.
(() => {
  'use strict';
  const SANDBOX = new URL(document.currentScript.src).origin;
  const SECRET = /^pi_[A-Za-z0-9]+_secret_[A-Za-z0-9]+$/;
  const RESULT = { succeeded: 'succeeded', processing: 'pending' };

  class IntegrationError extends Error {
    name = 'IntegrationError';
  }

  function demand(holds, message) {
    if (!holds) throw new IntegrationError(message);
  }

  /** A frame of the sandbox, and a function that calls it. What it reports by itself goes to the handlers. */
  function framed(name, title, handlers = {}) {
    const frame = document.createElement('iframe');
    const { port1, port2 } = new MessageChannel();
    const waiting = new Map();
    let last = 0;
    port1.onmessage = ({ data }) => {
      if (data.event) handlers[data.event]?.(data.value);
      else waiting.get(data.number)?.(data.value);
      waiting.delete(data.number);
    };
    Object.assign(frame, { title, src: `${SANDBOX}/stripe.js/${name}.html`, allow: 'payment *' });
    Object.assign(frame.style, { border: '0', width: '100%', display: 'block' });
    frame.addEventListener('load', () => frame.contentWindow.postMessage('connect', SANDBOX, [port2]), { once: true });
    const call = (method, value) =>
      new Promise((resolve) => {
        waiting.set((last += 1), resolve);
        port1.postMessage({ method, number: last, value });
      });
    return { frame, call };
  }

  class PaymentElement {
    #stripe;
    #options;
    #handlers = new Map();
    #mounted = null;

    constructor(stripe, options) {
      this.#stripe = stripe;
      this.#options = options;
    }

    mount(target) {
      const place = typeof target === 'string' ? document.querySelector(target) : target;
      demand(place, `The selector you specified (${target}) applies to no DOM elements that are currently on the page.`);
      this.unmount();
      const tell = (event) => (value) => this.#tell(event, value);
      const { frame, call } = framed('payment', 'Secure payment input frame', {
        ...Object.fromEntries(['ready', 'change', 'focus', 'blur', 'escape', 'loaderror'].map((name) => [name, tell(name)])),
        resize: (height) => (frame.style.height = `${height}px`),
      });
      place.replaceChildren(frame);
      this.#mounted = { frame, call };
      call('begin', { ...this.#stripe, ...this.#options });
    }

    update(options) {
      this.#options = { ...this.#options, ...options };
      this.#mounted?.call('restyle', this.#options);
    }

    unmount() {
      this.#mounted?.frame.remove();
      this.#mounted = null;
    }

    destroy() {
      this.unmount();
      this.#handlers.clear();
    }

    focus() {
      this.#mounted?.call('focus');
    }

    on(event, handler) {
      this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
      return this;
    }

    off(event, handler) {
      const kept = (this.#handlers.get(event) ?? []).filter((each) => handler && each !== handler);
      this.#handlers.set(event, kept);
      return this;
    }

    #tell(event, value) {
      for (const handler of this.#handlers.get(event) ?? []) handler({ elementType: 'payment', ...value });
    }

    /** For `confirmPayment`; not a part of Stripe's API. */
    confirm(...given) {
      demand(this.#mounted?.frame.isConnected, 'The Payment Element is not mounted: mount it before you confirm.');
      return this.#mounted.call('confirm', ...given);
    }
  }

  class Elements {
    #stripe;
    #options;
    #payment = null;

    constructor(stripe, { clientSecret, appearance = {}, ...others }) {
      demand(
        SECRET.test(clientSecret ?? ''),
        'Invalid value for elements(): clientSecret should be a client secret of the form ${id}_secret_${secret}.',
      );
      for (const name of Object.keys(others)) {
        const known = ['fonts', 'loader', 'locale'].includes(name);
        if (!known) console.warn(`Unrecognized elements() parameter: ${name} is not a recognized parameter.`);
      }
      this.#stripe = stripe;
      this.#options = { clientSecret, appearance };
    }

    create(type) {
      demand(type === 'payment', `The sandbox has no Element of type ${type}: only payment.`);
      demand(!this.#payment, 'Can only create one Element of type payment through elements().');
      this.#payment = new PaymentElement(this.#stripe, this.#options);
      return this.#payment;
    }

    getElement(type) {
      return type === 'payment' ? this.#payment : null;
    }

    update({ appearance }) {
      this.#options = { ...this.#options, appearance };
      this.#payment?.update({ appearance });
    }
  }

  /** The bank's page over ours; ends with the intent or an error. */
  async function authenticated(stripe, clientSecret) {
    const dialog = document.createElement('dialog');
    const { frame, call } = framed('authentication', 'Payment authentication');
    dialog.setAttribute('aria-label', 'Payment authentication');
    Object.assign(dialog.style, { width: '26rem', maxWidth: '95vw', padding: '0', border: '0', borderRadius: '12px' });
    frame.style.height = '19rem';
    dialog.append(frame);
    document.body.append(dialog);
    const closed = new Promise((resolve) => {
      dialog.addEventListener('cancel', (event) => {
        event.preventDefault();
        resolve(call('answer', { passed: false }));
      });
    });
    dialog.showModal();
    try {
      return await Promise.race([call('begin', { ...stripe, clientSecret }), closed]);
    } finally {
      dialog.remove();
    }
  }

  function addressed(address, { id, client_secret: secret, status }) {
    const url = new URL(address);
    url.searchParams.set('payment_intent', id);
    url.searchParams.set('payment_intent_client_secret', secret);
    url.searchParams.set('redirect_status', RESULT[status] ?? 'failed');
    return url.href;
  }

  class StripeJs {
    #stripe;
    #controller = null;

    constructor(key) {
      this.#stripe = { key };
    }

    elements(options = {}) {
      return new Elements(this.#stripe, options);
    }

    async confirmPayment({ elements, confirmParams = {}, redirect = 'always' }) {
      const element = elements instanceof Elements ? elements.getElement('payment') : null;
      demand(element, 'stripe.confirmPayment(): pass the elements of which you have mounted a Payment Element.');
      demand(['always', 'if_required'].includes(redirect), "redirect should be 'always' or 'if_required'.");
      const address = confirmParams.return_url;
      demand(address || redirect === 'if_required', 'confirmPayment(): the return_url argument is required.');
      demand(!address || URL.canParse(address), `Invalid return_url: ${address} is not a valid URL.`);
      let result = await element.confirm({ return_url: address });
      if (result.paymentIntent?.status === 'requires_action')
        result = await authenticated(this.#stripe, result.paymentIntent.client_secret);
      if (result.error || redirect === 'if_required') return result;
      location.assign(addressed(address, result.paymentIntent));
      return new Promise(() => {});
    }

    async retrievePaymentIntent(clientSecret) {
      demand(SECRET.test(clientSecret ?? ''), 'retrievePaymentIntent(): clientSecret should be a client secret.');
      this.#controller ??= this.#hidden();
      return this.#controller.call('retrieve', { ...this.#stripe, clientSecret });
    }

    #hidden() {
      const controller = framed('controller', 'Stripe controller');
      Object.assign(controller.frame, { hidden: true, tabIndex: -1, ariaHidden: 'true' });
      controller.frame.style.display = 'none';
      document.body.append(controller.frame);
      return controller;
    }
  }

  window.Stripe = (key) => {
    demand(typeof key === 'string' && key, 'Missing value for Stripe(): apiKey should be a string.');
    demand(!/^[sr]k_/.test(key), 'You should not use your secret key with Stripe.js. Pass a publishable key instead.');
    demand(key.startsWith('pk_test_'), 'Invalid API Key provided: the sandbox takes publishable test keys (pk_test_...) only.');
    return new StripeJs(key);
  };
  window.Stripe.version = 'sandbox';
})();
