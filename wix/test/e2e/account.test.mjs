// Every state of a member's account and of the page after a purchase: pictures at three widths, axe, no layout shift.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answering, button, failed, signedIn, testStates, TOKEN } from './member-states.mjs';
import { BACKEND, chosen, visited } from './support.mjs';

const CREDITS = '/api/v1/credits';
const SESSION = 'cs_test_a1B2c3D4e5F6';
const pack = (credits, amount) => ({
  planType: 'credits',
  kind: 'pack',
  credits,
  priceId: `price_${credits}`,
  amount,
  currency: 'USD',
});
const plan = (planType, credits, amount) => ({
  planType,
  kind: 'subscription',
  credits,
  priceId: `price_${planType}`,
  amount,
  currency: 'USD',
});
const PACKS = [pack(50, 5), pack(250, 20), pack(1000, 69.5)];
const PLANS = [plan('basic', 100, 9), plan('vision_pro', 500, 29), plan('vision_max', 2000, 99)];
const REASONS = ['quick_scan_purchase', 'image_scan', 'vision_pro_monthly', 'refund_quick_scan_purchase'];
const row = (id) => ({
  id,
  delta: id % 2 ? -3 : 50,
  balanceAfter: 1_000 + id,
  reason: REASONS[id % 4],
  planType: id % 2 ? null : 'credits',
  createdAt: new Date(Date.UTC(2026, 10, 26, 6, id)).toISOString(),
});
const MINE = { planType: 'vision_pro', priceId: 'price_vision_pro', status: 'active', cancelAtPeriodEnd: false };
const OF_MINE = { ...MINE, currentPeriodEnd: '2026-12-26T06:00:00.000Z' };

/** A member with everything, as the backend answers it. */
const FULL = {
  [`GET ${CREDITS}/balance`]: { balance: 1247, asOf: '2026-11-26T06:00:00.000Z', transactions: 30, byPlan: {} },
  [`GET ${CREDITS}/transactions`]: { items: Array.from({ length: 10 }, (_, id) => row(30 - id)), nextCursor: '21' },
  [`GET ${CREDITS}/packs`]: [...PACKS, ...PLANS],
  [`GET ${CREDITS}/plan`]: null,
};
const WITH_PLAN = { ...FULL, [`GET ${CREDITS}/plan`]: OF_MINE };
const EMPTY = {
  ...FULL,
  [`GET ${CREDITS}/balance`]: { balance: 0, asOf: '2026-11-26T06:00:00.000Z', transactions: 0, byPlan: {} },
  [`GET ${CREDITS}/transactions`]: { items: [], nextCursor: null },
  [`GET ${CREDITS}/packs`]: [],
};

const loaded = (page) => page.locator('#account').waitFor();
const cameBack = (status, credits = 500) => ({
  path: `/account/return?success=true&session_id=${SESSION}`,
  answers: {
    ...FULL,
    [`GET /api/v1/checkout-sessions/${SESSION}`]: { sessionId: SESSION, status, planType: 'vision_pro', credits },
  },
  act: (page) => page.locator('#outcome-title[data-outcome]').waitFor(),
});

const STATES = {
  'account-signed-out': { isOut: true, act: (page) => button(page, 'Sign in').waitFor() },
  'account-wrong-token': {
    isOut: true,
    async act(page) {
      await page.getByLabel('Or use a token').fill('eyJ.eyJ.x');
      await button(page, 'Sign in').click();
      await page.getByRole('alert').getByText('token').first().waitFor();
    },
  },
  'account-loading': { answers: { [`GET ${CREDITS}/balance`]: 'never' }, act: (page) => page.getByText('Loading').waitFor() },
  'account-away': {
    answers: { [`GET ${CREDITS}/balance`]: 'away' },
    act: (page) => page.getByText('cannot be reached').waitFor(),
  },
  'account-empty': { answers: EMPTY, act: (page) => page.getByText('Nothing yet').waitFor() },
  'account-full': { answers: FULL, act: loaded },
  'account-with-plan': { answers: WITH_PLAN, act: loaded },
  'account-plan-unpaid': {
    answers: { ...FULL, [`GET ${CREDITS}/plan`]: { ...OF_MINE, status: 'past_due' } },
    act: (page) => page.getByText('could not be charged').waitFor(),
  },
  'account-negative': {
    answers: { ...FULL, [`GET ${CREDITS}/balance`]: { ...FULL[`GET ${CREDITS}/balance`], balance: -20 } },
    act: (page) => page.getByText('had already used').waitFor(),
  },
  'account-parts-away': {
    answers: {
      ...FULL,
      [`GET ${CREDITS}/packs`]: failed(503, 'provider_disabled', 'Card payments are currently unavailable. Try again later.'),
      [`GET ${CREDITS}/plan`]: failed(503, 'database_unavailable', 'The database cannot be reached right now.'),
      [`GET ${CREDITS}/transactions`]: failed(503, 'database_unavailable', 'The database cannot be reached right now.'),
    },
    act: loaded,
  },
  'account-busy': {
    answers: { ...FULL, 'POST /api/v1/checkout-sessions': 'never' },
    async act(page) {
      await button(page, 'Buy 250 credits for $20').click();
      await page.locator('#account [aria-busy=true]').waitFor();
    },
  },
  'account-rejected': {
    answers: {
      ...FULL,
      'POST /api/v1/checkout-sessions': failed(409, 'already_subscribed', 'You already have a plan. Change it in billing.'),
    },
    async act(page) {
      await button(page, /^Choose Basic/).click();
      await page.getByRole('alert').getByText('already have a plan').waitFor();
    },
  },
  'account-cancelled': {
    path: '/account?canceled=true',
    answers: FULL,
    act: (page) => page.getByRole('heading', { name: 'You came back before paying' }).waitFor(),
  },
  'account-chosen': {
    answers: FULL,
    async act(page) {
      await page.goto(`${BACKEND}/account#plan_session=${await chosen('price_vision_pro', 'vision_pro')}`);
      await page.waitForURL(`${BACKEND}/account`);
      await page.reload();
      await page.getByText('Vision pro: 500 credits for $29 a month').waitFor();
    },
  },
  'purchase-waiting': cameBack('open'),
  'purchase-paid': {
    ...cameBack('paid'),
    act: (page) => page.locator('.purchase').getByText('1,247').waitFor(),
  },
  'purchase-failed': cameBack('failed'),
  'purchase-expired': cameBack('expired'),
  'purchase-refunded': cameBack('refunded'),
  'purchase-unknown': { path: '/account/return', act: (page) => page.getByText('cannot find').waitFor() },
  'purchase-signed-out': {
    path: `/account/return?session_id=${SESSION}`,
    isOut: true,
    act: (page) => page.getByText('Sign in to see').waitFor(),
  },
};

testStates(Object.fromEntries(Object.entries(STATES).map(([name, state]) => [name, { path: '/account', ...state }])));

test(
  'the running plan is marked, and another is changed to in the billing portal, never bought beside it',
  visited(async (person) => {
    await signedIn(person);
    const page = await person.context.newPage();
    const asked = [];
    await answering(page, WITH_PLAN);
    await page.route('**/api/v1/billing-portal', (route) => {
      asked.push(route.request().postDataJSON());
      return route.fulfill({ status: 502, json: failed(502, 'provider_unavailable', 'Try again.').body });
    });
    await page.goto(`${BACKEND}/account`);
    await loaded(page);
    const mine = page.locator('#plans > li[aria-current=true]');
    assert.match(await mine.innerText(), /Vision pro[^]*Your plan/);
    assert.equal(await mine.getByRole('button').count(), 0);
    assert.equal(await button(page, /^Choose/).count(), 0);
    await button(page, 'Change to Vision max: 2,000 credits for $99 a month').click();
    await page.getByRole('alert').getByText('Try again.').waitFor();
    assert.deepEqual(asked, [{ returnUrl: `${BACKEND}/account` }]);
  }),
);

test(
  'with the keyboard: sign in, show more of the history, buy',
  visited(async (person) => {
    const page = await person.context.newPage();
    await answering(page, { ...FULL, 'POST /api/v1/checkout-sessions': failed(502, 'provider_unavailable', 'Try again.') });
    await page.goto(`${BACKEND}/account`);
    await page.getByLabel('Or use a token').waitFor();
    const focused = () =>
      page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
    const tabTo = async (name) => {
      for (let steps = 0; steps < 30; steps += 1) {
        await page.keyboard.press('Tab');
        if ((await focused()).startsWith(name)) return;
      }
      assert.fail(`the keyboard does not reach ${name}`);
    };
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await loaded(page);
    await tabTo('Show more');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('#history > li').length === 20);
    assert.equal(await page.evaluate(() => [...document.querySelectorAll('#history > li')].indexOf(document.activeElement)), 10);
    await page.evaluate(() => document.querySelector('#portal').focus());
    await tabTo('Buy 50 credits');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('Try again.').waitFor();
    assert.match(await focused(), /^Buy 50 credits/);
  }),
);

test(
  'a token in the address is taken out at once; only a site that the backend knows signs in with it',
  visited(async (person) => {
    const page = await person.context.newPage();
    await answering(page, FULL);
    await page.goto(`${BACKEND}/account#access_token=${TOKEN}`);
    assert.equal(page.url(), `${BACKEND}/account`);
    await page.getByText('A link wants to sign you in as ada@example.com').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('hingecraft-token')), null);
    await button(page, 'Sign in').click();
    await loaded(page);
    await page.getByText('Signed in as ada@example.com').waitFor();
    await button(page, 'Sign out').click();
    await page.getByLabel('Or use a token').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('hingecraft-token')), null);

    await page.route(`${process.env.SITE}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: `<a href="${BACKEND}/account#access_token=${TOKEN}">Account</a>` }),
    );
    await page.goto(`${process.env.SITE}/`);
    await page.getByRole('link', { name: 'Account' }).click();
    await loaded(page);
    assert.equal(page.url(), `${BACKEND}/account`);
  }),
);

test(
  'a checkout whose answer was lost is repeated under its key, and nobody is sent to a stranger',
  visited(async (person) => {
    await signedIn(person);
    const page = await person.context.newPage();
    await answering(page, FULL);
    const keys = [];
    const answers = ['away', 'away', { url: 'https://evil.example/pay' }];
    await page.route('**/api/v1/checkout-sessions', (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      const answer = answers[keys.length - 1];
      if (answer === 'away') return route.abort('connectionreset');
      return route.fulfill({ status: 201, json: { success: true, data: answer } });
    });
    await page.goto(`${BACKEND}/account`);
    await loaded(page);
    for (const words of ['cannot be reached', 'cannot be reached', 'did not open it']) {
      await button(page, /^Buy 50 credits/).click();
      await page.getByRole('alert').getByText(words).waitFor();
      await page.waitForFunction(() => !document.querySelector('#account [aria-busy=true]'));
    }
    assert.equal(new Set(keys).size, 1);
    assert.equal(page.url(), `${BACKEND}/account`);
  }),
);
