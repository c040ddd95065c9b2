// A member's account: balance and history, credits and plans to buy, and the billing portal.
import { mayBeGoneTo, isLoopback } from '../../site/src/public/hingecraft-addresses.js';
import { Purchases } from './account-purchases.js';
import { showAccount, showMore } from './account-view.js';
import { saleOf } from './account-words.js';
import { element, isOff, say, setButton, toldPlaces, trouble, watchNetwork } from './dom.js';
import { Member, nameIn, SIGNED_OUT } from './members.js';
import { Keys } from './memory.js';
import { planSessions } from './plan-sessions.js';
import { signsIn, takeToken, tokenError } from './signing.js';
import { LEFT_WITHIN_MS } from './velo.js';

const places = toldPlaces();
const backend = places.backend || location.origin;
const chosen = planSessions(backend);
const member = new Member(backend);
const keys = new Keys();
const purchases = new Purchases(member, (answer) => stay(answer));
const UNKNOWN_OUTCOMES = ['unreachable', 'idempotency_in_flight', 'provider_unavailable', 'database_unavailable'];
const VIEWS = ['loading', 'again', 'signing', 'account'];
/** Whether a checkout at Stripe was left without paying. */
const isBack = new URLSearchParams(location.search).has('canceled');

/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;
/** @type {import('./account-words.js').Offer[]} */
let offers = [];
let isTest = false;

/** @param {string} shown */
function show(shown) {
  for (const view of VIEWS) element(view).hidden = view !== shown;
  for (const id of ['total', 'signed-in']) element(id).hidden = shown !== 'account';
  // Not before what is below them: that would move.
  element('outcome').hidden = !isBack || shown === 'loading';
  element('test-mode').hidden = !isTest || shown === 'loading';
  if (shown !== 'account') element('chosen').hidden = true;
}

/** @param {string} [problem] */
function askToSignIn(problem = '') {
  member.sign('');
  show('signing');
  tokenError(problem);
}

/** @returns {Promise<boolean>} whether the account is shown */
async function load() {
  show('loading');
  const paths = ['balance', 'transactions?limit=10', 'packs', 'plan'].map((path) => `/api/v1/credits/${path}`);
  const [bought, ...answers] = await Promise.all([purchases.ask(), ...paths.map((path) => member.call('GET', path))]);
  const [balance] = answers;
  if (!balance.success) {
    if (SIGNED_OUT.includes(balance.code)) askToSignIn(balance.error);
    else {
      show('again');
      say('again-text', balance.error);
      element('again-title').focus();
    }
    return false;
  }
  offers = answers[2].success ? answers[2].data : [];
  showAccount(answers, { buy, change: manage });
  purchases.show(bought);
  say('who', `Signed in as ${nameIn(member.token)}`);
  show('account');
  showChosen();
  return true;
}

/** What the visitor chose before signing in. */
function showChosen() {
  const session = chosen.getPlanSession();
  const offer = offers.find((each) => each.priceId === session?.priceId);
  element('chosen').hidden = !session || !offer;
  if (offer) say('chosen-text', saleOf(offer));
}

/** @param {HTMLElement | null} busy */
function lock(busy) {
  clearTimeout(leaving);
  for (const button of document.querySelectorAll('#account button, #chosen button')) {
    setButton(/** @type {HTMLElement} */ (button), { busy: button === busy, off: busy !== null });
  }
}

/**
 * Go on at Stripe.
 * @param {HTMLElement} button
 * @param {string} path
 * @param {object} body
 * @param {string} [key]
 */
async function leaveFor(button, path, body, key) {
  if (isOff(button)) return;
  trouble('');
  lock(button);
  const answer = await member.call('POST', path, body, key);
  if (answer.success || !UNKNOWN_OUTCOMES.includes(answer.code)) keys.forget();
  if (!answer.success) return stay(answer);
  if (!mayBeGoneTo(answer.data?.url, { development: isLoopback(backend) })) {
    lock(null);
    return trouble('We did not recognise the payment link, so we did not open it. Please try again.');
  }
  location.assign(answer.data.url);
  leaving = setTimeout(lock, LEFT_WITHIN_MS, null);
}

/** @param {{code: string, error: string}} answer */
function stay({ code, error }) {
  lock(null);
  if (SIGNED_OUT.includes(code)) return askToSignIn(error);
  if (['plan_session_used', 'invalid_plan_session'].includes(code)) {
    chosen.clearPlanSession();
    element('chosen').hidden = true;
  }
  trouble(code === 'no_customer' ? 'There is nothing to manage yet: buy something first.' : error);
  element('failure').scrollIntoView({ block: 'nearest' });
}

/** @param {HTMLElement} button @param {object} what */
function checkout(button, what) {
  const successUrl = `${backend}/account/return?success=true&session_id={CHECKOUT_SESSION_ID}`;
  const body = { ...what, successUrl, cancelUrl: `${backend}/account?canceled=true` };
  return leaveFor(button, '/api/v1/checkout-sessions', body, keys.of(what));
}

/** @param {HTMLElement} button @param {import('./account-words.js').Offer} offer */
function buy(button, offer) {
  return checkout(button, { priceId: offer.priceId });
}

/** A plan is changed there too. @param {HTMLElement} button */
function manage(button) {
  return leaveFor(button, '/api/v1/billing-portal', { returnUrl: `${backend}/account` });
}

element('chosen-button').addEventListener('click', () => {
  const session = chosen.getPlanSession();
  if (session) checkout(element('chosen-button'), { planSession: session.token });
  else element('chosen').hidden = true;
});
element('chosen-clear').addEventListener('click', () => {
  chosen.clearPlanSession();
  element('chosen').hidden = true;
  element('offers-title').scrollIntoView();
});
element('portal').addEventListener('click', () => manage(element('portal')));
element('more').addEventListener('click', () => showMore(member));
element('again-button').addEventListener('click', load);
element('sign-out').addEventListener('click', () => {
  askToSignIn();
  element('signing-title').focus();
});
signsIn(member, async () => {
  if (await load()) element('purchases-title').focus({ preventScroll: true });
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && !element('account').hidden) purchases.refresh();
});
// A page that the browser kept, shown again by "back", must not stay locked, and its balance may be old.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  lock(null);
  if (member.token) load();
});

async function begin() {
  watchNetwork();
  show('loading');
  const config = await member.call('GET', '/config');
  isTest = config.success && config.data.mode === 'test';
  const isAsked = takeToken(member, config, places.site);
  if (member.token) await load();
  else askToSignIn();
  if (isAsked) element('signing-title').focus();
}

begin();
