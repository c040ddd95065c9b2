// Wix's dashboard and the backend over TLS at one port, and a browser that takes it for their hosts; tests/support/dashboard_world.py
// has started the rest.
import { build } from 'esbuild';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { chromium } from 'playwright-core';

import { Proxy } from '../../test/e2e/proxy.mjs';
import { PROGRESS_MS } from '../../test/waiting.mjs';

export const { BACKEND, SANDBOX, SITE, SHOTS } = process.env;
const { CERTIFICATES, CHROMIUM, DATABASE_URL, STRIPE_KEY, TLS_PORT } = process.env;
export const WIX = 'https://manage.wix.com';
export const OURS = 'https://pay.example.com';
export const PAGE = `${OURS}/wix-dashboard`;
const HOSTS = ['manage.wix.com', 'premium.manage.wix.com', 'editor.wix.com', 'www.example.net', 'pay.example.com'];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  `--host-resolver-rules=${HOSTS.map((host) => `MAP ${host}:443 127.0.0.1:${TLS_PORT}`).join(', ')}`,
];
// As browsers block them by default, or soon will.
const PREFERENCES = { profile: { cookie_controls_mode: 1, block_third_party_cookies: true } };

export const database = new pg.Client({ connectionString: DATABASE_URL });

/** Between the page and the backend: what goes wrong there goes wrong here. */
export const proxy = new Proxy(BACKEND);

const folder = mkdtempSync(join(tmpdir(), 'hc-dashboard-'));
let parent = '';
export let context;
let server;
/** The token that Wix hands out next. */
let fresh = '';

function serve(request, response) {
  if (request.headers.host === new URL(OURS).host) return proxy.serve(request, response);
  if (request.url === '/fresh-token') return response.end(fresh);
  if (request.url === '/parent.js') return response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(parent);
  const style = 'body{margin:0} iframe{width:100%;border:0;display:block}';
  const page = `<!doctype html><html lang="en"><title>Wix</title><link rel="icon" href="data:,"><style>${style}</style>`;
  return response
    .writeHead(200, { 'Content-Type': 'text/html' })
    .end(`${page}<body><script src="/parent.js"></script></body></html>`);
}

/** Starts it all; `more` are flags of Chromium. */
export async function open(...more) {
  await database.connect();
  const entryPoints = [fileURLToPath(new URL('parent.js', import.meta.url))];
  parent = (await build({ entryPoints, bundle: true, write: false, format: 'iife' })).outputFiles[0].text;
  const key = readFileSync(`${CERTIFICATES}/server.key`);
  server = createServer({ key, cert: readFileSync(`${CERTIFICATES}/server.crt`) }, serve);
  await new Promise((listening) => server.listen(Number(TLS_PORT), '127.0.0.1', listening));
  mkdirSync(join(folder, 'Default'));
  writeFileSync(join(folder, 'Default/Preferences'), JSON.stringify(PREFERENCES));
  const options = { executablePath: CHROMIUM, ignoreHTTPSErrors: true, args: [...FLAGS, ...more], locale: 'en-US' };
  context = await chromium.launchPersistentContext(folder, options);
  context.setDefaultTimeout(PROGRESS_MS);
}

export async function close() {
  await context?.close();
  await database.end();
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
}

/** What the owner's browser gets from Wix: the `instance` value, or an access token; `age` in seconds. */
export async function token(kind = 'instance', { site = SITE, age = 0 } = {}) {
  const response = await fetch(`${SANDBOX}/_sandbox/wix/sites/${site}/tokens?age=${age}`);
  return (await response.json())[kind];
}

/** What the backend answers to the owner. */
export async function asked(method, path, body) {
  const headers = { Authorization: `WixInstance ${await token()}`, 'Content-Type': 'application/json' };
  const answer = await (await fetch(BACKEND + path, { method, headers, body: body && JSON.stringify(body) })).json();
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer.data;
}

/** The first column of the first row. */
export const read = async (sql) => Object.values((await database.query(sql)).rows[0])[0];

export async function installed(name) {
  const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name }) };
  return (await (await fetch(`${SANDBOX}/_sandbox/wix/sites`, options)).json()).id;
}

/** The owner presses a button of the site's page at Wix. */
export async function atWix(act, fields = {}, site = SITE) {
  const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(fields) };
  const response = await fetch(`${SANDBOX}/_sandbox/wix/sites/${site}/${act}`, options);
  assert.ok(response.ok, await response.text());
}

/** A donor gives by card and pays; answers the payment's id. */
export async function given(amount, currency = 'USD') {
  const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ amount, currency }) };
  const { data } = await (await fetch(`${BACKEND}/charter/generate-payment`, options)).json();
  const headers = { Authorization: `Bearer ${STRIPE_KEY}` };
  const sessions = await (await fetch(`${SANDBOX}/v1/checkout/sessions?limit=100`, { headers })).json();
  const session = sessions.data.find((each) => each.client_reference_id === data.paymentId);
  await fetch(`${SANDBOX}/pay/stripe/c/${session.id}/pay`, { method: 'POST', redirect: 'manual' });
  return data.paymentId;
}

/** Many payments of the last days, of which nothing is at a provider. */
export async function filled(count) {
  await database.query(FILL, [count]);
}

// Newest last; statuses, currencies and purposes in turn.
const FILL = `
INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, source, created_at)
SELECT gen_random_uuid(), 5 + n % 90, CASE WHEN n % 5 = 0 THEN 'EUR' ELSE 'USD' END,
       CASE WHEN n % 5 = 0 THEN 'EUR' ELSE 'USD' END,
       (ARRAY['completed', 'expired', 'completed', 'refunded', 'completed', 'failed', 'disputed'])[1 + n % 7], 'stripe',
       false, 'donation', 'charter', now() - make_interval(mins => 20 * ($1::int - n))
FROM generate_series(1, $1::int) n`;

/** Opens the dashboard as Wix does; answers its frame. */
export async function inWix(page, { hash = '', locale = 'en', instance, host = WIX, renewed } = {}) {
  fresh = renewed ?? (await token('accessToken'));
  const query = new URLSearchParams({ page: PAGE, locale, instance: instance ?? (await token()), hash });
  await page.goto(`${host}/?${query}`);
  return page.frameLocator('iframe');
}

/** Opens the dashboard by itself, without Wix around it. */
export async function byItself(page, { hash = '', locale = 'en', instance, more = {} } = {}) {
  const query = new URLSearchParams({ instance: instance ?? (await token()), locale, ...more });
  await page.goto(`${PAGE}?${query}${hash}`);
  return page;
}
