// The products of the shop, each with what the member may do with it.
import { dayOf, priceOf } from './account-words.js';
import { element, made, say, secondButton } from './dom.js';
import { chargedOf, downloadsLeft, includedOf, leftOf, rhythmOf, standingOf, typeOf } from './product-words.js';

/** @typedef {import('./product-words.js').Product} Product */
/** @typedef {import('./product-words.js').Purchase} Purchase */
/** @typedef {{buy: (product: Product) => void, download: (button: HTMLElement, product: Product) => void}} Acts */
/** @typedef {{text: string, may: ('buy' | 'again' | 'download' | 'manage')[]}} Standing */

/**
 * What a member has of a product, and what they may do. The backend decides; this only shows what it would say.
 * @param {Product} product
 * @param {Purchase[]} purchases the newest first
 * @returns {Standing}
 */
export function standingIn(product, purchases) {
  const own = purchases.filter((each) => each.product.id === product.id);
  const active = own.find((each) => each.status === 'active');
  if (active && product.type === 'subscription') return { text: subscribed(active), may: ['manage'] };
  if (active) return owned(product, active);
  const past = own.length ? standingOf(own[0]) : '';
  const subscription = product.type === 'design' && purchases.find(isOpenSubscription);
  if (subscription) {
    const text = `Included in “${subscription.product.name}”. ${downloadsLeft(subscription)}`.trim();
    return { text, may: ['download', 'buy'] };
  }
  return { text: past, may: [past ? 'again' : 'buy'] };
}

/** @param {Purchase} purchase */
const isOpenSubscription = ({ productType, status }) => productType === 'subscription' && status === 'active';

/** @param {Purchase} purchase */
function subscribed(purchase) {
  return `You have this. ${standingOf(purchase)}`;
}

/**
 * @param {Product} product
 * @param {Purchase} purchase
 * @returns {Standing}
 */
function owned(product, purchase) {
  const until = purchase.endsAt ? ` until ${dayOf(purchase.endsAt)}` : '';
  const text = `You own this${until}.`;
  if (product.type !== 'design') return { text, may: ['manage'] };
  // The last URL is valid for some minutes: a buyer who has lost the file may ask for it again.
  if (leftOf(purchase) === 0) return { text: downloadsLeft(purchase), may: ['download', 'again'] };
  return { text: `${text} ${downloadsLeft(purchase)}`.trim(), may: ['download'] };
}

/**
 * @param {Product[]} products
 * @param {Purchase[]} purchases
 * @param {Acts} acts
 */
export function showProducts(products, purchases, acts) {
  say('products-text', products.length ? '' : 'Nothing is for sale right now. Come back later.');
  element('products-list').replaceChildren(
    ...products.map((product) => productItem(product, standingIn(product, purchases), acts)),
  );
  element('products-list').hidden = products.length === 0;
}

/**
 * @param {Product} product
 * @param {Standing} standing
 * @param {Acts} acts
 */
function productItem(product, { text, may }, acts) {
  const parts = [made('h3', product.name), priceTag(product), made('p', `${typeOf(product.type)}. ${includedOf(product)}`)];
  parts[2].className = 'hint';
  if (text) parts.push(Object.assign(made('p', text), { className: 'standing' }));
  const links = made(
    'div',
    may.map((what) => actFor(what, product, acts)),
  );
  links.className = 'links';
  const item = made('li', [...parts, links]);
  item.dataset.product = product.id;
  return item;
}

/** @param {Product} product */
function priceTag(product) {
  const tag = made('p', chargedOf(product));
  tag.className = 'price';
  const rhythm = rhythmOf(product);
  if (rhythm) tag.append(' ', made('small', rhythm));
  if (product.discountedPrice === undefined) return tag;
  const before = made('s', priceOf({ amount: product.price, currency: product.currency }));
  before.setAttribute('aria-label', `instead of ${before.textContent}`);
  tag.append(' ', before);
  return tag;
}

/**
 * @param {Standing['may'][number]} what
 * @param {Product} product
 * @param {Acts} acts
 */
function actFor(what, product, acts) {
  if (what === 'manage') {
    const link = made('a', 'Open your account');
    return Object.assign(link, { href: '/account', className: 'second-button' });
  }
  if (what === 'download') {
    return secondButton('Download', `Download ${product.name}`, (button) => acts.download(button, product));
  }
  const word = what === 'again' ? 'Buy again' : product.type === 'subscription' ? 'Subscribe' : 'Buy';
  const label = `${word} ${product.name} for ${chargedOf(product)}`;
  return secondButton(word, label, () => acts.buy(product));
}
