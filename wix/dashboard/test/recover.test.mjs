// While pods of two releases run, a file may be missing: the page loads itself again, or says what to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byItself, inWix, OURS, visited } from './support.mjs';

/** The page gets no file of this name, until what is answered is called; the browser's cache is off, too. */
async function missing(page, file) {
  const files = `**/wix-dashboard/assets/${file}*`;
  await page.route(files, (route) => route.fulfill({ status: 404, json: { success: false } }));
  return () => page.unroute(files);
}
const ours = (page) => page.frames().find((each) => each.url().startsWith(OURS));
const reloads = (page) => Number(new URL(ours(page).url()).searchParams.get('reloaded') ?? 0);

test(
  'a page whose file is missing is loaded again, in Wix’s frame and at the same place',
  visited(async (page) => {
    const frame = await inWix(page);
    await frame.locator('.section').first().waitFor();
    const found = await missing(page, 'Jobs-');
    const again = page.waitForEvent('framenavigated', (each) => each.url().includes('reloaded=1'));
    await frame.getByRole('link', { name: 'Jobs', exact: true }).click();
    await again;
    await found();
    await frame.getByRole('heading', { name: 'Start a job' }).waitFor();
    assert.ok(ours(page).url().endsWith('#/jobs'));
  }),
);

for (const file of ['index-', 'Chart-'])
  test(
    `without ${file} of its own release the page tries again, and shows up when that is there`,
    visited(async (page) => {
      const found = await missing(page, file);
      const twice = page.waitForEvent('framenavigated', (each) => each.url().includes('reloaded=2'));
      const frame = await inWix(page);
      await twice;
      await found();
      await frame.locator('.chart svg').waitFor();
      assert.ok(reloads(page) >= 2);
    }),
  );

test(
  'after a few attempts it says what to do, by a button that does it',
  visited(async (page) => {
    const found = await missing(page, 'index-');
    await byItself(page, { more: { reloaded: '4' } });
    await page.getByRole('alert').getByText('A new version of this page is being installed.').waitFor();
    await found();
    await page.getByRole('button', { name: 'Load again' }).click();
    await page.locator('.section').first().waitFor();
  }),
);

test(
  'without a network nothing is missing: the page stays, and goes on when it is back',
  visited(async (page) => {
    const frame = await inWix(page);
    await frame.locator('.section').first().waitFor();
    await page.context().setOffline(true);
    await frame.getByText('You’re offline').waitFor();
    const asked = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/recover.js'));
    await frame.getByRole('link', { name: 'Jobs', exact: true }).click();
    await asked;
    assert.equal(reloads(page), 0);
    await page.context().setOffline(false);
    await frame.getByRole('heading', { name: 'Start a job' }).waitFor();
  }),
);
