// What people see when they come back from a payment page.
import { writeAmount } from './amounts.js';
import { element, say } from './dom.js';
import { follow, KNOWN_LATER_MS } from './payments.js';
import * as texts from './texts.js';

/** @typedef {'waiting' | 'paid' | 'failed' | 'expired' | 'returned' | 'unknown' | 'cancelled'} Outcome */

/**
 * Show the payment that the address names, if it names one.
 * @param {import('./velo.js').Velo} velo
 * @param {import('./memory.js').Memory} memory
 */
export function showOutcome(velo, memory) {
  const { query } = velo.hello;
  if (query.status === 'cancelled') return tell('cancelled', null);
  if (query.status !== 'success') return undefined;
  if (query.payment) return followPayment(velo, memory, query.payment);
  if (query.session_id) return followPayment(velo, memory, query.session_id, KNOWN_LATER_MS);
}

/**
 * Look after a payment until nothing more can happen to it.
 * @param {import('./velo.js').Velo} velo
 * @param {import('./memory.js').Memory} memory
 * @param {string} id our payment id, or Stripe's of the session
 * @param {number} [knownWithin]
 */
function followPayment(velo, memory, id, knownWithin = 0) {
  tell('waiting', null);
  const ask = () => velo.callVeloFunction('stripe.api', 'getPaymentStatus', id, { visitor: memory.visitor });
  return follow(ask, tell, { knownWithin });
}

/**
 * The same for somebody who still needs what the page shows: only the end is told.
 * @param {import('./velo.js').Velo} velo
 * @param {import('./memory.js').Memory} memory
 * @param {string} id
 */
export function followWallet(velo, memory, id) {
  const ask = () => velo.callVeloFunction('nowpayments.api', 'getInvoiceStatus', id, { visitor: memory.visitor });
  return follow(ask, (outcome, payment) => outcome !== 'waiting' && outcome !== 'unknown' && tell(outcome, payment));
}

/** @type {{outcome: Outcome | '', payment: any}} */
let shown = { outcome: '', payment: null };
/** Nothing more is expected of the person, so the form and what leads to it are not shown. @type {Outcome[]} */
const DONE = ['paid', 'returned', 'waiting'];

/**
 * @param {Outcome} outcome
 * @param {any} payment
 */
function tell(outcome, payment) {
  const isNews = outcome !== shown.outcome;
  shown = { outcome, payment };
  const amount = payment?.amount ? writeAmount(payment.amount, payment.priceCurrency, texts.locale) : '';
  const text = outcome === 'paid' && amount ? texts.outcome('paidAmount', { amount }) : texts.outcome(`${outcome}Text`);
  if (!isNews && element('outcome-text').textContent === text) return;
  const title = element('outcome-title');
  say('outcome-title', texts.outcome(outcome));
  title.setAttribute('aria-busy', String(outcome === 'waiting'));
  say('outcome-text', text);
  element('outcome').hidden = false;
  element('outcome').dataset.outcome = outcome;
  makeRoom(DONE.includes(outcome));
  element('outcome-again').hidden = outcome !== 'paid' && outcome !== 'returned';
  element('thanks').hidden = outcome !== 'paid' || !payment?.id;
  if (!element('thanks').hidden) thank(payment, amount);
  if (isNews) title.focus();
}

/**
 * The outcome is what the page is about, or stands above the form.
 * @param {boolean} isDone
 */
function makeRoom(isDone) {
  element('giving').hidden = isDone;
  document.documentElement.toggleAttribute('data-done', isDone);
  const title = element('outcome-title');
  if (isDone) title.setAttribute('aria-level', '1');
  else title.removeAttribute('aria-level');
}

/**
 * @param {any} payment
 * @param {string} amount
 */
function thank(payment, amount) {
  element('thanks-amount').textContent = amount;
  const day = new Intl.DateTimeFormat(texts.locale, { dateStyle: 'long' });
  element('thanks-date').textContent = payment.updatedAt ? day.format(new Date(payment.updatedAt)) : '';
  element('thanks-reference').textContent = payment.id;
  element('thanks-receipt').textContent = texts.outcome(payment.provider === 'stripe' ? 'receipt' : 'keepReference');
}

/**
 * What can be done with a gift that has arrived: give again, share the page, print.
 * @param {import('./velo.js').Velo} velo
 * @param {string} path of the page at the site
 */
export function allowAfterwards(velo, path) {
  element('outcome-again').addEventListener('click', () => {
    makeRoom(false);
    element('outcome-again').hidden = true;
    /** @type {HTMLElement | null} */ (element('giving').querySelector('input, button'))?.focus();
  });
  // A frame may not open the dialog for printing.
  element('print').hidden = window.parent !== window;
  element('print').addEventListener('click', () => print());
  element('share').addEventListener('click', () =>
    share(velo.isDirect ? location.origin + location.pathname : velo.hello.site + path),
  );
  texts.onChange(() => {
    const { outcome, payment } = shown;
    element('outcome-text').textContent = '';
    say('shared', '');
    if (outcome) tell(outcome, payment);
  });
}

/** @param {string} link */
async function share(link) {
  const text = texts.outcome('shareText');
  if (typeof navigator.share === 'function') {
    // Closing the dialog is an error for the browser, and none for us.
    return navigator.share({ text, url: link }).catch(() => undefined);
  }
  const isCopied = await navigator.clipboard.writeText(link).then(
    () => true,
    () => false,
  );
  say('shared', isCopied ? texts.outcome('copied') : texts.outcome('copyByHand', { link }));
}
