// What the tests in a browser share: a page for each test, axe, and pictures.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before } from 'node:test';

import { close, context, open, OURS, proxy, SHOTS } from './world.mjs';

export * from './world.mjs';

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  await open();
});

after(close);

/** Test with a page of its own; an error of a script, or something that the policy forbids, fails the test. */
export function visited(work, { expected = [] } = {}) {
  return async (running) => {
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) errors.push(message.text());
    });
    proxy.behave('pass');
    try {
      await work(page, running);
      const unexpected = errors.filter((error) => !expected.some((each) => error.includes(each)));
      assert.deepEqual(unexpected, []);
    } finally {
      proxy.behave('pass');
      await page.context().setOffline(false);
      await page.close();
    }
  };
}

export async function accessible(page, what) {
  const frame = page.frames().find((each) => each.url().startsWith(OURS)) ?? page.mainFrame();
  await frame.evaluate(axe.source);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await frame.evaluate(
    (runOnly) => window.axe.run(document, { iframes: false, runOnly, resultTypes: ['violations'] }),
    tags,
  );
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`);
  assert.deepEqual(found, [], what);
}

export async function shot(page, name) {
  await page.screenshot({ path: `${SHOTS}/dashboard-${name}.png` });
}

/** The first row of a table with that text. */
export const row = (frame, text) => frame.locator('tbody tr', { hasText: text }).first();

/** What Wix, around the page, was told and asked. */
export const parentState = (page) => page.evaluate(() => window.parentState);

/** Wait until the frame is as high as its content, and stays so. */
export async function settled(page) {
  const frame = page.frames().find((each) => each.url().startsWith(OURS));
  const { width } = page.viewportSize();
  await page.waitForFunction((wanted) => innerWidth === wanted, width);
  const room = frame.parentFrame() ? await (await frame.frameElement()).evaluate((it) => it.clientWidth) : width;
  await frame.waitForFunction(async (wanted) => {
    const isSettled = () =>
      innerWidth === wanted &&
      Math.abs(document.documentElement.scrollHeight - innerHeight) <= 1 &&
      document.body.offsetHeight > 0;
    for (let frames = 0; frames < 6; frames += 1) {
      if (!isSettled()) return false;
      await new Promise(requestAnimationFrame);
    }
    return isSettled();
  }, room);
}
