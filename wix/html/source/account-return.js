// Where a member comes back to from Stripe: the outcome of the purchase, followed until nothing more can happen to it.
import { balanceText, creditsOf, numberOf } from './account-words.js';
import { anchor, element, say, toldPlaces, watchNetwork } from './dom.js';
import { Member } from './members.js';
import { KNOWN_LATER_MS } from './payments.js';
import { Returned } from './returned.js';

/** @type {import('./returned.js').Words} */
const WORDS = {
  waiting: [
    'Waiting for your payment to be confirmed',
    'We check automatically; bank transfers can take days. You can close this page.',
  ],
  paid: ['Thank you', 'Your payment has arrived.'],
  failed: ['The payment did not go through', 'Nothing was charged. You can try again from your account.'],
  expired: ['The payment page has expired', 'Nothing was charged. You can start again from your account.'],
  returned: ['This purchase was refunded', 'The refund goes to your original payment method.'],
  unknown: ['We cannot find this purchase', 'The link may be incomplete, or it belongs to another account.'],
  signedOut: ['Sign in to see your purchase', 'Your payment is safe. Open your account and sign in.'],
};

const { backend } = toldPlaces();
const member = new Member(backend || location.origin);
const session = new URLSearchParams(location.search).get('session_id') ?? '';
const page = new Returned(WORDS, (outcome) => outcome === 'paid' && showBalance());

async function showBalance() {
  const answer = await member.call('GET', '/api/v1/credits/balance');
  if (!answer.success) return;
  say('balance', numberOf(answer.data.balance));
  say('balance-text', balanceText(answer.data.balance));
  element('total').hidden = false;
}

anchor('account').href = '/account';
watchNetwork();
member.call('GET', '/config').then((config) => {
  if (config.success) element('test-mode').hidden = config.data.mode !== 'test';
});
if (!session) page.tell('unknown');
else if (!member.token) page.tell('signedOut');
else {
  page.follow(
    member,
    `/api/v1/checkout-sessions/${encodeURIComponent(session)}`,
    (outcome, purchase) =>
      page.tell(outcome, purchase, outcome === 'paid' && purchase?.credits ? `You bought ${creditsOf(purchase.credits)}.` : ''),
    { knownWithin: KNOWN_LATER_MS },
  );
}
