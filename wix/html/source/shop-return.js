// Where a member comes to after paying in the shop: the outcome, and the download of what was bought.
import { anchor, element, isOff, say, setButton, toldPlaces, trouble, watchNetwork } from './dom.js';
import { download } from './downloads.js';
import { Member } from './members.js';
import { downloadsLeft, standingOf } from './product-words.js';
import { Returned } from './returned.js';

/** @type {import('./returned.js').Words} */
const WORDS = {
  waiting: [
    'Waiting for your payment to be confirmed',
    'We check automatically; bank transfers can take days. You can close this page.',
  ],
  notPaid: ['The payment was not completed', 'Nothing was charged. You can try again with the same or another card.'],
  paid: ['Thank you', 'Your payment has arrived.'],
  failed: ['The payment did not go through', 'Nothing was charged. You can try again in the shop.'],
  wrong: ['We are checking your payment', 'The payment is not what we asked for. We are looking into it and will write to you.'],
  expired: ['The payment was cancelled', 'Nothing was charged. You can start again in the shop.'],
  returned: ['This purchase was refunded', 'Access has ended. The refund goes to your original payment method.'],
  disputed: ['Your bank is reviewing this payment', 'Access is paused until it decides.'],
  unknown: ['We cannot find this purchase', 'The link may be incomplete, or it belongs to another account.'],
  signedOut: ['Sign in to see your purchase', 'Your payment is safe. Open your account and sign in.'],
};
/** Statuses that mean something else here than on other pages. */
const OWN = /** @type {Record<string, string>} */ ({ error: 'wrong', disputed: 'disputed' });

const member = new Member(toldPlaces().backend || location.origin);
const asked = new URLSearchParams(location.search);
const payment = asked.get('payment') ?? '';
/** Stripe says so to a member who comes back from a bank's page. */
const isNotPaid = asked.get('redirect_status') === 'failed';
/** @type {any} */
let bought = null;

// Stripe adds the client secret: it stays neither in the history nor in links from here.
if (asked.has('payment_intent_client_secret'))
  history.replaceState(null, '', `${location.pathname}?payment=${encodeURIComponent(payment)}`);

const page = new Returned(WORDS, (outcome, found) => {
  element('retry').hidden = !['notPaid', 'failed', 'expired'].includes(outcome) || !found?.productId;
  if (found?.productId) anchor('retry').href = `/shop?product=${found.productId}`;
  if (outcome === 'paid' && found?.purchaseId) showBought(found);
});

/** @param {{purchaseId: string, productType: string, productId: string}} found */
async function showBought({ purchaseId, productType, productId }) {
  const answer = await member.call('GET', `/api/v1/purchases/${purchaseId}`);
  if (!answer.success) return;
  bought = { ...answer.data, productId };
  say('outcome-text', `You bought ${bought.product.name}. ${standingOf(bought)} ${downloadsLeft(bought)}`.trim());
  element('download').hidden = productType !== 'design';
}

element('download').addEventListener('click', async () => {
  const button = element('download');
  if (isOff(button)) return;
  trouble('');
  setButton(button, { busy: true });
  const answer = await download(member, bought.productId);
  setButton(button);
  if (!answer.success) return trouble(answer.error);
  const { remaining } = answer.data;
  if (remaining !== null)
    say('outcome-text', `Your download has begun. ${remaining} of ${bought.downloads.limit} downloads left.`);
});

async function begin() {
  watchNetwork();
  const config = await member.call('GET', '/config');
  element('test-mode').hidden = !config.success || config.data.mode !== 'test';
  element('purchase').hidden = false;
  if (!payment) return page.tell('unknown');
  if (!member.token) return page.tell('signedOut');
  return page.follow(member, `/api/v1/payments/${encodeURIComponent(payment)}`, (outcome, found) => {
    if (outcome === 'waiting' && isNotPaid) return page.tell('notPaid', found);
    page.tell(OWN[found?.status] ?? outcome, found);
  });
}

begin();
