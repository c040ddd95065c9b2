// The shop: products, and the payment of one of them with Stripe's card form.
import { priceOf } from './account-words.js';
import { CardForm } from './card-form.js';
import { element, isOff, say, setButton, toldPlaces, trouble, watchNetwork } from './dom.js';
import { download } from './downloads.js';
import { Member, nameIn, SIGNED_OUT } from './members.js';
import { chargedOf, includedOf, termsOf, typeOf } from './product-words.js';
import { allPurchases } from './purchases.js';
import { showProducts } from './shop-view.js';
import { signsIn, takeToken, tokenError } from './signing.js';

/** @typedef {import('./product-words.js').Product} Product */

const PAGE = 50;
const VIEWS = ['loading', 'again', 'products', 'signing', 'checkout'];
/** Nothing can be paid for the product now: back to the products. */
const NOT_FOR_SALE = ['already_owned', 'product_inactive', 'unknown_product'];

const places = toldPlaces();
const member = new Member(places.backend || location.origin);
const card = new CardForm(element('card'));

/** @type {Product[]} */
let products = [];
/** @type {import('./product-words.js').Purchase[]} */
let purchases = [];
let next = '';
let isTest = false;
/** The payment that is on the screen. */
let paymentId = '';
/** Counts what is opened, so that a late answer to an earlier one changes nothing. */
let opened = 0;

/** @param {string} shown */
function show(shown) {
  opened += 1;
  if (shown !== 'checkout') card.close();
  for (const view of VIEWS) element(view).hidden = view !== shown;
  const isKnown = Boolean(member.token);
  element('signed-in').hidden = !isKnown || shown === 'loading';
  element('signed-out').hidden = isKnown || shown === 'loading' || shown === 'signing';
  element('back-from-signing').hidden = shown !== 'signing';
  element('test-mode').hidden = !isTest || shown === 'loading';
  if (isKnown) say('who', `Signed in as ${nameIn(member.token)}`);
}

/** The product that the address names: "back" and a reload work as people expect. */
const chosen = () => new URLSearchParams(location.search).get('product') ?? '';

/** @param {string} [product] */
const addressOf = (product) => (product ? `/shop?product=${encodeURIComponent(product)}` : '/shop');

async function load() {
  show('loading');
  const number = opened;
  const [found, bought] = await Promise.all([member.call('GET', `/api/v1/products?limit=${PAGE}`), allPurchases(member)]);
  if (number !== opened) return;
  if (!found.success) {
    if (SIGNED_OUT.includes(found.code)) return askToSignIn(found.error);
    show('again');
    say('again-text', found.error);
    return element('again-title').focus();
  }
  products = found.data.items;
  next = found.data.nextCursor ?? '';
  keep(bought);
  await route();
}

/** @param {import('./velo.js').Answer} bought */
function keep(bought) {
  purchases = bought.success ? bought.data : [];
  say('purchases-text', bought.success ? '' : `We could not check what you own. ${bought.error}`);
}

/** @param {boolean} [takesFocus] */
function list(takesFocus = false) {
  show('products');
  showProducts(products, purchases, { buy: open, download: save });
  element('more').hidden = !next;
  if (takesFocus) element('products-title').focus();
}

/** Show what the address names. */
async function route() {
  const id = chosen();
  if (!id) return list();
  let product = products.find((each) => each.id === id);
  if (!product) {
    const found = await member.call('GET', `/api/v1/products/${encodeURIComponent(id)}`);
    if (found.success) product = found.data;
    else if (chosen() === id) return leave(found.code === 'unknown_product' ? 'This product is not for sale.' : found.error);
  }
  if (product && chosen() === id) await checkout(product);
}

/** @param {Product} product */
function open(product) {
  trouble('');
  history.pushState(null, '', addressOf(product.id));
  return checkout(product);
}

/**
 * Back to the products.
 * @param {string} [problem]
 */
function leave(problem = '') {
  history.replaceState(null, '', addressOf());
  list(true);
  trouble(problem);
}

/** @param {string} [problem] */
function askToSignIn(problem = '') {
  member.sign('');
  purchases = [];
  show('signing');
  tokenError(problem);
  if (!problem) element('signing-title').focus();
}

/** @param {Product} product */
async function checkout(product) {
  const price = chargedOf(product);
  if (!member.token) {
    askToSignIn();
    return say('signing-text', `To buy ${product.name}, sign in on the site, and open the shop from there.`);
  }
  show('checkout');
  const number = opened;
  say('checkout-title', product.name);
  say('checkout-text', `${typeOf(product.type)}. ${includedOf(product)}`);
  say('checkout-price', price);
  say('checkout-terms', termsOf(product));
  element('pay').textContent = `Pay ${price}`;
  element('price-changed').hidden = true;
  waiting(true);
  element('checkout-title').focus();
  const answer = await member.call('POST', '/api/v1/payments', { productType: product.type, productId: product.id });
  if (number !== opened) return;
  if (!answer.success) return notBegun(answer);
  paymentId = answer.data.paymentId;
  showAmount(answer.data, price);
  const result = await card.open(answer.data);
  if (number === opened) showForm(result);
}

/**
 * @param {{amount: number, currency: string}} payment
 * @param {string} shown the price that was shown before
 */
function showAmount(payment, shown) {
  const price = priceOf(payment);
  say('price-changed', price === shown ? '' : `The price has changed from ${shown} to ${price}.`);
  say('checkout-price', price);
  element('pay').textContent = `Pay ${price}`;
}

/** @param {{code: string, error: string}} answer */
async function notBegun({ code, error }) {
  if (SIGNED_OUT.includes(code)) return askToSignIn(error);
  if (!NOT_FOR_SALE.includes(code)) return showForm({ state: 'failed', text: error });
  await refresh();
  leave(error);
}

/** Whether the form is not there yet. @param {boolean} isWaiting */
function waiting(isWaiting) {
  element('card-loading').hidden = !isWaiting;
  element('card-problem').hidden = true;
  element('pay-error').textContent = '';
  setButton(element('pay'), { off: isWaiting });
}

/** @param {import('./card-form.js').Result} result */
function showForm(result) {
  waiting(false);
  if (result.state === 'paid') return location.assign(`/shop/return?payment=${paymentId}`);
  if (result.state === 'ready') return undefined;
  setButton(element('pay'), { off: true });
  element('card-problem').hidden = false;
  element('card-problem-text').textContent = result.text;
  return element('pay-again').focus();
}

async function pay() {
  const button = element('pay');
  if (isOff(button)) return;
  const number = opened;
  element('pay-error').textContent = '';
  setButton(button, { busy: true });
  setButton(element('back'), { off: true });
  const result = await card.pay(`${member.backend}/shop/return?payment=${paymentId}`);
  if (number !== opened) return;
  if (result.state === 'paid') return location.assign(`/shop/return?payment=${paymentId}`);
  setButton(button);
  setButton(element('back'));
  if (result.state === 'failed') element('pay-error').textContent = result.text;
}

/**
 * @param {HTMLElement} button
 * @param {Product} product
 */
async function save(button, product) {
  trouble('');
  setButton(button, { busy: true });
  const answer = await download(member, product.id);
  setButton(button);
  if (!answer.success && SIGNED_OUT.includes(answer.code)) return askToSignIn(answer.error);
  if (!answer.success) complain(answer.error);
  await refresh();
}

/** @param {string} text */
function complain(text) {
  trouble(text);
  element('failure').scrollIntoView({ block: 'nearest' });
}

/** What is owned may have changed elsewhere: downloads, refunds, renewals. */
async function refresh() {
  const before = JSON.stringify(purchases);
  const bought = await allPurchases(member);
  if (bought.success || !purchases.length) keep(bought);
  if (JSON.stringify(purchases) === before || element('products').hidden) return;
  const focused = document.activeElement?.getAttribute('aria-label');
  list();
  const again = [...document.querySelectorAll('#products-list button')].find((each) => each.ariaLabel === focused);
  if (focused) /** @type {HTMLElement} */ (again ?? element('products-title')).focus();
}

async function more() {
  const button = element('more');
  if (isOff(button)) return;
  setButton(button, { busy: true });
  const found = await member.call('GET', `/api/v1/products?limit=${PAGE}&cursor=${next}`);
  setButton(button);
  if (!found.success) return complain(found.error);
  const before = products.length;
  products = [...products, ...found.data.items];
  next = found.data.nextCursor ?? '';
  list();
  const first = /** @type {HTMLElement | undefined} */ (element('products-list').children[before]);
  if (first) Object.assign(first, { tabIndex: -1 }).focus();
}

element('card-form').addEventListener('submit', (event) => {
  event.preventDefault();
  pay();
});
element('pay-again').addEventListener('click', () => route());
for (const id of ['back', 'back-to-products'])
  element(id).addEventListener('click', () => {
    if (!isOff(element(id))) leave();
  });
element('more').addEventListener('click', more);
element('again-button').addEventListener('click', load);
element('sign-in-first').addEventListener('click', () => askToSignIn());
element('sign-out').addEventListener('click', () => {
  member.sign('');
  purchases = [];
  leave();
});
signsIn(member, load);
addEventListener('popstate', () => {
  trouble('');
  if (!element('loading').hidden || !element('again').hidden) return;
  route();
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && !element('products').hidden && member.token) refresh();
});
// A page that the browser kept, shown again by "back": its payment may have been paid.
addEventListener('pageshow', (event) => event.persisted && load());

async function begin() {
  watchNetwork();
  show('loading');
  const config = await member.call('GET', '/config');
  isTest = config.success && config.data.mode === 'test';
  if (takeToken(member, config, places.site)) return askToSignIn();
  return load();
}

begin();
