// A change of the database is seen on an open page, without a reload.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BACKEND, proxy, rows, SITE, visited } from './support.mjs';

const RENAME = "UPDATE currencies SET name = $1 WHERE code = 'SEK'";
const option = (where, name) => where.locator('option', { hasText: name });
const ready = (where) => where.locator('html[data-routes-version]').waitFor({ state: 'attached' });

test(
  'told by the backend through the site: within seconds',
  visited(async (person) => {
    const { component } = await person.open('/charter');
    await ready(component);
    await component.getByLabel('Currency').selectOption('SEK');
    await component.getByLabel('Other', { exact: true }).check();
    await component.getByLabel('Your amount').fill('77');
    const started = Date.now();
    await rows(RENAME, ['Krona of the test']);
    await option(component, 'Krona of the test').waitFor({ state: 'attached' });
    assert.ok(Date.now() - started < 5_000, `${Date.now() - started} ms: that was a poll`);
    assert.equal(await component.getByLabel('Your amount').inputValue(), '77');
    assert.equal(await component.getByLabel('Currency').inputValue(), 'SEK');
    // The nearest copy of the flag may be some seconds old.
    await flagged('Krona of the test');
    const flag = await (await fetch(`${SITE}/_functions/hingecraftRoutesUpdate`)).json();
    const shown = Number(await component.locator('html').getAttribute('data-routes-version'));
    assert.equal(flag.data.version, shown);
  }),
);

test(
  'a currency that is switched off goes, and one that is made comes',
  visited(async (person) => {
    const { component } = await person.open('/charter');
    await ready(component);
    await component.getByLabel('Currency').selectOption('DKK');
    await rows("UPDATE currencies SET enabled = false WHERE code = 'DKK'");
    await component.getByText('We can’t take DKK right now').waitFor();
    assert.equal(await component.getByLabel('Currency').inputValue(), 'USD');
    await rows("INSERT INTO currencies (code, name, symbol) VALUES ('XTS', 'Money of the test', 'T')");
    await option(component, 'Money of the test').waitFor({ state: 'attached' });
    await rows("UPDATE currencies SET enabled = true WHERE code = 'DKK'");
    await option(component, 'Danish').waitFor({ state: 'attached' });
  }),
);

/** Until the version with this name was announced to the site. */
async function flagged(name) {
  const until = Date.now() + 10_000;
  for (;;) {
    const { data } = await (await fetch(`${BACKEND}/routes`)).json();
    const flag = await (await fetch(`${SITE}/_functions/hingecraftRoutesUpdate`)).json();
    if (data.routes.SEK.name === name && flag.data.version >= data.version) return;
    assert.ok(Date.now() < until, JSON.stringify(flag));
    await new Promise((later) => setTimeout(later, 50));
  }
}

/** A page whose half minutes are over when the test says so. */
async function onAClock(person, path) {
  const page = await person.context.newPage();
  await page.clock.install();
  await person.open(path, page);
  return page;
}

test(
  'the pages of the backend look every half minute, and what they have is confirmed with 304',
  visited(async (person) => {
    const page = await onAClock(person, `${BACKEND}/embed/charter`);
    await ready(page);
    const statuses = [];
    const session = await person.context.newCDPSession(page);
    await session.send('Network.enable');
    session.on('Network.responseReceivedExtraInfo', ({ statusCode }) => statuses.push(statusCode));
    const looked = () => page.waitForResponse(`${BACKEND}/routes`);
    for (const name of ['', '', 'Krona that was polled']) {
      if (name) await rows(RENAME, [name]);
      if (name) await flagged(name);
      const response = looked();
      await page.clock.runFor(30_500);
      await response;
    }
    await option(page, 'Krona that was polled').waitFor({ state: 'attached' });
    assert.ok(statuses.includes(304), String(statuses));
  }),
);

test(
  'where the browser may not ask the backend, the flag tells, and the site asks',
  visited(async (person) => {
    await person.context.route('**/_site/realtime', (route) => route.abort());
    await person.context.route(/:\d+\/routes$/, (route) => route.abort());
    const page = await onAClock(person, '/charter');
    const component = page.frameLocator('#hingecraft');
    // Page code and component have to meet, which takes them real time as well.
    while ((await component.locator('html[data-routes-version]').count()) === 0) {
      await page.clock.runFor(50);
      await new Promise((later) => setTimeout(later, 50));
    }
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await rows(RENAME, ['Krona of the flag']);
    await flagged('Krona of the flag');
    await page.clock.runFor(31_000);
    await option(component, 'Krona of the flag').waitFor({ state: 'attached' });
    assert.deepEqual(proxy.nameless, []);
    assert.ok(asked.includes(`${SITE}/_site/web-methods/charter-page-middleware.web/onReady`), String(asked));
  }),
);
