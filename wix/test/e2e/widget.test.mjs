// The widget on pages of other hosts: a bare one, one hardened as Wix hardens published sites, one that blocks it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { randomUUID } from 'node:crypto';
import axe from 'axe-core';

import { BACKEND, fault, noFaults, ownerSets, payAtProvider, rows, SANDBOX, shot, SITE, visited } from './support.mjs';

const { OWNER } = process.env;
const OWN = {
  widgetTitle: 'A day of tools',
  widgetAmounts: ['3', '9'],
  widgetBorder: false,
  widgetTheme: 'dark',
  defaultCurrency: 'CHF',
  accentColor: '#ffe066',
};
const SCRIPT = `<script src="${BACKEND}/widget/hingecraft-donate.js" nonce="n"></script>`;
const WIDGET = '<hingecraft-donate></hingecraft-donate>';
/** `fetch` and `XMLHttpRequest` replaced and frozen, `srcdoc` blocked, no markup made of texts, no inline style. */
const HARDENED = `<script nonce="n">
  const { fetch } = window;
  for (const [name, value] of [['fetch', (...args) => fetch(...args)], ['XMLHttpRequest', undefined]])
    Object.defineProperty(window, name, { value: Object.freeze(value), writable: false, configurable: false });
  Object.defineProperty(HTMLIFrameElement.prototype, 'srcdoc', { set() { throw new TypeError('blocked'); } });
</script>`;
const STRICT = `default-src 'none'; script-src 'nonce-n'; connect-src ${BACKEND}; require-trusted-types-for 'script'; trusted-types 'none'; img-src data:`;

/** What the host page answers, by its path. */
const PAGES = {
  '/bare': [WIDGET + SCRIPT, ''],
  '/hardened': [HARDENED + WIDGET + SCRIPT, STRICT],
  '/blocked': [WIDGET + SCRIPT, "default-src 'none'; script-src 'nonce-n'; img-src data:"],
  '/twice': [
    `<hingecraft-donate id="one" title="For tools" amounts="5,20" currency="EUR"></hingecraft-donate>
     <hingecraft-donate id="two" title="For a roof" theme="dark" show-border="false"></hingecraft-donate>${SCRIPT}${SCRIPT}`,
    '',
  ],
  '/framed': ['<iframe id="frame" title="Give" src="/bare" style="width:100%;height:600px"></iframe>', ''],
  '/styled': [
    `<style>* { color: red !important; font-size: 40px !important } h2, p, input { display: none !important }</style>${WIDGET}${SCRIPT}`,
    '',
  ],
};

const host = createServer((request, response) => {
  const [body, policy] = PAGES[new URL(request.url, SITE).pathname] ?? ['', ''];
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...(policy && { 'Content-Security-Policy': policy }) });
  response.end(
    `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Host</title>
     <link rel="icon" href="data:,"><main><h1>A page of another host</h1>${body}</main></html>`,
  );
});

before(async () => {
  await new Promise((listening) => host.listen(Number(new URL(SITE).port), '127.0.0.1', listening));
});
after(async () => {
  host.closeAllConnections();
  await new Promise((closed) => host.close(closed));
});

const give = (page, label = /^Give/) => page.getByRole('button', { name: label });
/** Playwright looks into open shadow roots. */
const widget = (page) => page.locator('hingecraft-donate');

async function judged(page, what) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  assert.deepEqual(found, [], what);
}

for (const [path, what] of [
  ['/bare', 'a bare page'],
  ['/hardened', 'a page that is hardened as published sites of Wix are'],
]) {
  test(
    `on ${what} a gift is made, paid and thanked for`,
    visited(async (person) => {
      const { page } = await person.open(path);
      await give(page, 'Give $25').waitFor();
      assert.equal(await widget(page).locator('h1').count(), 0);
      await page.getByLabel('$50').check();
      await give(page, 'Give $50').click();
      await payAtProvider(page, 'Pay');
      await page.waitForURL(`${BACKEND}/embed/charter?status=success**`);
      await page.getByText('Your gift of $50 has arrived.').waitFor();
    }),
  );
}

test(
  'where the page blocks its calls it says one line, and the page goes on',
  visited(async (person) => {
    const { page } = await person.open('/blocked');
    const line = widget(page).getByRole('status');
    await line.getByText('You can’t give here right now.').waitFor();
    assert.equal(await line.getByRole('link').getAttribute('href'), `${BACKEND}/embed/charter`);
    assert.equal(await widget(page).getByRole('button').count(), 0);
    await page.getByRole('heading', { name: 'A page of another host' }).waitFor();
    await shot(page, 'widget-blocked');
  }),
);

test(
  'before its settings are there a skeleton has their place, as wide as its container',
  visited(async (person) => {
    const settings = Promise.withResolvers();
    await person.context.route('**/api/v1/appearance*', (route) => settings.promise.then(() => route.continue()));
    const { page } = await person.open('/bare');
    const skeleton = widget(page).locator('.skeleton');
    await skeleton.waitFor();
    assert.equal(await widget(page).locator('section').getAttribute('aria-busy'), 'true');
    assert.equal(await widget(page).getByRole('button').count(), 0);
    await judged(page, 'the skeleton');
    await shot(page, 'widget-skeleton');
    settings.resolve();
    await give(page, 'Give $25').waitFor();
    assert.equal(await skeleton.isVisible(), false);
  }),
);

test(
  'where no payment page can be had it says one line, keeps what was chosen, and the next click works',
  visited(async (person) => {
    const { page } = await person.open('/bare');
    await page.getByLabel('$50').check();
    await fault({ act: 'status_before', provider: 'stripe', status: 402, times: 50 });
    try {
      await give(page, 'Give $50').click();
      await widget(page).getByRole('status').getByText('You can’t give here right now.').waitFor();
    } finally {
      await noFaults();
    }
    await give(page, 'Give $50').click();
    await page.waitForURL(`${SANDBOX}/pay/**`);
  }),
);

test(
  'an answer that was lost is asked for with the same key, and nobody is sent to a stranger',
  visited(async (person) => {
    const { page } = await person.open('/bare');
    const keys = [];
    const evil = JSON.stringify({ success: true, data: { url: 'https://evil.example/pay', paymentId: 'p' } });
    const headers = { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' };
    const answers = [
      (route) => route.fetch().then(() => route.abort('connectionreset')),
      (route) => route.fulfill({ body: evil, headers }),
      (route) => route.continue(),
    ];
    await page.route('**/charter/generate-payment', (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      return answers.shift()(route);
    });
    for (const asked of [1, 2]) {
      await give(page, 'Give $25').click();
      await widget(page).getByRole('status').getByText('You can’t give here right now.').waitFor();
      await give(page, 'Give $25').waitFor();
      assert.equal(keys.length, asked);
    }
    assert.equal(page.url(), `${SITE}/bare`);
    await give(page, 'Give $25').click();
    await page.waitForURL(`${SANDBOX}/pay/**`);
    assert.deepEqual([keys[1] === keys[0], keys[2] === keys[1]], [true, false], 'what was answered is over');
  }),
);

test(
  'two on one page keep their settings and choices apart, and ask once',
  visited(async (person) => {
    const asked = [];
    person.context.on('request', (request) => request.url().includes('/api/v1/appearance') && asked.push(request.url()));
    const { page } = await person.open('/twice');
    const [one, two] = [page.locator('#one'), page.locator('#two')];
    await give(one, 'Give €20').waitFor();
    await give(two, 'Give $25').waitFor();
    await one.getByLabel('€5').check();
    await two.getByLabel('$100').check();
    await give(one, 'Give €5').waitFor();
    await give(two, 'Give $100').waitFor();
    assert.equal(asked.length, 1, 'for all widgets of a page');
    await judged(page, 'two widgets');
    for (const width of [220, 375, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${over} px too wide at ${width}`);
      await shot(page, `widget-twice-${width}`);
    }
  }),
);

test(
  'the keyboard is enough, and a wrong amount is said beside the field',
  visited(async (person) => {
    const { page } = await person.open('/bare');
    await give(page, 'Give $25').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.getByLabel('Your amount, in USD').fill('0.3');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('Give at least $1').waitFor();
    assert.equal(await page.getByLabel('Your amount, in USD').getAttribute('aria-invalid'), 'true');
    await judged(page, 'a wrong amount');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('12.34');
    await give(page, 'Give $12.34').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${SANDBOX}/pay/**`);
  }),
);

test(
  'every attribute can be changed while it is shown, and does no harm',
  visited(async (person) => {
    const { page } = await person.open('/bare');
    await give(page, 'Give $25').waitFor();
    const change = (name, value) => widget(page).evaluate((it, [key, to]) => it.setAttribute(key, to), [name, value]);
    const frame = widget(page).locator('section');
    await change('title', '<img src=x onerror=alert(1)>');
    await page.getByRole('heading', { name: '<img src=x onerror=alert(1)>' }).waitFor();
    await change('amounts', '7, x, -1, 30, 1e9');
    await give(page, 'Give $30').waitFor();
    assert.deepEqual(await widget(page).locator('.preset').allTextContents(), ['$7', '$30', 'Other']);
    await change('currency', 'GBP');
    await give(page, 'Give £30').waitFor();
    await change('currency', 'nonsense');
    await give(page, 'Give $30').waitFor();
    await change('show-border', 'false');
    assert.equal(await frame.getAttribute('data-border'), null);
    await change('theme', 'dark');
    assert.equal(await frame.getAttribute('data-theme'), 'dark');
    await judged(page, 'in the dark');
    for (const [language, label] of Object.entries({ de: /spenden$/, fr: /^Donner/, es: /^Donar/, ar: /^تبرّع/ })) {
      await change('lang', language);
      await give(page, label).waitFor();
      assert.equal(await frame.getAttribute('dir'), language === 'ar' ? 'rtl' : 'ltr');
      await shot(page, `widget-${language}`);
    }
    await judged(page, 'in Arabic');
    const other = randomUUID();
    await rows('INSERT INTO wix_sites (instance_id, installed_at) VALUES ($1, now())', [other]);
    const set = "INSERT INTO wix_site_settings (instance_id, name, value) VALUES ($1, 'widgetTitle', '\"For the mill\"')";
    await rows(set, [other]);
    await widget(page).evaluate((it) => it.removeAttribute('title'));
    await change('site', other);
    await page.getByRole('heading', { name: 'For the mill' }).waitFor();
    await change('api', 'http://127.0.0.1:9/elsewhere');
    const away = widget(page).getByRole('status').getByRole('link');
    await away.waitFor();
    assert.equal(await away.getAttribute('href'), 'http://127.0.0.1:9/embed/charter');
  }),
);

test(
  'in a frame the payment page opens by a link, and the page of the host stays',
  visited(async (person) => {
    const { page } = await person.open('/framed');
    const inside = page.frameLocator('#frame');
    await give(inside, 'Give $25').click();
    const link = inside.getByRole('link', { name: 'Open the payment page' });
    await link.waitFor();
    const opens = page.waitForEvent('popup');
    await link.click();
    await (await opens).waitForURL(`${SANDBOX}/pay/**`);
    assert.equal(page.url(), `${SITE}/framed`);
  }),
);

test(
  'styles of the page do not reach into it',
  visited(async (person) => {
    const { page } = await person.open('/styled');
    await give(page, 'Give $25').waitFor();
    const title = widget(page).getByRole('heading', { name: 'Support us' });
    assert.equal(await title.evaluate((it) => getComputedStyle(it).color), 'rgb(29, 38, 36)');
  }),
);

test(
  'what the owner has set is the default of its attributes',
  visited(async (person) => {
    await ownerSets(OWNER, OWN, (shown) => shown.widgetTitle === OWN.widgetTitle);
    const { page } = await person.open('/bare');
    await page.getByRole('heading', { name: OWN.widgetTitle }).waitFor();
    await give(page, 'Give CHF 9').waitFor();
    const section = widget(page).locator('section');
    assert.equal(await section.getAttribute('data-border'), null);
    assert.equal(await section.getAttribute('data-theme'), 'dark');
    const { dark } = (await (await fetch(`${BACKEND}/api/v1/appearance`)).json()).data;
    assert.equal(await section.evaluate((it) => it.style.getPropertyValue('--accent')), dark.accent);
    await judged(page, 'in a pale colour of the owner');
    await shot(page, 'widget-owner');
  }),
);
