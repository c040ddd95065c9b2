// The pricing page of the app at Wix. From the app market it has no `instance` and leads to the installation; from "Upgrade
// App" it has the site's token, and each plan leads to Wix's checkout.
import { element, isOff, LOCALE, say, setButton, toldPlaces, trouble, watchNetwork } from './dom.js';

const ANSWER_WITHIN_MS = 15_000;
const PERIODS = { MONTHLY: 'a month', YEARLY: 'a year' };
const NEW_TOKEN = ['invalid_wix_instance', 'stale_wix_instance', 'missing_wix_instance'];
const NOT_MONTHLY =
  'Your plan, paid yearly. To pay monthly instead, cancel it in Wix under Subscriptions, and buy it again when its period has ended.';
const CHOOSE_YEARLY = 'You pay yearly: choose Yearly above to upgrade.';
const REOPEN = 'Open the page again: in Wix, go to your site’s dashboard, then Apps, and choose Upgrade.';

const query = new URLSearchParams(location.search);
const instance = query.get('instance') ?? '';
const backend = toldPlaces().backend || location.origin;
/** @type {any} */
let offer = null;
/** @type {any} */
let site = null;

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>} never a throw
 */
async function call(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = instance ? { Authorization: `WixInstance ${instance}` } : {};
  if (body) headers['Content-Type'] = 'application/json';
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const response = await fetch(backend + path, { method, headers, signal, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (typeof answer?.success === 'boolean') return answer;
  } catch {
    // Answered below.
  }
  return { success: false, code: 'unreachable', error: 'We cannot be reached right now. Try again in a minute.' };
}

/** @returns {'MONTHLY' | 'YEARLY'} */
const cycle = () => /** @type {any} */ (document.querySelector('input[name=cycle]:checked'))?.value ?? 'MONTHLY';

/**
 * @param {string} name
 * @param {string} text
 * @param {string} [kind]
 */
function made(name, text, kind = '') {
  const found = document.createElement(name);
  found.textContent = text;
  found.className = kind;
  return found;
}

/** Whether the site pays for a year or more at a time: Wix lets nobody change from that to monthly. */
const paysLonger = () => Boolean(site?.billingCycle) && site.billingCycle !== 'monthly';

/** @param {any} plan */
function priceOf(plan) {
  const isFree = plan.plan === 'free';
  const amount = isFree ? 0 : cycle() === 'YEARLY' ? plan.yearly : plan.monthly;
  if (amount === null) return made('p', 'Wix shows the price', 'why');
  /** @type {Intl.NumberFormatOptions} */
  const how = { style: 'currency', currency: offer.currency, minimumFractionDigits: Number.isInteger(amount) ? 0 : 2 };
  const price = made('p', new Intl.NumberFormat(LOCALE, how).format(amount), 'price');
  if (!isFree) price.append(' ', made('small', PERIODS[cycle()]));
  return price;
}

/** @param {any} plan */
function creditsOf(plan) {
  const credits = new Intl.NumberFormat(LOCALE).format(plan.credits);
  return plan.plan === 'free' ? `${credits} credits to try it, once` : `${credits} credits in each billing period`;
}

const nameOf = (/** @type {string} */ plan) => plan.charAt(0).toUpperCase() + plan.slice(1);

/**
 * How many places it is above the site's own plan.
 * @param {any} plan
 */
function placeAbove(plan) {
  const placeOf = (/** @type {string} */ name) => offer.plans.findIndex((/** @type {any} */ each) => each.plan === name);
  return placeOf(plan.plan) - placeOf(site?.plan);
}

/**
 * Whether Wix sells it to the site: nothing smaller, and nothing monthly to one that pays yearly.
 * @param {any} plan
 * @param {number} above
 */
function canBuy(plan, above) {
  if (plan.plan === 'free' || (cycle() === 'MONTHLY' && paysLonger())) return false;
  return above > 0 || (above === 0 && cycle() === 'YEARLY' && !paysLonger());
}

/**
 * @param {any} plan
 * @param {number} above
 */
function whyNot(plan, above) {
  if (above < 0) return plan.plan === 'free' ? '' : `Included in your ${nameOf(site.plan)} plan.`;
  const isRejected = cycle() === 'MONTHLY' && paysLonger();
  if (above > 0) return isRejected ? CHOOSE_YEARLY : '';
  return isRejected ? NOT_MONTHLY : 'Your plan';
}

/**
 * What can be done about a plan: a link to the installation, a button that buys it, or why there is none.
 * @param {any} plan
 */
function wayTo(plan) {
  if (!instance) {
    const link = /** @type {HTMLAnchorElement} */ (made('a', 'Install the app', 'main-button'));
    link.href = offer.marketUrl;
    return link;
  }
  const above = placeAbove(plan);
  if (!site || !canBuy(plan, above)) return made('p', site ? whyNot(plan, above) : '', 'why');
  const verb = site.plan === 'free' ? 'Choose' : 'Upgrade to';
  const label = above === 0 ? 'Pay yearly' : `${verb} ${nameOf(plan.plan)}`;
  const button = made('button', label, 'main-button');
  button.setAttribute('type', 'button');
  button.addEventListener('click', () => buy(button, plan.plan));
  return button;
}

function show() {
  const list = element('plans');
  list.replaceChildren(
    ...offer.plans.map((/** @type {any} */ plan) => {
      const card = made('li', '', site?.plan === plan.plan ? 'card current' : 'card');
      card.append(made('h2', nameOf(plan.plan)), priceOf(plan), made('p', creditsOf(plan)), wayTo(plan));
      return card;
    }),
  );
  element('cycles').hidden = element('small').hidden = false;
}

/**
 * @param {HTMLElement} button
 * @param {string} planId
 */
async function buy(button, planId) {
  if (isOff(button)) return;
  trouble('');
  setButton(button, { busy: true });
  const answer = await call('POST', '/api/v1/wix/billing/checkout-url', { planId, cycle: cycle() });
  if (answer.success) {
    location.assign(answer.data.checkoutUrl);
    return;
  }
  setButton(button);
  fail(answer);
}

/** @param {any} answer */
function fail(answer) {
  trouble(NEW_TOKEN.includes(answer.code) ? REOPEN : answer.error);
  // The button may be far below it, on a phone.
  element('failure').scrollIntoView({ block: 'center' });
}

async function load() {
  element('loading').hidden = false;
  element('again').hidden = true;
  trouble('');
  const [plans, status] = await Promise.all([
    call('GET', '/api/v1/wix/plans'),
    instance ? call('GET', '/api/v1/wix/user/status') : null,
  ]);
  element('loading').hidden = true;
  const failed = [plans, status].find((answer) => answer && !answer.success);
  offer = plans.success ? plans.data : null;
  site = status?.success ? status.data : null;
  if (paysLonger()) /** @type {HTMLInputElement} */ (document.querySelector('input[value=YEARLY]')).checked = true;
  if (offer) show();
  if (!failed) return;
  fail(failed);
  element('again').hidden = NEW_TOKEN.includes(failed.code);
}

function thank() {
  say('outcome-title', 'Thank you');
  say(
    'outcome-text',
    'Wix has taken your order. The plan and its credits are in your dashboard within a minute. You can close this page and go back to Wix.',
  );
  element('outcome').hidden = false;
  element('outcome-title').focus();
}

const isPaid = query.get('upgrade') === 'success';
if (isPaid) thank();
element('again-button').addEventListener('click', load);
element('cycles').addEventListener('change', show);
// A page that comes back from Wix's checkout shows the plan as it is now, and no button that is still busy.
addEventListener('pageshow', (event) => event.persisted && load());
watchNetwork();
// Wix's checkout leads back without the site's token: then there is nothing to choose.
if (isPaid && !instance) element('loading').hidden = element('intro').hidden = true;
else load();
