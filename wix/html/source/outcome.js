// What people see when they come back from a payment page.
import { writeAmount } from './amounts.js';
import { element, LOCALE, say } from './dom.js';
import { follow, KNOWN_LATER_MS } from './payments.js';

const WORDS = {
  waiting: [
    'Waiting for your payment to be confirmed',
    'We check automatically; bank transfers can take days. You can close this page.',
  ],
  paid: ['Thank you', 'Your gift has arrived.'],
  failed: ['The payment did not go through', 'Nothing was charged. You can try again or choose another way to pay.'],
  expired: ['The payment page has expired', 'Nothing was charged. You can start again below.'],
  returned: ['This gift was refunded', 'The refund goes to your original payment method.'],
  unknown: ['We cannot find this payment', 'The link may be incomplete. If you were charged, contact us and we will find it.'],
  cancelled: ['You came back before paying', 'Nothing was charged. What you chose is still here.'],
};

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

let shown = '';

/**
 * @param {keyof typeof WORDS} outcome
 * @param {any} payment
 */
function tell(outcome, payment) {
  const isNews = outcome !== shown;
  shown = outcome;
  const [title, text] = WORDS[outcome];
  const thanked =
    outcome === 'paid' && payment?.amount
      ? `Your gift of ${writeAmount(payment.amount, payment.priceCurrency, LOCALE)} has arrived.`
      : text;
  if (!isNews && element('outcome-text').textContent === thanked) return;
  say('outcome-title', title);
  element('outcome-title').setAttribute('aria-busy', String(outcome === 'waiting'));
  say('outcome-text', thanked);
  element('outcome').hidden = false;
  element('outcome').dataset.outcome = outcome;
  const isDone = outcome === 'paid' || outcome === 'returned' || outcome === 'waiting';
  element('giving').hidden = isDone;
  element('outcome-again').hidden = outcome !== 'paid' && outcome !== 'returned';
  if (isNews) element('outcome-title').focus();
}

/** "Give again" brings the form back. */
export function allowAnother() {
  element('outcome-again').addEventListener('click', () => {
    element('giving').hidden = false;
    element('outcome-again').hidden = true;
    element('giving').querySelector('input')?.focus();
  });
}
