// The pages of the backend where there is no site at all: nothing listens at the site's address.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { BACKEND, fault, noFaults, payAtProvider, rows, shot, SITE, visited } from './support.mjs';

const READ_PREFILL = 'We kept your';
const PAYMENTS = 'SELECT count(*)::int AS number FROM payments';

/** Opens a page of the backend; a call of anybody else than backend and sandbox fails the test. */
async function opened(person, path) {
  const { page } = await person.open(`${BACKEND}${path}`);
  const strangers = [];
  page.on('request', (request) => request.url().startsWith(SITE) && strangers.push(request.url()));
  return { page, strangers };
}

async function thanked(page, words) {
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  await page.getByText(words).waitFor();
  const [{ status }] = await rows('SELECT status FROM payments WHERE id = $1', [new URL(page.url()).searchParams.get('payment')]);
  assert.equal(status, 'completed');
}

test(
  'a gift by card: there, back to the page that was left, and the outcome',
  visited(async (person) => {
    const { page, strangers } = await opened(person, '/embed/charter');
    await page.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    await page.getByLabel('Currency').selectOption('EUR');
    await page.getByRole('button', { name: 'Give €25 by card' }).click();
    await payAtProvider(page, 'Pay');
    await page.waitForURL(`${BACKEND}/embed/charter?status=success**`);
    await thanked(page, 'Your gift of €25 has arrived.');
    await shot(page, 'direct-thank-you');
    assert.deepEqual(strangers, []);
  }),
);

test(
  'two dollars in one click, and back',
  visited(async (person) => {
    const { page } = await opened(person, '/embed/mission-support');
    await page.getByRole('button', { name: 'Give $2' }).click();
    await payAtProvider(page, 'Pay');
    await page.waitForURL(`${BACKEND}/embed/mission-support?status=success**`);
    await thanked(page, 'Your gift of $2 has arrived.');
    await page.getByRole('button', { name: 'Give again' }).click();
    await page.getByRole('button', { name: 'Give $2' }).waitFor();
  }),
);

test(
  'another amount goes on to Charter once, and what was chosen is still there after "cancel"',
  visited(async (person) => {
    const { page, strangers } = await opened(person, '/embed/mission-support');
    await page.getByLabel('Another amount').fill('37.50');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${BACKEND}/embed/charter?prefill=**`);
    await page.getByText(READ_PREFILL).waitFor();
    await page.getByLabel('Currency').selectOption('GBP');
    await page.getByRole('button', { name: 'Give £37.50 by card' }).click();
    await page.waitForURL(/\/pay\/stripe\//);
    await page
      .getByRole('link', { name: /back|cancel/i })
      .first()
      .click();
    await page.waitForURL(`${BACKEND}/embed/charter?status=cancelled**`);
    await page.getByRole('heading', { name: 'You came back before paying' }).waitFor();
    await page.getByRole('button', { name: 'Give £37.50 by card' }).waitFor();
    assert.deepEqual(strangers, []);
  }),
);

test(
  'coins are sent to an invoice, and its page leads back',
  visited(async (person) => {
    const { page } = await opened(person, '/embed/charter');
    await page.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    await page.getByLabel('Currency').selectOption('BTC');
    await page.getByRole('button', { name: 'Give $25 in Bitcoin' }).click();
    await page.waitForURL(/\/pay\/nowpayments\//);
    await page.getByLabel('Pay with').selectOption('btc');
    await page.getByRole('button', { name: 'Show the address' }).click();
    await page.getByRole('button', { name: 'Send all of it' }).click();
    await page.getByText('finished').first().waitFor();
    await page.getByRole('link', { name: /back/i }).first().click();
    await page.waitForURL(`${BACKEND}/embed/charter?status=success**`);
    await thanked(page, 'Your gift of $25 has arrived.');
    await page.getByText('Keep this reference.').waitFor();
    assert.equal(await page.getByText('your receipt is on its way').count(), 0, 'nobody sends one for coins');
  }),
);

test(
  'a click whose answer was lost is repeated under its key and makes one payment',
  visited(async (person) => {
    const { page } = await opened(person, '/embed/mission-support');
    const [{ number }] = await rows(PAYMENTS);
    const keys = [];
    await page.route('**/mission-support/micro-payment', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      if (keys.length > 1) return route.continue();
      await route.fetch();
      await route.abort('connectionreset');
    });
    const button = page.getByRole('button', { name: 'Give $5' });
    await button.click();
    await page.getByRole('alert').getByText('cannot be reached right now').waitFor();
    await button.click();
    await page.waitForURL(/\/pay\/stripe\//);
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.equal((await rows(PAYMENTS))[0].number, number + 1);
  }),
);

test(
  'what the backend refuses is said in its own words, and nobody is sent to a stranger',
  visited(async (person) => {
    const { page } = await opened(person, '/embed/mission-support');
    await fault({ act: 'status_before', provider: 'stripe', status: 400, times: 1 });
    try {
      await page.getByRole('button', { name: 'Give $1' }).click();
      await page.getByRole('alert').getByText('The payment provider rejected this payment').waitFor();
    } finally {
      await noFaults();
    }
    const body = JSON.stringify({ success: true, data: { url: 'https://evil.example/pay', paymentId: 'p' } });
    await page.route('**/micro-payment', (route) => route.fulfill({ body, headers: { 'Content-Type': 'application/json' } }));
    await page.getByRole('button', { name: 'Give $2' }).click();
    await page.getByRole('alert').getByText('did not open it').waitFor();
    assert.equal(page.url(), `${BACKEND}/embed/mission-support`);
  }),
);

const total = async () => (await (await fetch(`${BACKEND}/charter/total`)).json()).data;
const GIFTS = `
WITH given AS (
  INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, source)
  SELECT gen_random_uuid(), 10, 'USD', 'USD', 'completed', 'stripe', false, 'donation', 'charter'
  FROM generate_series(1, $1::int) RETURNING *
)
INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
SELECT id, 'donation', 'stripe', false, 'charge', 'charge_' || id, 10, 'USD', 10 FROM given`;

test(
  'what was given so far is shown from the twentieth gift on',
  visited(async (person) => {
    await rows(GIFTS, [19 - (await total()).count]);
    const { page } = await opened(person, '/embed/charter');
    await page.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    assert.equal(await page.locator('#total').isVisible(), false, 'it is too early');
    await rows(GIFTS, [1]);
    await page.reload();
    await page.getByText('given so far, in 20 gifts').waitFor();
    const dollars = new Intl.NumberFormat('en-US').format(Math.floor((await total()).total));
    assert.equal(await page.locator('#total-sum').textContent(), `$${dollars}`);
  }),
);

/** A site that can hold no code, such as one of Wix Harmony: a frame, and nothing that answers it. */
async function siteWithFrame(path) {
  const sandbox = 'allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-scripts';
  const body = `<!doctype html><title>Give</title><link rel="icon" href="data:,"><iframe id="hingecraft" title="Give"
    sandbox="${sandbox}" style="width: 100%; height: 850px" src="${BACKEND}${path}"></iframe>`;
  const site = createServer((_request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(body));
  await new Promise((listening) => site.listen(Number(new URL(SITE).port), '127.0.0.1', listening));
  return site;
}

for (const query of ['?direct', '']) {
  test(
    `in a frame of a site without code, opened with "${query}": Charter opens in the frame, the payment page by a link`,
    visited(async (person) => {
      const site = await siteWithFrame(`/embed/mission-support${query}`);
      try {
        const { page, component } = await person.open('/give');
        await component.getByLabel('Another amount').fill('41.50');
        await component.getByRole('button', { name: 'Continue' }).click();
        await component.getByText(READ_PREFILL).waitFor();
        await component.getByRole('button', { name: 'Give $41.50 by card' }).click();
        const link = component.getByRole('link', { name: 'Open the payment page' });
        await link.waitFor();
        const opens = page.waitForEvent('popup');
        await link.click();
        const tab = await opens;
        await payAtProvider(tab, 'Pay');
        await tab.waitForURL(`${BACKEND}/embed/charter?status=success**`);
        await thanked(tab, 'Your gift of $41.50 has arrived.');
        assert.equal(page.url(), `${SITE}/give`);
      } finally {
        site.closeAllConnections();
        await new Promise((closed) => site.close(closed));
      }
    }),
  );
}
