// Every page in every state, at three widths: pictures, axe, and nothing wider than the frame.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../../test/waiting.mjs';
import {
  accessible,
  asked,
  atWix,
  byItself,
  database,
  filled,
  given,
  inWix,
  proxy,
  settled,
  shot,
  SHOTS,
  visited,
} from './support.mjs';

const WIDTHS = [375, 768, 1280];
const CALLS = {
  overview: 'overview',
  payments: 'payments',
  routes: 'routes',
  credits: 'user/status',
  jobs: 'jobs',
  settings: 'settings',
};
const NAMES = Object.keys(CALLS);
const DOWN = {
  status: 503,
  body: JSON.stringify({ success: false, code: 'database_unavailable', error: 'Try again in a minute.' }),
};
const FULL = {
  overview: 'By currency',
  payments: 'Newest first, of all kinds.',
  routes: 'Who serves it',
  credits: 'Pro plan',
  jobs: 'Download the file',
  settings: 'Donation pages',
};

/** What can be pressed, and reaches out of what it stands in. */
const outside = (frame) =>
  frame.locator(':is(li, td, .section-body, .notice) :is(a, button):visible').evaluateAll((all) =>
    all
      .filter((it) => {
        const [own, around] = [it, it.closest('li, td, .section-body, .notice')].map((each) => each.getBoundingClientRect());
        return own.left < around.left - 1 || own.right > around.right + 1;
      })
      .map((it) => it.textContent),
  );

async function judged(page, frame, name, state) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 2_000 });
    await settled(page);
    const over = await frame.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth);
    assert.ok(over <= 0, `${name} ${state} is ${over} px too wide at ${width}`);
    assert.deepEqual(await outside(frame), [], `${name} ${state} at ${width}`);
    // What differs between widths is how a full page is laid out.
    if (state === 'full' || width === WIDTHS.at(-1)) await accessible(page, `${name}, ${state}, ${width}`);
    await shot(page, `${name}-${state}-${width}`);
  }
}

/** The browser looks again at what it shows. */
const lookAgain = (frame) => frame.locator('html').evaluate(() => document.dispatchEvent(new Event('visibilitychange')));

for (const name of NAMES)
  test(
    `${name}: loading, and an error that ends by itself`,
    visited(async (page) => {
      proxy.behave('slow', { only: `/api/v1/wix/${CALLS[name]}`, milliseconds: 60_000 });
      const loading = await inWix(page, { hash: `#/${name}` });
      await loading.getByText(/^Loading/).waitFor();
      await judged(page, loading, name, 'loading');
      proxy.behave('say', { only: `/api/v1/wix/${CALLS[name]}`, ...DOWN });
      const failed = await inWix(page, { hash: `#/${name}` });
      await failed.getByText('can’t be shown').waitFor();
      await failed.getByText('Try again in a minute.').waitFor();
      await judged(page, failed, name, 'error');
      await page.context().setOffline(true);
      await failed.getByText('You’re offline').waitFor();
      await failed.getByRole('button', { name: 'Try again' }).waitFor({ state: 'detached' });
      await page.context().setOffline(false);
      await failed.getByText('You’re offline').waitFor({ state: 'detached' });
      proxy.behave('pass');
      await failed.getByRole('button', { name: 'Try again' }).click();
      await failed.getByText('can’t be shown').waitFor({ state: 'detached' });
    }),
  );

/** No engine has published anything yet. */
async function withoutRoutes() {
  const nothing = { version: null, reportedAt: null, servedEverywhere: false, pods: [], endpoints: [] };
  const data = { ...(await asked('GET', '/api/v1/wix/routes')), ...nothing };
  proxy.behave('say', { only: '/api/v1/wix/routes', body: JSON.stringify({ success: true, data }) });
}

// A plan and settings are there from the beginning, so these two pages need no example.
const WITH_EXAMPLE = NAMES.filter((name) => !['credits', 'settings'].includes(name));

for (const name of NAMES)
  test(
    `${name}: empty, with the two steps that are left and, where there is nothing to show, example data`,
    visited(async (page) => {
      if (name === 'routes') await withoutRoutes();
      const frame = await inWix(page, { hash: `#/${name}` });
      await frame.getByText('two steps are left').waitFor();
      assert.equal(await frame.getByText('Example data', { exact: true }).count(), WITH_EXAMPLE.includes(name) ? 1 : 0);
      await judged(page, frame, name, 'empty');
    }),
  );

const A_FAILED_JOB = `UPDATE jobs SET state = 'failed', result = NULL, error = 'A pod did not answer within a minute. Start it again.'
  WHERE kind = 'resync'`;

test(
  'the first gifts, jobs, settings and a plan end the examples',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/payments' });
    await frame.getByText('two steps are left').waitFor();
    await given(25, 'USD');
    await frame.getByText('two steps are left').waitFor({ state: 'detached' });
    await filled(120);
    for (const type of ['export', 'resync']) {
      const { jobId } = await asked('POST', '/api/v1/wix/jobs', { type });
      await until(
        () => asked('GET', `/api/v1/wix/jobs/${jobId}`),
        ({ status }) => status === 'completed',
      );
    }
    await database.query(A_FAILED_JOB);
    await asked('PUT', '/api/v1/wix/settings', { contactEmail: 'hello@example.com' });
    await atWix('buy', { product: 'pro', cycle: 'YEARLY' });
    await until(
      () => asked('GET', '/api/v1/wix/user/status'),
      ({ plan }) => plan === 'pro',
    );
    await asked('POST', '/api/v1/wix/credits/spend', { amount: 12, reference: 'a-report' });
  }),
);

for (const name of NAMES)
  test(
    `${name}: full, then stale, then offline, then up to date`,
    visited(async (page) => {
      const frame = await inWix(page, { hash: `#/${name}` });
      await frame.getByText(FULL[name]).first().waitFor();
      for (const left of ['two steps are left', 'Example data']) assert.equal(await frame.getByText(left).count(), 0, left);
      await judged(page, frame, name, 'full');
      proxy.behave('say', { only: `/api/v1/wix/${CALLS[name]}`, ...DOWN });
      await lookAgain(frame);
      await frame.getByText(/^Last updated at/).waitFor();
      await judged(page, frame, name, 'stale');
      await page.context().setOffline(true);
      await frame.getByText('You’re offline').waitFor();
      for (const left of [/^Last updated at/, 'Try again'])
        assert.equal(await frame.getByText(left).count(), 0, `${left} beside the notice that the browser is offline`);
      await judged(page, frame, name, 'offline');
      proxy.behave('pass');
      await page.context().setOffline(false);
      await frame.getByText('You’re offline').waitFor({ state: 'detached' });
      await frame.getByText(/^Last updated at/).waitFor({ state: 'detached' });
    }),
  );

async function pictured(page, frame, name) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 2_000 });
    await settled(page);
    await shot(page, `${name}-${width}`);
  }
  await accessible(page, name);
}

test(
  'questions are asked in their place, at each width',
  visited(async (page) => {
    const payment = await given(83, 'EUR');
    const payments = await inWix(page, { hash: '#/payments' });
    await payments.getByLabel('Search').fill(payment);
    await payments.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    await payments.getByRole('button', { name: 'Details' }).click();
    await payments.getByRole('button', { name: 'Refund' }).click();
    await payments.getByLabel('Amount in EUR').waitFor();
    await pictured(page, payments, 'dialog-refund');
    const routes = await inWix(page, { hash: '#/routes' });
    await routes.getByLabel('Go back to version').fill('1');
    await routes.getByRole('button', { name: 'Go back' }).click();
    await routes.getByLabel('Find a currency').fill('chf');
    await routes.getByRole('button', { name: 'Switch off CHF' }).click();
    await routes.getByText('Pages stop offering CHF').waitFor();
    await pictured(page, routes, 'dialog-switch-and-pin');
  }),
);

test(
  'a message of the page itself is readable at each width',
  visited(async (page) => {
    await byItself(page, { hash: '#/jobs' });
    await page.getByRole('button', { name: 'Start: Publish the routes again' }).click();
    await page.locator('.jobs li').getByText('Completed').first().waitFor();
    await byItself(page, { hash: '#/settings' });
    await page.getByLabel('Heading', { exact: true }).fill('Every gift counts');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Your settings are saved.').waitFor();
    await page.setViewportSize({ width: 375, height: 800 });
    await accessible(page, 'toast');
    await page.screenshot({ path: `${SHOTS}/dashboard-toast-375.png` });
  }),
);

test(
  'from right to left every page fits, too',
  visited(async (page) => {
    for (const name of NAMES) {
      const frame = await inWix(page, { hash: `#/${name}`, locale: 'ar' });
      await frame.getByText(FULL[name]).first().waitFor();
      for (const width of [375, 1280]) {
        await page.setViewportSize({ width, height: 2_000 });
        await settled(page);
        const over = await frame.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth);
        assert.ok(over <= 0, `${name} is ${over} px too wide at ${width}`);
        await shot(page, `${name}-ar-${width}`);
      }
    }
  }),
);
