// States of members' pages: what the backend answers, and what every state has to be.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bordered, fits, judged, painted, shifted, WIDTHS } from './judging.mjs';
import { BACKEND, shot, visited } from './support.mjs';

export const { TOKEN } = process.env;

export const failed = (status, code, error) => ({ status, body: { success: false, code, error } });
export const button = (page, name) => page.getByRole('button', { name });

/** The backend answers this; what is not named here is asked of the real one. */
export async function answering(page, answers) {
  await page.route('**/api/v1/**', async (route) => {
    const name = `${route.request().method()} ${new URL(route.request().url()).pathname}`;
    if (!(name in answers)) return route.fallback();
    const answer = answers[name];
    if (answer === 'never') return undefined;
    if (answer === 'away') return route.abort('connectionrefused');
    if (answer?.body) return route.fulfill({ status: answer.status, json: answer.body });
    return route.fulfill({ json: { success: true, data: answer } });
  });
}

export const signedIn = (person) =>
  person.context.addInitScript(
    (token) => /^.(account|shop)/.test(location.pathname) && sessionStorage.setItem('hingecraft-token', token),
    TOKEN,
  );

/** A test for each state: pictures at three widths, axe, no layout shift, in the dark too. */
export function testStates(states) {
  for (const [name, { path, answers = {}, isOut, before, act, isLight }] of Object.entries(states)) {
    test(
      name,
      visited(async (person) => {
        if (!isOut) await signedIn(person);
        const page = await person.context.newPage();
        const refused = [];
        page.on('console', (message) => /Content Security Policy/.test(message.text()) && refused.push(message.text()));
        await answering(page, answers);
        await before?.(page);
        await page.goto(BACKEND + (typeof path === 'function' ? path() : path));
        await act(page);
        assert.ok((await shifted(page)) < 0.01, `${name} moves while it loads`);
        for (const [size, [width, height]] of Object.entries(WIDTHS)) {
          if (isLight && size === 'middle') continue;
          await page.setViewportSize({ width, height });
          await painted(page, width);
          await shot(page, `${name}-${size}`);
          await fits(page, `${name} at ${width} px`);
        }
        await judged(page, name);
        if (!isLight) await dark(page, name);
        assert.deepEqual(refused, []);
      }),
    );
  }
}

async function dark(page, name) {
  await page.emulateMedia({ colorScheme: 'dark' });
  await painted(page, WIDTHS.wide[0]);
  await shot(page, `${name}-dark`);
  await judged(page, `${name} in the dark`);
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
  await painted(page, WIDTHS.wide[0]);
  await bordered(page, name);
}
