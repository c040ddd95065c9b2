// Two sites over TLS at one port, and the backend under a host of the first one; tests/browser/test_plan_sessions.py says where.
import { readFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as ask } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

import { PROGRESS_MS } from '../waiting.mjs';

const { CHROMIUM, POD, TLS, TLS_PORT } = process.env;
const originOf = (host) => `https://${host}:${TLS_PORT}`;
export const FIRST = originOf('www.a.test');
export const SECOND = originOf('b.test');
export const STRANGER = originOf('c.test');
export const BACKEND = originOf('pay.a.test');

/** What servers get to see: addresses and referrers. */
export const seen = [];

const PAGE = `<!doctype html><html lang="en"><title>Site</title><link rel="icon" href="data:,">
<script type="module">
import * as plans from '${BACKEND}/assets/plan-session.js';
window.plans = plans;
</script>`;

function serve(request, response) {
  const host = request.headers.host;
  seen.push(request.url, request.headers.referer ?? '');
  if (host !== new URL(BACKEND).host) {
    const headers = { 'Content-Type': 'text/html' };
    if (request.url === '/sets') headers['Set-Cookie'] = 'third=1; SameSite=None; Secure; Path=/';
    if (request.url === '/sandboxed') headers['Content-Security-Policy'] = 'sandbox allow-scripts';
    return response.writeHead(200, headers).end(PAGE);
  }
  const { hostname, port } = new URL(POD);
  const { url: path, method, headers } = request;
  const passed = ask({ hostname, port, path, method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  passed.on('error', () => request.socket.destroy());
  request.pipe(passed);
}

const server = createServer({ key: readFileSync(`${TLS}/server.key`), cert: readFileSync(`${TLS}/server.crt`) }, serve);
before(() => new Promise((listening) => server.listen(Number(TLS_PORT), '127.0.0.1', listening)));
after(() => {
  server.closeAllConnections();
  return new Promise((closed) => server.close(closed));
});

/** Blocks cookies of third parties, as browsers do by default or soon will. */
export const THIRD_PARTIES_BLOCKED = { profile: { cookie_controls_mode: 1, block_third_party_cookies: true } };
/** "Block all cookies": storage is blocked with them. */
export const ALL_BLOCKED = { profile: { default_content_setting_values: { cookies: 2 } } };

/**
 * Test with a browser of its own that has these preferences.
 * @param {object} preferences
 * @param {(page: import('playwright-core').Page, context: import('playwright-core').BrowserContext) => Promise<void>} work
 */
export const browsing = (preferences, work) => async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hc-browser-'));
  mkdirSync(join(folder, 'Default'));
  writeFileSync(join(folder, 'Default/Preferences'), JSON.stringify(preferences));
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM,
    ignoreHTTPSErrors: true,
    args: [...args, '--host-resolver-rules=MAP *.test 127.0.0.1'],
  });
  try {
    context.setDefaultTimeout(PROGRESS_MS);
    seen.length = 0;
    await work(await context.newPage(), context);
  } finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Opens a page of a site, and waits until it has the module. */
export async function opened(page, address) {
  await page.goto(address);
  await page.waitForFunction(() => window.plans);
}
