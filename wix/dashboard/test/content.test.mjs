// Each page shows what the backend has, and changes it as it says. The tests follow each other in one database.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../../test/waiting.mjs';
import { asked, byItself, database, filled, given, inWix, proxy, read, row, visited } from './support.mjs';

const insert = (status) =>
  database.query(
    `INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, source)
     VALUES (gen_random_uuid(), 10, 'USD', 'USD', $1, 'stripe', false, 'donation', 'charter')`,
    [status],
  );
/** Money as it was booked `days` ago, in any currency and mode. */
const booked = (amount, currency, usd, { live = false, days = 0 } = {}) =>
  database.query(BOOK, [amount, currency, usd, live, days]);
const BOOK = `
WITH begun AS (
  INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, source, created_at)
  VALUES (gen_random_uuid(), $1::numeric, $2, $2, 'completed', 'stripe', $4, 'donation', 'charter',
          now() - make_interval(days => $5::int)) RETURNING *
)
INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount, created_at)
SELECT id, 'donation', 'stripe', livemode, 'charge', 'charge_' || id, amount, currency, $3::numeric,
       created_at + interval '30 seconds' FROM begun`;
const tile = (frame, name) => frame.locator(`.tile:has(h2:text-is("${name}")) .value`);
const fact = (frame, name) => frame.locator(`dt:text-is("${name}") + dd`);

test(
  'the overview counts what came in, how payments went and what needs attention, and counts on while it is open',
  visited(async (page) => {
    for (const amount of [10, 20]) await given(amount);
    const payment = await given(30);
    await until(
      () => read(`SELECT status FROM payments WHERE id = '${payment}'`),
      (status) => status === 'completed',
    );
    const path = `/api/v1/wix/payments/${payment}/refunds`;
    await asked('POST', path, { reference: 'a-refund', amount: '5', reason: 'duplicate' });
    for (const status of ['failed', 'error']) await insert(status);
    await booked(8, 'EUR', 9);
    await booked(32, 'USD', 32, { days: 40 });
    // Real money, which a backend with test keys counts nowhere here.
    await booked(1_000, 'USD', 1_000, { live: true });
    const frame = await inWix(page);
    await tile(frame, 'Received, less refunds').getByText('$64', { exact: true }).waitFor();
    assert.equal(await tile(frame, 'Payments').textContent(), '4');
    assert.equal(await tile(frame, 'Success rate').textContent(), '80%');
    const before = await frame.locator('.tile .quiet').allTextContents();
    const changes = ['+100% on the period before', '+300% on the period before', '100% before', '30 sec before'];
    assert.deepEqual(before, changes);
    assert.match(await tile(frame, 'Median time to completion').textContent(), /^[\d.]+ (ms|sec)$/);
    await frame.getByText('these payments moved no money').waitFor();
    const cells = await row(frame, 'USD').locator('td').allTextContents();
    assert.deepEqual(cells, ['USD', '3', '$60', '$5', '$0', '$55', '$55']);
    const euros = await row(frame, 'EUR').locator('td').allTextContents();
    assert.deepEqual(euros, ['EUR', '1', '€8', '€0', '€0', '€8', '$9']);
    assert.equal(await fact(frame, 'Paid').textContent(), '4');
    assert.equal(await fact(frame, 'Rejected by the provider or the bank').textContent(), '1');
    await frame.getByText('Payments to look at: 1').waitFor();
    await frame.getByText('Show the numbers').click();
    const days = frame.locator('.chart tbody tr');
    assert.equal(await days.count(), 30);
    assert.deepEqual((await days.last().locator('td').allTextContents()).slice(1), ['$64', '4']);
    await frame.getByText('Live', { exact: true }).waitFor();
    await given(40);
    await tile(frame, 'Received, less refunds').getByText('$104', { exact: true }).waitFor();
    await frame.getByLabel('7 days').check();
    await frame.locator('.chart svg title', { hasText: 'each of 7 days' }).waitFor({ state: 'attached' });
  }),
);

test(
  'without the stream the page polls, and shows what has happened; a stream that is silent is opened again where it ended',
  visited(async (page) => {
    await page.clock.install();
    proxy.behave('refuse', { only: '/api/v1/wix/stream' });
    const frame = await inWix(page);
    await frame.getByText('Updated every 15 seconds').waitFor();
    await tile(frame, 'Received, less refunds').getByText('$104', { exact: true }).waitFor();
    await given(5);
    await page.clock.runFor(16_000);
    await tile(frame, 'Received, less refunds').getByText('$109', { exact: true }).waitFor();
    const begun = [];
    page.on('request', (request) => request.url().endsWith('/api/v1/wix/stream') && begun.push(request.headers()));
    proxy.behave('pass');
    await page.clock.runFor(30_000);
    await frame.getByText('Live', { exact: true }).waitFor();
    const goesOn = async () => {
      await page.clock.runFor(50_000);
      return begun.some((headers) => headers['last-event-id']);
    };
    await until(goesOn, Boolean, 'another stream');
  }),
);

test(
  'the stream tells what has happened: nothing is asked for again by time',
  visited(async (page) => {
    await page.clock.install({ time: Date.now() });
    await page.clock.pauseAt(Date.now() + 1_000);
    const frame = await inWix(page);
    const received = tile(frame, 'Received, less refunds');
    await received.getByText('$109', { exact: true }).waitFor();
    await frame.getByText('Live', { exact: true }).waitFor();
    await given(15);
    // The page's time passes in small parts, and stops long before it would poll.
    let passed = 0;
    const shown = async () => {
      assert.ok(passed < 10_000, 'nobody has told the page');
      passed += 50;
      await page.clock.runFor(50);
      return received.textContent();
    };
    await until(shown, (text) => text === '$124', 'the gift on the page');
    // All pages of the browser have one clock.
    await page.clock.resume();
  }),
);

test(
  'each filter narrows the list by what it names',
  visited(async (page) => {
    await filled(40);
    // So high that every row is drawn.
    await page.setViewportSize({ width: 1280, height: 4_000 });
    const frame = await inWix(page, { hash: '#/payments' });
    await frame.getByRole('button', { name: 'Filters' }).click();
    const today = await frame.locator('html').evaluate(() => new Intl.DateTimeFormat('en-CA').format(new Date()));
    const filters = [
      ['Status', 'status', 'completed'],
      ['Paid with', 'provider', 'stripe'],
      ['For', 'purpose', 'donation'],
      ['Currency', 'currency', 'EUR'],
      ['From', 'from', '2026-01-01'],
      ['To', 'to', today],
      ['Smallest amount', 'amountFrom', '6'],
      ['Largest amount', 'amountTo', '90'],
    ];
    let last;
    for (const [label, param, value] of filters) {
      const sent = page.waitForRequest((request) => new URL(request.url()).searchParams.get(param) === value);
      const field = frame.getByLabel(label, { exact: true });
      if (await field.evaluate((it) => it.tagName === 'SELECT')) await field.selectOption(value);
      else await field.fill(value);
      last = await sent;
    }
    const { limit, ...all } = Object.fromEntries(new URL(last.url()).searchParams);
    const zone = await frame.locator('html').evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
    assert.deepEqual(all, { ...Object.fromEntries(filters.map(([, param, value]) => [param, value])), zone }, limit);
    await row(frame, '€').waitFor();
    await frame.locator('tbody tr', { hasText: '$' }).first().waitFor({ state: 'detached' });
    await frame.locator('tbody tr', { hasText: 'Expired' }).first().waitFor({ state: 'detached' });
    await frame.getByRole('button', { name: 'Show all' }).click();
    await row(frame, 'Expired').waitFor();
    await frame.getByLabel('Search').fill('nobody@example.com');
    await frame.getByText('No payments match').waitFor();
  }),
);

test(
  'the answer for a filter that is not chosen any more is not shown',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/payments' });
    await frame.getByRole('button', { name: 'Filters' }).click();
    const status = frame.getByLabel('Status', { exact: true });
    const ended = Promise.withResolvers();
    for (const end of ['requestfinished', 'requestfailed'])
      page.on(end, (request) => request.url().includes('status=failed') && ended.resolve());
    proxy.behave('hold', { only: 'status=failed' });
    await status.selectOption('failed');
    await until(() => proxy.held.length > 0, Boolean, 'the request for failed payments');
    await status.selectOption('completed');
    await row(frame, 'Paid').waitFor();
    proxy.behave('pass');
    await ended.promise;
    await frame.locator('html').evaluate(() => new Promise((drawn) => setTimeout(() => requestAnimationFrame(drawn))));
    assert.equal(await row(frame, 'Failed').count(), 0);
  }),
);

test(
  'the history of a payment tells in words what happened to it, in order',
  visited(async (page) => {
    await given(71, 'USD');
    const frame = await inWix(page, { hash: '#/payments' });
    await row(frame, '$71').getByRole('button', { name: 'Details' }).click();
    const history = frame.locator('.details ol.trail li p');
    await history.nth(1).waitFor();
    const told = await history.allTextContents();
    assert.ok(told.length >= 2, String(told));
    assert.ok(
      told.some((text) => text.includes('$71') || text.includes('71')),
      String(told),
    );
    for (const text of told) assert.match(text, /^[A-Z][^_{}]*[.]$/, 'a sentence, without names of fields');
  }),
);

test(
  'pods and Wix endpoints are listed with what they serve and how soon; a provider is switched off and on',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/routes' });
    await frame.getByText('Served by every pod').waitFor();
    for (const name of ['Pods', 'Wix endpoints']) {
      const table = frame.getByRole('table', { name, exact: true });
      await table.getByText('Up to date').waitFor();
      const [, , version, latency] = await table.locator('tbody td').allTextContents();
      assert.match(version, /^\d+$/);
      assert.match(latency, /^[\d.,]+ (ms|sec|min)$/);
    }
    const isOn = async () => {
      const { providers } = await asked('GET', '/api/v1/wix/routes');
      return providers.find(({ name }) => name === 'nowpayments').enabled;
    };
    const coins = frame.locator('li', { hasText: 'Coins (NOWPayments)' });
    for (const [word, isThen] of [
      ['Switch off', false],
      ['Switch on', true],
    ]) {
      await coins.getByRole('button', { name: word }).click();
      const question = coins.getByRole('group', { name: `${word} Coins (NOWPayments)` });
      await question
        .getByText(/^Pages /)
        .first()
        .waitFor();
      assert.equal(await isOn(), !isThen, 'it is only asked');
      await question.getByRole('button', { name: word }).click();
      await coins.getByRole('button', { name: isThen ? 'Switch off' : 'Switch on' }).waitFor();
      assert.equal(await isOn(), isThen);
    }
  }),
);

const ELSEWHERE =
  "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'DKK', 'https://example.com/give')";

test(
  'what the resource sets has no switch, and a link that pages do not use is named',
  visited(async (page) => {
    await database.query("UPDATE route_policy SET managed = '{providers.stripe,pinVersion}'");
    await database.query(ELSEWHERE);
    try {
      const frame = await inWix(page, { hash: '#/routes' });
      const providers = frame.getByRole('region', { name: 'Providers' });
      await providers.getByText('On; set by the PaymentRoutes resource').waitFor();
      assert.equal(await providers.locator('li', { hasText: 'Card (Stripe)' }).getByRole('button').count(), 0);
      assert.equal(await frame.getByRole('button', { name: 'Go back' }).count(), 0);
      const unused = frame.getByRole('region', { name: 'Not used by pages' });
      await unused.getByText('Link DKK').first().waitFor();
      await unused.getByText('This link leads to example.com').waitFor();
    } finally {
      await database.query("UPDATE route_policy SET managed = '{}'");
      await database.query("DELETE FROM external_payments WHERE currency = 'DKK'");
    }
  }),
);

test(
  'credits are shown as they are spent',
  visited(async (page) => {
    await asked('POST', '/api/v1/wix/credits/spend', { amount: 1, reference: 'a-report' });
    await byItself(page, { hash: '#/credits' });
    const used = page.getByRole('progressbar', { name: '1 of 3 credits used' });
    await used.waitFor();
    assert.equal(Math.round(await used.getAttribute('value')), 33);
    await page.locator('.figure h3').getByText('2', { exact: true }).waitFor();
    assert.equal(await fact(page, 'Used in this period').textContent(), '1');
    assert.equal(await fact(page, 'Trial credits, which don’t expire').textContent(), '2');
  }),
);

// A pod takes no job that another one has just claimed.
const HALFWAY = `UPDATE jobs SET state = 'processing', progress_percent = 40, step = 'Asking Stripe about 12 checkouts',
  finished_at = NULL, result = NULL, claimed_until = now() + interval '1 hour' WHERE kind = 'resync'`;
const FAILED = `UPDATE jobs SET state = 'failed', error = 'Wix does not answer. Try again in a minute.', finished_at = now(),
  claimed_until = NULL WHERE kind = 'resync'`;

test(
  'a job shows how far it is, then why it failed',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/jobs' });
    await frame.getByRole('button', { name: 'Start: Publish the routes again' }).click();
    const job = frame.locator('.jobs li', { hasText: 'Publish the routes again' }).first();
    await job.getByText('Completed').waitFor();
    await job.getByText(/^Version \d+ is at 1 pod/).waitFor();
    await database.query(HALFWAY);
    await page.reload();
    await job.getByText('Asking Stripe about 12 checkouts').waitFor();
    assert.equal(await job.getByRole('progressbar').getAttribute('value'), '40');
    await database.query(FAILED);
    await job.getByText('Wix does not answer. Try again in a minute.').waitFor();
    assert.equal(await job.getByRole('progressbar').count(), 0);
  }),
);

const SETTINGS = {
  'Who receives the gifts': ['organizationName', 'Tools for All'],
  Heading: ['pageTitle', 'A day of tools'],
  'Text below the heading': ['pageText', 'Every gift pays for a day.'],
  'Thank-you text': ['thankYouText', 'The workshop is open.'],
  'Address for questions': ['contactEmail', 'hello@example.com'],
  'Link to your privacy notice': ['privacyUrl', 'https://www.example.com/privacy'],
  'Link to your refund policy': ['refundUrl', 'https://www.example.com/refunds'],
  'Currency to begin with': ['defaultCurrency', 'CHF'],
  'Suggested amounts': ['pageAmounts', '7, 14, 28', [7, 14, 28]],
  'Colour of buttons and links': ['accentColor', '#7a1f5c'],
  'Heading of the widget': ['widgetTitle', 'Chip in'],
  'Suggested amounts of the widget': ['widgetAmounts', '3 9', [3, 9]],
  'Colours of the widget': ['widgetTheme', 'dark'],
  'Notification address': ['notificationEmail', 'owner@example.com'],
};

test(
  'every setting is kept under its own name, and the donation page and the widget have them at once',
  visited(async (page) => {
    await byItself(page, { hash: '#/settings' });
    for (const [label, [, value]] of Object.entries(SETTINGS)) {
      const field = page.getByLabel(label, { exact: true });
      if (await field.evaluate((it) => it.tagName === 'SELECT')) await field.selectOption(value);
      else await field.fill(value);
    }
    await page.getByLabel('Border around the widget').uncheck({ force: true });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Your settings are saved.').waitFor();
    const wanted = Object.values(SETTINGS).map(([name, typed, kept]) => [name, kept ?? typed]);
    assert.deepEqual(await asked('GET', '/api/v1/wix/settings'), { ...Object.fromEntries(wanted), widgetBorder: false });
    await page.goto(new URL('/embed/charter', page.url()).href);
    await page.getByRole('heading', { name: 'A day of tools', level: 1 }).waitFor();
    await page.getByText('Every gift pays for a day.').waitFor();
    await page.getByRole('button', { name: 'Give CHF 14 by card' }).waitFor();
    const shown = await asked('GET', '/api/v1/appearance');
    assert.deepEqual([shown.widgetTitle, shown.widgetTheme, shown.widgetBorder], ['Chip in', 'dark', false]);
    assert.equal(shown.notificationEmail, undefined, 'it is nobody’s business');
    assert.equal((await read("SELECT count(*)::int FROM payment_audit WHERE action = 'wix_settings_changed'")) > 0, true);
  }),
);
