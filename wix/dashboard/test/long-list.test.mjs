// A thousand payments: loaded page by page while scrolling, of which only those near to the screen are drawn.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { filled, inWix, settled, visited } from './support.mjs';

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
