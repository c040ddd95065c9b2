// What every state of every page has to be: judged by axe, never wider than the screen, with buttons that look like buttons.
import assert from 'node:assert/strict';
import axe from 'axe-core';

import { COMPONENTS } from './support.mjs';

export const WIDTHS = { narrow: [320, 1250], middle: [768, 1000], wide: [1920, 1080] };

export async function judged(page, what) {
  const frame = page.frames().find((each) => each.url().startsWith(COMPONENTS)) ?? page.mainFrame();
  await frame.evaluate(axe.source);
  const { violations } = await frame.evaluate(() => window.axe.run(document, { iframes: false, resultTypes: ['violations'] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  assert.deepEqual(found, [], what);
}

/** The frame of another host learns its new size later than the page. */
export async function painted(component, width) {
  await component.locator('html').evaluate(async (_root, wanted) => {
    while (innerWidth !== wanted) await new Promise(requestAnimationFrame);
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  }, width);
}

/** Where the system's colours replace ours, what can be pressed still looks like a button. */
export async function bordered(component, what) {
  const buttons = component.locator('.main-button:visible, .second-button:visible, .choice:visible');
  const widths = await buttons.evaluateAll((all) => all.map((each) => parseFloat(getComputedStyle(each).borderTopWidth)));
  assert.ok(
    widths.every((width) => width >= 1),
    `a button of ${what} has no border in forced colours`,
  );
}

/** Nothing is wider than the screen or reaches into the margins of the page, and presets are one line. */
export async function fits(component, what) {
  const over = await component.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth);
  assert.ok(over <= 0, `${what} is ${over} px too wide`);
  const outside = await component.locator('main').evaluate((main) => {
    const { left, right } = main.getBoundingClientRect();
    const { paddingLeft, paddingRight } = getComputedStyle(main);
    return [...main.querySelectorAll('*')]
      .map((each) => ({ each, at: each.getBoundingClientRect() }))
      .filter(
        ({ at }) => at.width && (at.left < left + parseFloat(paddingLeft) - 1 || at.right > right - parseFloat(paddingRight) + 1),
      )
      .map(({ each }) => each.outerHTML.slice(0, 60));
  });
  assert.deepEqual(outside, [], what);
  const heights = await component.locator('.preset span').evaluateAll((all) => all.map((each) => each.offsetHeight));
  assert.ok(new Set(heights).size <= 1, `a preset of ${what} is broken into lines`);
}

/** How far what was shown has moved by itself, as browsers score it. */
export const shifted = (page) =>
  page.evaluate(
    () =>
      new Promise((score) => {
        new PerformanceObserver((list) =>
          score(list.getEntries().reduce((sum, entry) => sum + (entry.hadRecentInput ? 0 : entry.value), 0)),
        ).observe({ type: 'layout-shift', buffered: true });
        setTimeout(score, 300, 0);
      }),
  );
