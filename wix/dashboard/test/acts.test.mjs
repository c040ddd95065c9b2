// What the owner does: refund, switch, begin and cancel jobs, upgrade; with a mouse here, and with the keyboard only.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { until } from '../../test/waiting.mjs';
import {
  byItself,
  atWix,
  BACKEND,
  database,
  given,
  installed,
  inWix,
  parentState,
  proxy,
  read,
  row,
  SANDBOX,
  token,
  visited,
} from './support.mjs';

const HOUR = 3_600;
const statusOf = async (id) => (await database.query('SELECT status FROM payments WHERE id = $1', [id])).rows[0].status;
const refundsOf = async (id) =>
  (await database.query('SELECT amount::float, reason FROM refunds WHERE payment_id = $1', [id])).rows;
const RESYNCS = "SELECT count(*)::int AS number FROM jobs WHERE kind = 'resync'";
const resyncs = async () => (await database.query(RESYNCS)).rows[0].number;
const told = (page, part) =>
  page.waitForFunction((wanted) => window.parentState.toasts.some(({ message }) => message.includes(wanted)), part);

test(
  'a gift appears while the page is open, and its refund is sent once and booked',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/payments' });
    await frame.getByText('Live', { exact: true }).waitFor();
    const payment = await given(37.5, 'EUR');
    await row(frame, '€37.50').getByText('Paid').waitFor();
    await row(frame, '€37.50').getByRole('button', { name: 'Details' }).click();
    const details = frame.locator('.details');
    await details.getByText(payment).waitFor();
    await details.getByRole('button', { name: 'Refund' }).click();
    await details.getByLabel('Amount in EUR').fill('40');
    assert.ok(await details.getByRole('button', { name: 'Refund', exact: true }).isDisabled(), 'more than was paid');
    await details.getByLabel('Amount in EUR').fill('12.50');
    await details.getByLabel('Reason').selectOption('duplicate');
    await details.getByLabel('Note for the payment’s history').fill('Paid once too often.');
    await details.getByRole('button', { name: 'Refund €12.50' }).click();
    await told(page, 'The money is on its way back');
    await row(frame, '€37.50').getByText('Partly refunded').waitFor();
    await row(frame, '€37.50').locator('.amount').getByText('€37.50, €12.50 back').waitFor();
    assert.equal(await statusOf(payment), 'partially_refunded');
    await details.getByText('€12.50: sent back').waitFor();
    await details.getByText('Note: Paid once too often.').waitFor();
    assert.deepEqual(await refundsOf(payment), [{ amount: 12.5, reason: 'duplicate' }]);
  }),
);

test(
  'a refund whose answer was lost is the same one when the button is pressed again',
  visited(async (page) => {
    const payment = await given(64, 'USD');
    const frame = await inWix(page, { hash: '#/payments' });
    await row(frame, '$64').getByRole('button', { name: 'Details' }).click();
    const details = frame.locator('.details');
    await details.getByRole('button', { name: 'Refund' }).click();
    await details.getByLabel('Amount in USD').fill('20');
    const refund = details.getByRole('button', { name: 'Refund $20' });
    proxy.behave('lose', { only: '/refunds' });
    await refund.click();
    await told(page, 'Try again in a minute.');
    proxy.behave('pass');
    await refund.click();
    await told(page, 'The money is on its way back');
    assert.deepEqual(await refundsOf(payment), [{ amount: 20, reason: 'requested_by_customer' }]);
  }),
);

test(
  'a currency is switched off and on, and what that does is said before',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/routes' });
    const chf = frame.locator('li', { hasText: 'CHF' });
    const isOn = async () => (await database.query("SELECT enabled FROM currencies WHERE code = 'CHF'")).rows[0].enabled;
    await frame.getByLabel('Find a currency').fill('chf');
    await chf.getByRole('button', { name: 'Switch off' }).click();
    await chf.getByText('Pages stop offering CHF').waitFor();
    assert.equal(await isOn(), true, 'it is only asked');
    await chf.getByRole('button', { name: 'Keep as it is' }).click();
    await chf.getByRole('button', { name: 'Switch off' }).click();
    await chf.getByRole('group').getByRole('button', { name: 'Switch off CHF' }).click();
    await chf.getByText('Switched off').waitFor();
    assert.equal(await isOn(), false);
    await chf.getByRole('button', { name: 'Switch on' }).click();
    await chf.getByRole('group').getByRole('button', { name: 'Switch on CHF' }).click();
    await chf.getByText('Offered').waitFor();
  }),
);

test(
  'an export is begun from the list, and its file has what the list has',
  visited(async (page) => {
    await given(61, 'USD');
    await byItself(page, { hash: '#/payments' });
    await page.getByText('$61').first().waitFor();
    await page.getByRole('button', { name: 'Filters' }).click();
    await page.getByLabel('Currency').selectOption('USD');
    await page.getByRole('button', { name: 'Export these' }).click();
    await page.locator('.jobs li').first().getByText('Completed').first().waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download the file' }).first().click(),
    ]);
    assert.match(file.suggestedFilename(), /^payments-.*\.csv$/);
    const text = await readFile(await file.path(), 'utf8');
    assert.ok(text.includes('USD') && !text.includes('EUR'), text.slice(0, 200));
  }),
);

const PIN = 'SELECT pin_version::int FROM route_policy';
/** What the pod serves: its version, and whether pages offer kroner. */
async function served() {
  const { version, routes } = (await (await fetch(`${BACKEND}/routes`)).json()).data;
  return { version, hasKroner: routes.NOK?.available === true };
}
const switchKroner = (isOn) => database.query("UPDATE currencies SET enabled = $1 WHERE code = 'NOK'", [isOn]);

test(
  'a version is pinned, and pods serve it until that is ended; each is said before',
  visited(async (page) => {
    try {
      await switchKroner(false);
      const { version } = await until(served, ({ hasKroner }) => !hasKroner, 'pages stop offering kroner');
      await switchKroner(true);
      await until(served, ({ hasKroner }) => hasKroner, 'pages offer kroner again');
      const frame = await inWix(page, { hash: '#/routes' });
      await frame.getByLabel('Go back to version').fill(String(version));
      await frame.getByRole('button', { name: 'Go back' }).click();
      const question = frame.getByRole('group', { name: `Go back to version ${version}` });
      await question.getByText('Pages stop offering NOK.').waitFor();
      await question.getByText(`The routes of version ${version} stay`).waitFor();
      assert.equal(await read(PIN), null, 'it is only asked');
      await question.getByRole('button', { name: `Go back to version ${version}` }).click();
      await frame.getByText(`Pages stay at version ${version}`).waitFor();
      assert.equal(await read(PIN), version);
      const pinned = await until(served, ({ hasKroner }) => !hasKroner, 'the pod serves the pinned routes');
      await frame.getByRole('heading', { name: `Version ${pinned.version}`, exact: true }).waitFor();
      await frame.getByText('Served by every pod').waitFor();
      await frame.getByRole('button', { name: 'Follow changes again' }).click();
      await frame.getByText('Pages offer NOK again.').waitFor();
      assert.equal(await read(PIN), version, 'it is only asked');
      await frame.getByRole('group').getByRole('button', { name: 'Follow changes again' }).click();
      await frame.getByText('Pages follow every change').waitFor();
      assert.equal(await read(PIN), null);
      await until(served, ({ hasKroner }) => hasKroner, 'the pod follows changes again');
    } finally {
      await database.query('UPDATE route_policy SET pin_version = NULL');
      await switchKroner(true);
    }
  }),
);

const STATE = "SELECT state FROM jobs WHERE kind = 'export' ORDER BY created_at DESC LIMIT 1";
const READING =
  "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%(p.created_at, p.id) <%'";

test(
  'a job that runs is cancelled: it ends, and so does its work',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/jobs' });
    const start = frame.getByRole('button', { name: 'Start: Export payments' });
    await start.waitFor();
    // Its first statement has to wait, so that it runs until it is cancelled.
    await database.query('BEGIN');
    await database.query('LOCK TABLE payments IN ACCESS EXCLUSIVE MODE');
    try {
      await start.click();
      const job = frame.locator('.jobs li', { hasText: 'Export payments' }).first();
      await job.getByText('Processing').waitFor();
      await until(
        () => read(READING),
        (count) => count > 0,
        'the export reads payments',
      );
      await job.getByRole('button', { name: 'Cancel' }).click();
      await job.getByText('The job stops within a few seconds.').waitFor();
      assert.equal(await read(STATE), 'processing', 'it is only asked');
      await job.getByRole('button', { name: 'Cancel the job' }).click();
      await job.getByText('Cancelled').waitFor();
      assert.equal(await read(STATE), 'cancelled');
      await until(
        () => read(READING),
        (count) => count === 0,
        'its statement is ended',
      );
    } finally {
      await database.query('ROLLBACK');
    }
  }),
);

test(
  'an upgrade leads to Wix by a real link, and the page follows when it is paid',
  visited(async (page) => {
    const site = await installed('Orchard');
    const frame = await inWix(page, { hash: '#/credits', instance: await token('instance', { site }) });
    await page.setViewportSize({ width: 375, height: 667 });
    await frame.getByRole('button', { name: 'Upgrade to Pro' }).click();
    // On a phone, too, it is where the person looks: in the place of the button.
    const link = frame.locator('.plans li', { hasText: 'Pro' }).getByRole('link', { name: 'Open Wix’s checkout' });
    await link.waitFor();
    assert.equal(await frame.getByRole('button', { name: 'Upgrade to Pro' }).count(), 0);
    assert.ok(await link.evaluate((it) => it === document.activeElement), 'the keyboard goes on there');
    assert.ok((await link.getAttribute('href')).startsWith(`${SANDBOX}/`));
    assert.deepEqual([await link.getAttribute('target'), await link.getAttribute('rel')], ['_blank', 'noopener']);
    await atWix('buy', { product: 'pro', cycle: 'MONTHLY' }, site);
    await frame.getByText('Pro plan').waitFor();
    await link.waitFor({ state: 'detached' });
    await byItself(page, { hash: '#/credits', instance: await token('instance', { site }), more: { upgrade: 'success' } });
    await page.getByText('Your Pro plan has started').waitFor();
  }),
);

test(
  'a monthly plan becomes a yearly one; the way back is said, and not offered',
  visited(async (page) => {
    const site = await installed('Mill');
    await atWix('buy', { product: 'pro', cycle: 'MONTHLY' }, site);
    const frame = await inWix(page, { hash: '#/credits', instance: await token('instance', { site }) });
    await frame.getByText('Pro plan').waitFor();
    await frame.getByRole('button', { name: 'Upgrade to Agency' }).waitFor();
    assert.equal(await frame.getByRole('button', { name: 'Pay yearly' }).count(), 0);
    await frame.getByLabel('Yearly').check();
    await frame.getByText('$290 a year').waitFor();
    await frame.getByRole('button', { name: 'Pay yearly' }).click();
    const link = frame.getByRole('link', { name: 'Open Wix’s checkout' });
    const checkout = await (await fetch(await link.getAttribute('href'))).text();
    assert.ok(checkout.includes('290.00 USD') && checkout.includes('yearly'), 'it is the checkout of the yearly plan');
    await atWix('buy', { product: 'pro', cycle: 'YEARLY' }, site);
    await link.waitFor({ state: 'detached' });
    await frame.getByRole('button', { name: 'Upgrade to Agency' }).click();
    const larger = await (await fetch(await link.getAttribute('href'))).text();
    assert.ok(larger.includes('790.00 USD'), 'it is the checkout of the larger plan');
    assert.equal(await frame.getByRole('button', { name: 'Pay yearly' }).count(), 0);
    await frame.getByLabel('Monthly').check();
    await frame.getByText('To pay monthly instead, cancel the plan in Wix under Subscriptions').waitFor();
    assert.equal(await frame.locator('.plans button').count(), 0, 'Wix would reject it');
  }),
);

/** Wait until the site's status is like that; `act` comes before each look at it. */
const siteAt = (site, holds, act = () => undefined) =>
  until(
    async () => {
      await act();
      const headers = { Authorization: `WixInstance ${await token('instance', { site })}` };
      return (await (await fetch(`${BACKEND}/api/v1/wix/user/status`, { headers })).json()).data;
    },
    holds,
    'what Wix tells about the plan',
  );

test(
  'a payment of the plan that failed is said, and so is the end of a plan that was cancelled',
  visited(async (page) => {
    const [failing, ending] = [await installed('Dairy'), await installed('Smithy')];
    for (const site of [failing, ending]) {
      await atWix('buy', { product: 'pro', cycle: 'MONTHLY' }, site);
      await siteAt(site, ({ plan }) => plan === 'pro');
    }
    // Wix's times are whole seconds: a failure in the second of the purchase may count as older than that.
    await siteAt(
      failing,
      ({ paymentFailedAt }) => paymentFailedAt,
      () => atWix('fail', {}, failing),
    );
    await atWix('cancel', {}, ending);
    await siteAt(ending, ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd);
    for (const [site, title, advice] of [
      [failing, 'The payment of your plan failed on ', 'Your plan runs until '],
      [ending, 'Your plan ends on ', 'You can renew it under Subscriptions'],
    ]) {
      await byItself(page, { hash: '#/credits', instance: await token('instance', { site }) });
      await page.locator('.notice', { hasText: title }).getByText(advice).waitFor();
    }
  }),
);

test(
  'while Wix does not answer, the plan says so, and is asked for again',
  visited(async (page) => {
    const site = await installed('Quarry');
    const frame = await inWix(page, { hash: '#/credits', instance: await token('instance', { site }) });
    const error = 'Wix’s checkout does not answer right now.';
    const body = JSON.stringify({ success: false, code: 'provider_unavailable', error });
    proxy.behave('say', { only: '/billing/checkout-url', status: 502, body });
    await frame.getByRole('button', { name: 'Upgrade to Pro' }).click();
    await frame.getByRole('alert').getByText(error).waitFor();
    proxy.behave('pass');
    await frame.getByRole('button', { name: 'Try again' }).click();
    await frame.getByRole('link', { name: 'Open Wix’s checkout' }).waitFor();
  }),
);

test(
  'settings are kept, and what is wrong is said at its field',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/settings' });
    await frame.getByLabel('Link to your privacy notice').fill('http://example.com');
    await frame.getByRole('button', { name: 'Save' }).click();
    await frame.getByText('Nothing was saved').waitFor();
    await frame.getByRole('button', { name: 'Discard changes' }).click();
    assert.equal(await frame.getByLabel('Link to your privacy notice').inputValue(), '');
    await frame.getByText('Nothing was saved').waitFor({ state: 'detached' });
    await frame.getByLabel('Link to your privacy notice').fill('https://www.example.com/privacy');
    await frame.getByLabel('Suggested amounts', { exact: true }).fill('5, 15, 45');
    await frame.getByRole('button', { name: 'Save' }).click();
    await told(page, 'Your settings are saved');
    const again = await inWix(page, { hash: '#/settings' });
    assert.equal(await again.getByLabel('Suggested amounts', { exact: true }).inputValue(), '5, 15, 45');
  }),
);

test(
  'a write with a token that is too old for it is sent again with a new one',
  visited(async (page) => {
    const before = await resyncs();
    const old = await inWix(page, { hash: '#/jobs', instance: await token('instance', { age: 5 * HOUR }) });
    await old.getByRole('button', { name: 'Start: Publish the routes again' }).click();
    await old.locator('.jobs li', { hasText: 'Publish the routes again' }).first().getByText('Completed').first().waitFor();
    assert.ok((await parentState(page)).tokens > 0);
    assert.equal(await resyncs(), before + 1);
  }),
);

/** Tab until the focus is on what is called that. */
async function tabTo(page, frame, name) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await frame.locator('html').evaluate(() => {
      const { activeElement: here } = document;
      return (here?.getAttribute('aria-label') ?? here?.labels?.[0]?.innerText ?? here?.textContent ?? '').trim();
    });
    if (focused.startsWith(name)) return;
  }
  assert.fail(`no ${name} by the keyboard`);
}

test(
  'with the keyboard only a payment is found and refunded',
  visited(async (page) => {
    const payment = await given(83, 'USD');
    const frame = await inWix(page);
    await frame.getByText('Live', { exact: true }).waitFor();
    await tabTo(page, frame, 'Payments');
    await page.keyboard.press('Enter');
    await row(frame, '$83').waitFor();
    await tabTo(page, frame, 'Search');
    await page.keyboard.type(payment);
    await frame.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    await tabTo(page, frame, 'Details');
    await page.keyboard.press('Enter');
    await frame.getByText('History', { exact: true }).waitFor();
    await tabTo(page, frame, 'Refund');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await frame.getByLabel('Amount in USD').waitFor({ state: 'detached' });
    await tabTo(page, frame, 'Refund');
    await page.keyboard.press('Enter');
    await tabTo(page, frame, 'Refund $83');
    await page.keyboard.press('Enter');
    await told(page, 'The money is on its way back');
  }),
);
