// Every state of the shop, of the page after a purchase and of an account's purchases: pictures, axe, no layout shift.
import { before } from 'node:test';

import { answering, button, failed, testStates } from './member-states.mjs';
import { admin, SANDBOX } from './support.mjs';

const HINGE = {
  type: 'design',
  name: 'Brass hinge',
  price: 12.5,
  currency: 'USD',
  active: true,
  file: 'hinge.svg',
  downloadLimit: 3,
};
const BOX = {
  ...HINGE,
  name: 'Walnut box with a lid that closes by itself',
  price: 24,
  discountedPrice: 18,
  downloadLimit: null,
};
const GATE = { ...HINGE, name: 'Garden gate', price: 32, downloadLimit: 1 };
const COURSE = { type: 'course', name: 'Hinges for beginners', price: 80, currency: 'USD', active: true };
const EVERY = { type: 'subscription', name: 'All designs', price: 9, currency: 'USD', active: true, downloadLimit: 20 };
const PAYMENT = '7d5a8f4e-3f0c-4b1e-98d7-4f1c9f6e2b1a';
const PURCHASE = '0d5a8f4e-3f0c-4b1e-98d7-4f1c9f6e2b1a';

/** Ids of what is sold, by a short name. */
const sold = {};

before(async () => {
  const add = async (product) => (await admin('POST', '/admin/products', product)).id;
  sold.every = await add({ ...EVERY, period: { unit: 'month', count: 1 } });
  sold.course = await add({ ...COURSE, period: { unit: 'year', count: 1 } });
  for (const [name, product] of Object.entries({ gate: GATE, box: BOX, hinge: HINGE })) sold[name] = await add(product);
});

const later = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
let counted = 0;
const purchase = (name, product, more = {}) => ({
  id: `00000000-0000-4000-8000-${String((counted += 1)).padStart(12, '0')}`,
  productType: product.type,
  product: { id: sold[name], name: product.name },
  amount: product.price,
  currency: 'USD',
  status: 'active',
  startsAt: later(-3),
  ...(product.type === 'course' ? {} : { downloads: { used: 1, limit: product.downloadLimit ?? null } }),
  ...more,
});
const subscribed = (more) => purchase('every', EVERY, { endsAt: later(27), cancelAtPeriodEnd: false, ...more });
/** Products exist when the test begins, so answers that name them are made then. */
const withPurchases = (make) => (page) => answering(page, { 'GET /api/v1/purchases': { items: make(), nextCursor: null } });
const listed = (page) => page.locator('#products-list li').first().waitFor();
const SHOP = { path: '/shop', act: listed };
const form = (page) => page.frameLocator('iframe[title="Secure payment input frame"]');
const paying = (more) => ({
  path: () => `/shop?product=${sold.hinge}`,
  act: (page) => page.locator('#pay[aria-disabled=false]').waitFor(),
  ...more,
});

async function enter(page, number) {
  await page.locator('#pay[aria-disabled=false]').waitFor();
  await form(page).getByLabel('Card number').fill(number);
  await form(page).getByLabel('Expiration date').fill('12 / 40');
  await form(page).getByLabel('Security code').fill('123');
  await page.locator('#pay').click();
}

testStates({
  'shop-visitor': { ...SHOP, isOut: true },
  'shop-member': {
    ...SHOP,
    before: withPurchases(() => [
      purchase('hinge', HINGE),
      purchase('gate', GATE, { downloads: { used: 1, limit: 1 } }),
      purchase('course', COURSE, { endsAt: later(362) }),
    ]),
    act: (page) => page.getByText('You own this').first().waitFor(),
  },
  'shop-subscriber': {
    isLight: true,
    ...SHOP,
    before: withPurchases(() => [subscribed(), purchase('hinge', HINGE, { status: 'refunded' })]),
    act: (page) => page.getByText('Included in').first().waitFor(),
  },
  'shop-loading': {
    isLight: true,
    ...SHOP,
    answers: { 'GET /api/v1/products': 'never' },
    act: (page) => page.getByText('Loading the shop').waitFor(),
  },
  'shop-away': {
    isLight: true,
    ...SHOP,
    answers: { 'GET /api/v1/products': 'away' },
    act: (page) => page.getByText('cannot be reached').waitFor(),
  },
  'shop-empty': {
    isLight: true,
    ...SHOP,
    answers: { 'GET /api/v1/products': { items: [], nextCursor: null } },
    act: (page) => page.getByText('Nothing is for sale').waitFor(),
  },
  'shop-purchases-away': {
    isLight: true,
    ...SHOP,
    answers: { 'GET /api/v1/purchases': failed(503, 'database_unavailable', 'The database cannot be reached right now.') },
    act: (page) => page.getByText('could not check what you own').waitFor(),
  },
  'shop-offline': {
    isLight: true,
    ...SHOP,
    async act(page) {
      await listed(page);
      await page.context().setOffline(true);
      await page.getByText('You are offline').waitFor();
    },
  },
  'shop-sign-in': {
    ...SHOP,
    isOut: true,
    async act(page) {
      await button(page, /^Buy Brass hinge/).click();
      await page.getByText('To buy Brass hinge').waitFor();
    },
  },
  'shop-download-missing': {
    isLight: true,
    ...SHOP,
    before: withPurchases(() => [purchase('hinge', HINGE)]),
    async act(page) {
      await answering(page, {
        [`GET /api/v1/downloads/${sold.hinge}`]: failed(503, 'download_unavailable', 'The file cannot be downloaded right now.'),
      });
      await button(page, 'Download Brass hinge').click();
      await page.getByRole('alert').getByText('cannot be downloaded').waitFor();
    },
  },
  'checkout-form': paying(),
  'checkout-subscription': paying({ isLight: true, path: () => `/shop?product=${sold.every}` }),
  'checkout-loading': paying({
    isLight: true,
    before: (page) => page.route(`${SANDBOX}/stripe.js`, () => undefined),
    act: (page) => page.getByText('Loading the card form').waitFor(),
  }),
  'checkout-not-loaded': paying({
    isLight: true,
    before: (page) => page.route(`${SANDBOX}/stripe.js`, (route) => route.abort()),
    act: (page) => page.locator('#card-problem-text').getByText('could not be loaded').waitFor(),
  }),
  'checkout-declined': paying({
    isLight: true,
    async act(page) {
      await enter(page, '4000 0000 0000 0002');
      await page.getByRole('alert').getByText('declined').waitFor();
    },
  }),
  'checkout-incomplete': paying({
    isLight: true,
    async act(page) {
      await enter(page, '4242 4242 4242 4241');
      await form(page).getByText('card number is invalid').waitFor();
      await page.locator('#pay[aria-disabled=false]').waitFor();
    },
  }),
  'checkout-authentication': paying({
    async act(page) {
      await enter(page, '4000 0025 0000 3155');
      await page.frameLocator('iframe[title="Payment authentication"]').getByRole('button').first().waitFor();
    },
  }),
  'checkout-switched-off': paying({
    isLight: true,
    answers: { 'POST /api/v1/payments': failed(409, 'product_inactive', 'This product is no longer sold.') },
    act: (page) => page.getByRole('alert').getByText('no longer sold').waitFor(),
  }),
  'checkout-owned': paying({
    isLight: true,
    answers: { 'POST /api/v1/payments': failed(409, 'already_owned', 'You already have this product.') },
    act: (page) => page.getByRole('alert').getByText('already have').waitFor(),
  }),
  'checkout-disabled': paying({
    isLight: true,
    answers: {
      'POST /api/v1/payments': failed(503, 'provider_disabled', 'Card payments are currently unavailable. Try again later.'),
    },
    act: (page) => page.getByRole('alert').getByText('currently unavailable').waitFor(),
  }),
});

const payment = (status) => ({ id: PAYMENT, status, productType: 'design', amount: 12.5, currency: 'USD' });
const cameBack = (status, more = {}) => ({
  path: `/shop/return?payment=${PAYMENT}`,
  before: (page) =>
    answering(page, {
      [`GET /api/v1/payments/${PAYMENT}`]: { ...payment(status), productId: sold.hinge, ...more },
      [`GET /api/v1/purchases/${PURCHASE}`]: purchase('hinge', HINGE),
    }),
  act: (page) => page.locator('#outcome-title[data-outcome]').waitFor(),
  isLight: true,
});

testStates({
  'bought-waiting': cameBack('pending'),
  'bought-paid': {
    ...cameBack('completed', { purchaseId: PURCHASE }),
    act: (page) => page.getByText('You bought Brass hinge').waitFor(),
    isLight: false,
  },
  'bought-not-paid': { ...cameBack('pending'), path: `/shop/return?payment=${PAYMENT}&redirect_status=failed` },
  'bought-wrong': { ...cameBack('error'), act: (page) => page.getByText('checking your payment').waitFor() },
  'bought-expired': cameBack('expired'),
  'bought-refunded': cameBack('refunded'),
  'bought-disputed': cameBack('disputed'),
  'bought-unknown': { ...cameBack('pending'), path: '/shop/return' },
  'bought-signed-out': { ...cameBack('pending'), isOut: true, act: (page) => page.getByText('Sign in to see').waitFor() },
});

const account = (make, more = {}) => ({
  path: '/account',
  before: withPurchases(make),
  act: (page) => page.locator('#purchases li').first().waitFor(),
  ...more,
});

testStates({
  'account-purchases': account(() => [
    subscribed(),
    purchase('hinge', HINGE),
    purchase('gate', GATE, { downloads: { used: 1, limit: 1 } }),
    purchase('course', COURSE, { endsAt: later(362) }),
  ]),
  'account-purchases-ended': account(
    () => [
      subscribed({ cancelAtPeriodEnd: true }),
      subscribed({ endsAt: later(-0.2) }),
      purchase('hinge', HINGE, { status: 'refunded' }),
      purchase('gate', GATE, { status: 'disputed' }),
      purchase('course', COURSE, { status: 'expired', endsAt: later(-3) }),
      subscribed({ status: 'cancelled', endsAt: later(-40) }),
    ],
    { isLight: true },
  ),
  'account-period-refunded': account(() => [subscribed()], {
    async before(page) {
      await withPurchases(() => [subscribed()])(page);
      await answering(page, { [`GET /api/v1/access/${sold.every}`]: { allowed: false, reason: 'refunded', endsAt: later(27) } });
    },
    act: (page) => page.getByText('Refunded: access has ended. Renews on').waitFor(),
    isLight: true,
  }),
  'account-purchases-away': account(() => [], {
    before: (page) =>
      answering(page, {
        'GET /api/v1/purchases': failed(503, 'database_unavailable', 'The database cannot be reached right now.'),
      }),
    act: (page) => page.locator('#purchases-text').getByText('cannot be reached').waitFor(),
    isLight: true,
  }),
  'account-cancelling': account(() => [subscribed()], {
    async act(page) {
      await button(page, 'Cancel subscription: All designs').click();
      await page.getByRole('dialog').getByText('You are not charged again').waitFor();
    },
  }),
  'account-limit-used': account(() => [purchase('gate', GATE, { downloads: { used: 1, limit: 1 } })], {
    async act(page) {
      const sentence = 'You have used all downloads of this purchase or period. Wait for the next period, or contact us.';
      await answering(page, { [`GET /api/v1/downloads/${sold.gate}`]: failed(429, 'download_limit', sentence) });
      await button(page, 'Download Garden gate').click();
      await page.getByRole('alert').getByText('used all downloads').waitFor();
    },
    isLight: true,
  }),
});
