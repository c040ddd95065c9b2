// Where a member comes back to from Stripe: the outcome of the purchase, followed until nothing more can happen to it.
import { balanceText, creditsOf, numberOf } from './account-words.js';
import { anchor, element, say, toldPlaces, watchNetwork } from './dom.js';
import { Member, SIGNED_OUT } from './members.js';
import { follow, KNOWN_LATER_MS } from './payments.js';

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
let shown = '';

/**
 * @param {keyof typeof WORDS} outcome
 * @param {any} [purchase]
 */
function tell(outcome, purchase = null) {
  const isNews = outcome !== shown;
  shown = outcome;
  const [title, text] = WORDS[outcome];
  say('outcome-title', title);
  element('outcome-title').setAttribute('aria-busy', String(outcome === 'waiting'));
  element('outcome-title').dataset.outcome = outcome;
  say('outcome-text', outcome === 'paid' && purchase?.credits ? `You bought ${creditsOf(purchase.credits)}.` : text);
  if (isNews) element('outcome-title').focus();
  if (isNews && outcome === 'paid') showBalance();
}

async function showBalance() {
  const answer = await member.call('GET', '/api/v1/credits/balance');
  if (!answer.success) return;
  say('balance', numberOf(answer.data.balance));
  say('balance-text', balanceText(answer.data.balance));
  element('total').hidden = false;
}

async function ask() {
  const answer = await member.call('GET', `/api/v1/checkout-sessions/${encodeURIComponent(session)}`);
  if (!answer.success && SIGNED_OUT.includes(answer.code)) {
    stop();
    tell('signedOut');
  }
  return answer;
}

anchor('account').href = '/account';
watchNetwork();
member.call('GET', '/config').then((config) => {
  if (config.success) element('test-mode').hidden = config.data.mode !== 'test';
});
let stop = () => undefined;
if (!session) tell('unknown');
else if (!member.token) tell('signedOut');
else {
  tell('waiting');
  stop = /** @type {() => undefined} */ (follow(ask, tell, { knownWithin: KNOWN_LATER_MS }));
}
