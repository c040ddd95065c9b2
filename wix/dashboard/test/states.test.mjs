// Every page in every state, at three widths: pictures, axe, and nothing wider than the frame.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accessible, filled, given, inWix, proxy, settled, shot, visited } from './support.mjs';

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
  credits: 'credits left',
  jobs: 'Start a job',
  settings: 'Donation pages',
};

async function judged(page, frame, name, state) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 2_000 });
    await settled(page);
    const over = await frame.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth);
    assert.ok(over <= 0, `${name} ${state} is ${over} px too wide at ${width}`);
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
      proxy.behave('pass');
      await failed.getByRole('button', { name: 'Try again' }).click();
      await failed.getByText('can’t be shown').waitFor({ state: 'detached' });
    }),
  );

for (const name of ['overview', 'payments'])
  test(
    `${name}: empty, with example data and the two steps that are left`,
    visited(async (page) => {
      const frame = await inWix(page, { hash: `#/${name}` });
      await frame.getByText('two steps are left').waitFor();
      await frame.getByText('Example data', { exact: true }).waitFor();
      await judged(page, frame, name, 'empty');
    }),
  );

test(
  'the first gifts end the examples',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/payments' });
    await frame.getByText('two steps are left').waitFor();
    await given(25, 'USD');
    await frame.getByText('two steps are left').waitFor({ state: 'detached' });
    await filled(120);
  }),
);

for (const name of NAMES)
  test(
    `${name}: full, then stale, then offline, then up to date`,
    visited(async (page) => {
      const frame = await inWix(page, { hash: `#/${name}` });
      await frame.getByText(FULL[name]).first().waitFor();
      await judged(page, frame, name, 'full');
      proxy.behave('say', { only: `/api/v1/wix/${CALLS[name]}`, ...DOWN });
      await lookAgain(frame);
      await frame.getByText(/^Last updated at/).waitFor();
      await judged(page, frame, name, 'stale');
      proxy.behave('pass');
      await page.context().setOffline(true);
      await frame.getByText('You’re offline').waitFor();
      await judged(page, frame, name, 'offline');
      await page.context().setOffline(false);
      await frame.getByText('You’re offline').waitFor({ state: 'detached' });
      await frame.getByText(/^Last updated at/).waitFor({ state: 'detached' });
    }),
  );

test(
  'without the stream the page polls',
  visited(async (page) => {
    proxy.behave('refuse', { only: '/api/v1/wix/stream' });
    const frame = await inWix(page);
    await frame.getByText('Updated every 15 seconds').waitFor();
    await frame.locator('.section').first().waitFor();
    proxy.behave('pass');
    await frame.getByText('Live', { exact: true }).waitFor();
  }),
);
