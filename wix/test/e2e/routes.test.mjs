// A change of the database is seen on an open page, without a reload.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../waiting.mjs';
import { BACKEND, proxy, rows, SITE, visited } from './support.mjs';

const RENAME = "UPDATE currencies SET name = $1 WHERE code = 'SEK'";
const option = (where, name) => where.locator('option', { hasText: name });
const ready = (where) => where.locator('html[data-routes-version]').waitFor({ state: 'attached' });

test(
  'told by the backend through the site, and not found by looking',
  visited(async (person) => {
    const page = await onAClock(person, '/charter');
    const component = page.frameLocator('#hingecraft');
    await met(page, component);
    await component.getByLabel('Currency').selectOption('SEK');
    await component.getByLabel('Other', { exact: true }).check();
    await component.getByLabel('Your amount').fill('77');
    await rows(RENAME, ['Krona of the test']);
    // As far as the page's clock comes here, it does not look once.
    for (let passed = 0; (await option(component, 'Krona of the test').count()) === 0; passed += STEP_MS) {
      assert.ok(passed < LOOKS_EVERY_MS / 2, 'nobody has told the page');
      await step(page);
    }
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

// A small part of a page's time, and longer for everything else.
const STEP_MS = 20;
const LOOKS_EVERY_MS = 30_000;

async function step(page) {
  await page.clock.runFor(STEP_MS);
  await new Promise((later) => setTimeout(later, 3 * STEP_MS));
}

/** Until page code and component have met, which takes them real time as well. */
async function met(page, component) {
  await until(
    () => step(page).then(() => component.locator('html[data-routes-version]').count()),
    (count) => count > 0,
    'the routes on the page',
  );
}

/** Until the version with this name was announced to the site. */
const flagged = (name) =>
  until(
    async () => {
      const { data } = await (await fetch(`${BACKEND}/routes`)).json();
      const flag = await (await fetch(`${SITE}/_functions/hingecraftRoutesUpdate`)).json();
      return { served: data.routes.SEK.name, version: data.version, flag: flag.data.version };
    },
    ({ served, version, flag }) => served === name && flag >= version,
    `the announcement of ${name}`,
  );

/** A page whose time passes when the test says so. */
async function onAClock(person, path) {
  const page = await person.context.newPage();
  await page.clock.install({ time: '2026-01-01T00:00:00Z' });
  await page.clock.pauseAt('2026-01-01T00:00:01Z');
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
    await met(page, component);
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
