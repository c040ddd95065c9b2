// A browser, the world that tests/browser/test_site.py has started, and how both are told what to do.
import { mkdirSync } from 'node:fs';
import { after, before } from 'node:test';
import assert from 'node:assert/strict';
import pg from 'pg';
import { chromium } from 'playwright-core';

import { PROGRESS_MS, until } from '../waiting.mjs';
import { Proxy } from './proxy.mjs';

export const { SITE, COMPONENTS, BACKEND, SANDBOX, ADMIN_TOKEN, SHOTS } = process.env;
const { CHROMIUM, DATABASE_URL, PROXY_PORT } = process.env;
// Without these the browser looks for hosts that are not there.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Between the site and the backend: what goes wrong there goes wrong here. */
export const proxy = new Proxy(BACKEND);
export const database = new pg.Client({ connectionString: DATABASE_URL });

let browser;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  await proxy.listen(Number(PROXY_PORT));
  await database.connect();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});

after(async () => {
  await browser?.close();
  await database.end();
  await proxy.close();
});

/**
 * A visitor of their own, with nothing remembered; every error of a script fails the test.
 */
export async function visitor(options = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1024, height: 900 }, ...options });
  const errors = [];
  context.setDefaultTimeout(PROGRESS_MS);
  context.on('weberror', (error) => errors.push(String(error.error())));
  return {
    context,
    open: (path, tab) => open(context, path, tab),
    async leave() {
      await context.close();
      assert.deepEqual(errors, []);
    },
  };
}

/** Test with a visitor who leaves afterwards, whatever happens. */
export function visited(work, options) {
  return async (context) => {
    const person = await visitor(options);
    proxy.behave('pass');
    try {
      await work(person, context);
    } finally {
      proxy.behave('pass');
      await person.leave();
    }
  };
}

async function open(context, path, tab) {
  const page = tab ?? (await context.newPage());
  await page.goto(path.startsWith('http') ? path : SITE + path);
  return { page, component: page.frameLocator('#hingecraft') };
}

/** The sandbox's own page of the provider; presses a button of it. */
export async function payAtProvider(page, button) {
  await page.waitForURL(`${SANDBOX}/pay/**`);
  await page.getByRole('button', { name: button }).first().click();
}

export async function admin(method, path, body) {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' };
  const response = await fetch(BACKEND + path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer.data;
}

export const policy = (change) => admin('PATCH', '/admin/policy', change);

/** The next calls of a provider go wrong. */
export const fault = (how) => sandbox('POST', 'faults', how);

/** Everything works again; the addresses of payment events have to be set again. */
export async function noFaults() {
  await sandbox('DELETE', 'switches');
  await sandbox('PUT', 'webhooks', { stripe_url: `${BACKEND}/webhooks/stripe` });
}

async function sandbox(method, path, body) {
  const options = { method, body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  const response = await fetch(`${SANDBOX}/_sandbox/${path}`, options);
  assert.ok(response.ok, await response.text());
}

export async function shot(page, name) {
  await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: false });
}

const MARK = { hingecraft: 'mark' };

/** Every frame keeps the names of the messages that it gets, in `window.heard`: a sign of what has happened in it. */
export const listening = (context) =>
  context.addInitScript(() => {
    window.heard = [];
    addEventListener('message', ({ data }) => window.heard.push(data?.hingecraft), { capture: true });
  });

/** Wait until a frame has heard that, and has done what follows from it at once. */
export const hears = (frame, name, times = 1) =>
  frame.waitForFunction(([what, least]) => window.heard.filter((each) => each === what).length >= least, [name, times]);

/** What a frame has heard up to now: also what `from` has sent to it, and is still on its way. */
export async function heardBy(frame, from) {
  const before = await frame.evaluate((mark) => window.heard.filter((each) => each === mark).length, MARK.hingecraft);
  await from.evaluate((mark) => (window === top ? frames[0] : parent).postMessage(mark, '*'), MARK);
  await hears(frame, MARK.hingecraft, before + 1);
  return frame.evaluate(() => window.heard);
}

/** The frame of the component. */
export const componentOf = (page) => page.frames().find((frame) => frame.url().startsWith(COMPONENTS));

export async function rows(sql, values = []) {
  return (await database.query(sql, values)).rows;
}

/** The token of a plan session. */
export async function chosen(priceId, planType) {
  const body = JSON.stringify({ priceId, planType });
  const options = { method: 'POST', body, headers: { 'Content-Type': 'application/json' } };
  const { data } = await (await fetch(`${BACKEND}/api/v1/plan-session`, options)).json();
  return data.token;
}

/** What a Wix site's owner has set, as soon as the backend shows it: it keeps for some seconds what it has read. */
export async function ownerSets(instance, settings, isShown) {
  await rows('INSERT INTO wix_sites (instance_id, installed_at) VALUES ($1, now()) ON CONFLICT DO NOTHING', [instance]);
  for (const [name, value] of Object.entries(settings))
    await rows('INSERT INTO wix_site_settings (instance_id, name, value) VALUES ($1, $2, $3::jsonb)', [
      instance,
      name,
      JSON.stringify(value),
    ]);
  await until(async () => (await (await fetch(`${BACKEND}/api/v1/appearance`)).json()).data, isShown, 'the settings are shown');
}
