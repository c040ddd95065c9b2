// The sandbox's stand-in for Stripe.js on a page of another site, with a policy that admits nothing else.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

import { PROGRESS_MS } from '../waiting.mjs';

const { CHROMIUM, SANDBOX, SHOTS, STRIPE_KEY } = process.env;
const POLICY = `default-src 'none'; script-src ${SANDBOX}/stripe.js; frame-src ${SANDBOX}; img-src data:`;
const GOOD = '4242 4242 4242 4242';
const DECLINED = '4000 0000 0000 0002';
const ASKED = '4000 0025 0000 3155';
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
<main><h1>Pay</h1><div id="card"></div><button>Pay now</button></main><script src="${SANDBOX}/stripe.js"></script></html>`;

let browser;
let shop;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': POLICY }).end(PAGE),
  );
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  shop = { server, address: `http://localhost:${server.address().port}` };
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
});

after(async () => {
  await browser?.close();
  shop?.server.close();
  shop?.server.closeAllConnections();
});

async function stripe(method, path, body) {
  const headers = { Authorization: `Bearer ${STRIPE_KEY}` };
  const response = await fetch(`${SANDBOX}/v1/${path}`, { method, headers, body: body && new URLSearchParams(body) });
  const answer = await response.json();
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}

const intent = () =>
  stripe('POST', 'payment_intents', {
    amount: 1900,
    currency: 'usd',
    'automatic_payment_methods[enabled]': true,
    'metadata[payment_id]': 'p_1',
  });
const statusOf = async ({ id }) => (await stripe('GET', `payment_intents/${id}`)).status;

/** A page of the shop; what goes wrong in a script of it or of a frame fails the test. */
function shopping(work, options = {}) {
  return async () => {
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 800, height: 900 }, ...options });
    const errors = [];
    context.setDefaultTimeout(PROGRESS_MS);
    context.on('weberror', (error) => errors.push(String(error.error())));
    const page = await context.newPage();
    page.on('console', (message) => /Content Security Policy/.test(message.text()) && errors.push(message.text()));
    try {
      await page.goto(`${shop.address}/shop`);
      await work(page);
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
    }
  };
}

/** The Payment Element of an intent; answers the first of `ready` and `loaderror`. */
const mounted = (page, secret, appearance) =>
  page.evaluate(
    ([clientSecret, style]) =>
      new Promise((resolve) => {
        window.stripe = window.Stripe('pk_test_sandbox');
        window.elements = window.stripe.elements({ clientSecret, appearance: style });
        window.card = window.elements.create('payment');
        window.card.on('ready', () => resolve('ready'));
        window.card.on('loaderror', ({ error }) => resolve(error.message));
        window.card.on('change', (change) => (window.change = change));
        window.card.mount('#card');
      }),
    [secret, appearance],
  );

/** What `confirmPayment` answers; null when it leads to another page. */
const confirmed = (page, redirect = 'if_required') =>
  page.evaluate(
    (how) =>
      window.stripe.confirmPayment({
        elements: window.elements,
        redirect: how,
        confirmParams: { return_url: `${location.origin}/return?order=1` },
      }),
    redirect,
  );

const form = (page) => page.frameLocator('iframe[title="Secure payment input frame"]');
const bank = (page) => page.frameLocator('iframe[title="Payment authentication"]');

async function enter(page, number, expiry = '12 / 40', cvc = '123') {
  await form(page).getByLabel('Card number').fill(number);
  await form(page).getByLabel('Expiration date').fill(expiry);
  await form(page).getByLabel('Security code').fill(cvc);
}

/** The page makes the frame as high as its form. */
const whole = (page) =>
  form(page)
    .locator('html')
    .evaluate(async (root) => {
      while (root.scrollHeight > root.clientHeight) await new Promise(requestAnimationFrame);
    });

async function judged(page, what) {
  for (const frame of page.frames().filter((each) => !each.url().endsWith('controller.html'))) {
    await frame.evaluate(axe.source);
    const { violations, passes } = await frame.evaluate(() => window.axe.run(document, { iframes: false }));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    assert.deepEqual(found, [], `${what}: ${frame.url()}`);
    assert.ok(passes.length, 'axe has looked at nothing');
    const over = await frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${what} is ${over} px too wide: ${frame.url()}`);
  }
}

test(
  'a good card pays, and the page that follows can ask how it went',
  shopping(async (page) => {
    const made = await intent();
    assert.equal(await mounted(page, made.client_secret), 'ready');
    await enter(page, GOOD);
    await page.waitForFunction(() => window.change?.complete);
    await whole(page);
    await page.screenshot({ path: `${SHOTS}/card-form.png` });
    await Promise.all([page.waitForURL('**/return?**'), confirmed(page, 'always').catch(() => null)]);
    const { searchParams } = new URL(page.url());
    assert.deepEqual(Object.fromEntries(searchParams), {
      order: '1',
      payment_intent: made.id,
      payment_intent_client_secret: made.client_secret,
      redirect_status: 'succeeded',
    });
    const { paymentIntent } = await page.evaluate(
      (secret) => window.Stripe('pk_test_sandbox').retrievePaymentIntent(secret),
      made.client_secret,
    );
    assert.deepEqual([paymentIntent.id, paymentIntent.status, paymentIntent.amount], [made.id, 'succeeded', 1900]);
    for (const hidden of ['metadata', 'customer', 'latest_charge']) assert.ok(!(hidden in paymentIntent), hidden);
  }),
);

test(
  'a declined card is told to the page, and another one pays without leaving it',
  shopping(async (page) => {
    const made = await intent();
    await mounted(page, made.client_secret);
    await enter(page, DECLINED);
    const { error } = await confirmed(page);
    assert.deepEqual([error.type, error.code, error.decline_code], ['card_error', 'card_declined', 'generic_decline']);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    await enter(page, '4111 1111 1111 1111');
    assert.equal((await confirmed(page)).error.decline_code, 'test_mode_live_card');
    await enter(page, GOOD);
    assert.equal((await confirmed(page)).paymentIntent.status, 'succeeded');
    assert.equal(page.url(), `${shop.address}/shop`);
    assert.equal((await confirmed(page)).error.code, 'payment_intent_unexpected_state');
  }),
);

for (const [button, status] of [
  ['Complete authentication', 'succeeded'],
  ['Fail authentication', 'requires_payment_method'],
])
  test(
    `3-D Secure over the page: ${button.toLowerCase()}`,
    shopping(async (page) => {
      const made = await intent();
      await mounted(page, made.client_secret);
      await enter(page, ASKED);
      const result = confirmed(page);
      await bank(page).getByRole('button', { name: button }).waitFor();
      assert.equal(await statusOf(made), 'requires_action');
      await judged(page, '3-D Secure');
      await page.screenshot({ path: `${SHOTS}/card-authentication.png` });
      await bank(page).getByRole('button', { name: button }).click();
      const { paymentIntent, error } = await result;
      assert.equal((paymentIntent ?? error.payment_intent).status, status);
      if (error) assert.equal(error.code, 'payment_intent_authentication_failure');
      assert.equal(await statusOf(made), status);
      assert.equal(await page.locator('dialog').count(), 0);
    }),
  );

test(
  'a payer who closes the bank has failed 3-D Secure',
  shopping(async (page) => {
    const made = await intent();
    await mounted(page, made.client_secret);
    await enter(page, ASKED);
    const result = confirmed(page);
    await bank(page).getByRole('button').first().waitFor();
    await page.locator('dialog').focus();
    await page.evaluate(() => document.querySelector('dialog').dispatchEvent(new Event('cancel', { cancelable: true })));
    assert.equal((await result).error.code, 'payment_intent_authentication_failure');
    assert.equal(await statusOf(made), 'requires_payment_method');
  }),
);

test(
  'what is missing is said at its field, and Stripe is not asked',
  shopping(async (page) => {
    const made = await intent();
    await mounted(page, made.client_secret);
    const entries = [
      ['', '', '', 'incomplete_number', 'Card number'],
      ['4242 4242 4242 4241', '12 / 40', '123', 'invalid_number', 'Card number'],
      [GOOD, '13 / 40', '123', 'incomplete_expiry', 'Expiration date'],
      [GOOD, '12 / 20', '123', 'invalid_expiry_year_past', 'Expiration date'],
      [GOOD, '12 / 40', '12', 'incomplete_cvc', 'Security code'],
    ];
    for (const [number, expiry, cvc, code, label] of entries) {
      await enter(page, number, expiry, cvc);
      const { error } = await confirmed(page);
      assert.deepEqual([error.type, error.code], ['validation_error', code]);
      const field = form(page).getByLabel(label);
      assert.equal(await field.getAttribute('aria-invalid'), 'true', code);
      assert.ok(await field.evaluate((input) => input === document.activeElement), code);
      await form(page).getByRole('alert').getByText(error.message).waitFor();
    }
    await whole(page);
    await judged(page, 'an incomplete form');
    await page.screenshot({ path: `${SHOTS}/card-form-incomplete.png` });
    assert.equal(await statusOf(made), 'requires_payment_method');
  }),
);

for (const [name, width, appearance] of [
  ['narrow', 320, {}],
  ['dark', 800, { theme: 'night', variables: { borderRadius: '12px', fontSizeBase: '18px' } }],
])
  test(
    `the form by keyboard, judged by axe: ${name}`,
    shopping(
      async (page) => {
        const made = await intent();
        await mounted(page, made.client_secret, appearance);
        await whole(page);
        await judged(page, name);
        for (const text of ['4242424242424242', '1240', '123']) {
          await page.keyboard.press('Tab');
          await page.keyboard.type(text);
        }
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Pay now');
        assert.equal(await form(page).getByLabel('Card number').inputValue(), GOOD);
        assert.equal(await form(page).getByLabel('Expiration date').inputValue(), '12 / 40');
        await page.screenshot({ path: `${SHOTS}/card-form-${name}.png` });
        assert.equal((await confirmed(page)).paymentIntent.status, 'succeeded');
      },
      { viewport: { width, height: 900 } },
    ),
  );

test(
  'the first payment of a subscription',
  shopping(async (page) => {
    const customer = (await stripe('POST', 'customers', {})).id;
    const product = (await stripe('POST', 'products', { name: 'All designs' })).id;
    const price = { currency: 'usd', unit_amount: 900, product, 'recurring][interval': 'month' };
    const item = Object.entries(price).map(([name, value]) => [`items[0][price_data][${name}]`, value]);
    const made = await stripe('POST', 'subscriptions', {
      customer,
      ...Object.fromEntries(item),
      payment_behavior: 'default_incomplete',
      'payment_settings[save_default_payment_method]': 'on_subscription',
      'expand[0]': 'latest_invoice.confirmation_secret',
    });
    await mounted(page, made.latest_invoice.confirmation_secret.client_secret);
    await enter(page, GOOD);
    assert.equal((await confirmed(page)).paymentIntent.status, 'succeeded');
    assert.equal((await stripe('GET', `subscriptions/${made.id}`)).status, 'active');
  }),
);

test(
  'what cannot be paid does not load',
  shopping(async (page) => {
    const made = await intent();
    const [id] = made.client_secret.split('_secret_');
    assert.match(await mounted(page, `${id}_secret_guessed`), /does not match the client_secret/);
    assert.match(await mounted(page, 'pi_none_secret_none'), /No such payment_intent/);
    await stripe('POST', `payment_intents/${id}/cancel`, {});
    assert.match(await mounted(page, made.client_secret), /terminal state/);
  }),
);

test(
  'wrong calls are refused as Stripe.js refuses them',
  shopping(async (page) => {
    const made = await intent();
    await mounted(page, made.client_secret);
    const refused = (script) =>
      page.evaluate(
        `(async () => { try { await (${script}); return 'done'; } catch (e) { return e.name + ': ' + e.message; } })()`,
      );
    const calls = [
      ['Stripe()', /apiKey/],
      ["Stripe('sk_test_x')", /secret key/],
      ["Stripe('pk_live_x')", /test keys/],
      ["stripe.elements({ clientSecret: 'secret' })", /\$\{id\}_secret_/],
      ["elements.create('card')", /no Element of type card/],
      ["elements.create('payment')", /only create one/],
      ["card.mount('#nowhere')", /no DOM elements/],
      ["stripe.confirmPayment({ elements: {}, redirect: 'if_required' })", /mounted a Payment Element/],
      ['stripe.confirmPayment({ elements })', /return_url/],
      ["stripe.confirmPayment({ elements, confirmParams: { return_url: '/return' } })", /not a valid URL/],
      ["stripe.confirmPayment({ elements, redirect: 'never' })", /redirect should be/],
      ["(card.unmount(), stripe.confirmPayment({ elements, redirect: 'if_required' }))", /not mounted/],
      ["stripe.retrievePaymentIntent('pi_1')", /client secret/],
    ];
    for (const [script, message] of calls) {
      const answer = await refused(script);
      assert.match(answer, message, script);
      assert.ok(answer.startsWith('IntegrationError: '), script);
    }
  }),
);
