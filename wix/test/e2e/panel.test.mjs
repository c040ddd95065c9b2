// The widget's settings: by themselves, in a frame where no editor answers, and in one that speaks Wix's channel.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { build } from 'esbuild';

import { BACKEND, shot, SITE, visited } from './support.mjs';

const INSTANCE = '6f1d2c3e-0000-4000-8000-000000000000';
const token = `x.${Buffer.from(JSON.stringify({ instanceId: INSTANCE })).toString('base64url')}`;
const PANEL = `${BACKEND}/wix-panel?instance=${token}`;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('editor.js', import.meta.url))],
  bundle: true,
  write: false,
});
/** What is around the panel, by the path of the page. */
const AROUND = { '/editor': outputFiles[0].text, '/nothing': '' };
const host = createServer(({ url }, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><title>Editor</title><link rel="icon" href="data:,">
    <iframe id="panel" title="Settings" style="width:320px;height:800px"></iframe>
    <script>${AROUND[url]}</script><script>document.querySelector('iframe').src = '${PANEL}';</script>`);
});
before(() => new Promise((listening) => host.listen(Number(new URL(SITE).port), '127.0.0.1', listening)));
after(async () => {
  host.closeAllConnections();
  await new Promise((closed) => host.close(closed));
});

test(
  'without an editor each setting changes the widget that is shown, and the code for a page',
  visited(
    async (person) => {
      const { page } = await person.open(PANEL);
      const widget = page.locator('hingecraft-donate');
      await widget.getByRole('button', { name: /^Give/ }).waitFor();
      await page.getByLabel('Heading').fill('Tools & "more"');
      await widget.getByRole('heading', { name: 'Tools & "more"' }).waitFor();
      await page.getByLabel('Amounts').fill('7, 30');
      await page.getByLabel('Currency').fill('gbp');
      await widget.getByRole('button', { name: 'Give £30' }).waitFor();
      await page.getByLabel('Theme').selectOption('dark');
      await page.getByLabel('Border').selectOption('false');
      const expected = `<hingecraft-donate site="${INSTANCE}" title="Tools &amp; &quot;more&quot;" amounts="7, 30" currency="gbp" theme="dark" show-border="false"></hingecraft-donate>`;
      const code = await page.getByLabel('For any other page').inputValue();
      assert.equal(code, `<script src="${BACKEND}/widget/hingecraft-donate.js" async></script>\n${expected}`);
      await page.getByLabel('Amounts').fill('a lot');
      await page.getByRole('alert').getByText('Enter up to six amounts').waitFor();
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      assert.deepEqual(
        violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
        [],
      );
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${over} px too wide`);
      await shot(page, 'wix-panel');
    },
    { viewport: { width: 320, height: 1100 } },
  ),
);

test(
  'in the editor each setting changes the widget on the canvas',
  visited(async (person) => {
    const { page } = await person.open('/editor');
    const panel = page.frameLocator('#panel');
    await panel.locator('html[data-ready="editor"]').waitFor({ state: 'attached' });
    assert.equal(await panel.getByLabel('Heading').inputValue(), 'On the canvas');
    assert.equal(await panel.getByLabel('Theme').inputValue(), 'dark');
    assert.equal(await panel.getByText('For any other page').isVisible(), false);
    await panel.getByLabel('Heading').fill('For tools');
    await panel.getByLabel('Amounts').fill('5, 20');
    await panel.getByLabel('Currency').fill('EUR');
    await panel.getByLabel('Theme').selectOption('light');
    await panel.getByLabel('Border').selectOption('false');
    const set = {
      site: INSTANCE,
      title: 'For tools',
      amounts: '5, 20',
      currency: 'EUR',
      theme: 'light',
      'show-border': 'false',
    };
    await page.waitForFunction(
      (wanted) => Object.entries(wanted).every(([name, value]) => window.attributes[name] === value),
      set,
    );
    await shot(page, 'wix-panel-in-editor');
    await page.evaluate(() => {
      window.isLocked = true;
    });
    await panel.getByLabel('Heading').fill('For a roof');
    await panel.getByText('The editor did not take this change.').waitFor();
    await page.evaluate(() => {
      window.isLocked = false;
    });
    await panel.getByLabel('Heading').fill('For a roof, too');
    await panel.getByText('The editor did not take this change.').waitFor({ state: 'hidden' });
  }),
);

test(
  'in a frame where no editor answers it shows the code',
  visited(async (person) => {
    const { page } = await person.open('/nothing');
    const panel = page.frameLocator('#panel');
    await panel.locator('html[data-ready="page"]').waitFor({ state: 'attached' });
    await panel.getByLabel('For any other page').waitFor();
  }),
);
