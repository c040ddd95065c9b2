// A thousand payments: loaded page by page while scrolling, of which only those near to the screen are drawn.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../../test/waiting.mjs';
import { filled, inWix, read, settled, visited } from './support.mjs';

const MANY = 1_000;
const MOST_DRAWN = 300;

test(
  'a thousand payments are in one list, of which few are drawn',
  visited(async (page) => {
    await filled(MANY);
    await page.setViewportSize({ width: 1280, height: 900 });
    const frame = await inWix(page, { hash: '#/payments' });
    const rows = frame.locator('tbody tr[aria-rowindex]');
    await rows.first().waitFor();
    const drawn = [];
    while ((await frame.getByRole('button', { name: /Show more|Loading/ }).count()) > 0) {
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      await page.evaluate(() => new Promise(requestAnimationFrame));
      drawn.push(await rows.count());
    }
    // The heading is a row, too.
    const last = Number(await frame.getByRole('table').getAttribute('aria-rowcount'));
    assert.ok(last > MANY);
    await settled(page);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await frame.locator(`tr[aria-rowindex="${last}"]`).waitFor();
    assert.ok(Math.max(...drawn) <= MOST_DRAWN, `${Math.max(...drawn)} rows were drawn at once`);
    await page.evaluate(() => scrollTo(0, 0));
    await frame.locator('tr[aria-rowindex="2"]').waitFor();
    await frame.locator(`tr[aria-rowindex="${last}"]`).waitFor({ state: 'detached' });
  }),
);

test(
  'all pages of a list have its filter',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/payments' });
    await frame.getByRole('button', { name: 'Filters' }).click();
    await frame.getByLabel('Status', { exact: true }).selectOption('failed');
    await frame.locator('tbody tr', { hasText: 'Expired' }).first().waitFor({ state: 'detached' });
    const failed = await read("SELECT count(*)::int FROM payments WHERE status = 'failed'");
    assert.ok(failed > 100, 'more than a page');
    const whole = frame.locator(`table[aria-rowcount="${failed + 1}"]`);
    const further = async () => {
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      return whole.count();
    };
    await until(further, Boolean, 'the last page of what failed');
  }),
);
