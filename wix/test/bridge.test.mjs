// Page code and its HTML component, without a browser.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';

import { connect } from 'public/hingecraft-bridge';
import wixLocationFrontend from 'wix-location-frontend';
import wixRealtimeFrontend from 'wix-realtime-frontend';
import wixWindowFrontend from 'wix-window-frontend';

const HALF_A_MINUTE_MS = 30_000;
const OPENED = { success: true, data: { routesUrl: '', routesVersion: 3, routes: {} } };

beforeEach(() => {
  mock.timers.enable({ apis: ['setInterval'] });
  wixWindowFrontend.rendering.env = 'browser';
  wixWindowFrontend.viewMode = 'Site';
  wixLocationFrontend.baseUrl = 'https://www.example.com';
});

afterEach(() => {
  // The next page stops the watch of this one, before the clock that it is on is another.
  wixWindowFrontend.rendering.env = 'browser';
  connect({ onMessage: () => undefined }, {});
  mock.timers.reset();
});

/** An HTML component that has said hello and opened Charter. */
async function opened(onReady = async () => OPENED) {
  const said = [];
  let hear;
  const component = { postMessage: (message) => said.push(message), onMessage: (work) => (hear = work) };
  connect(component, { charter_page_middleware: { onReady } });
  const call = (data) => hear({ data: { hingecraft: 'call', module: 'charter_page_middleware', args: [{}], ...data } });
  const first = call({ id: '1', name: 'onReady' });
  return { said, call, first };
}

/** The addresses that are asked for from now on. */
function asked(context) {
  const urls = [];
  const answer = async (url) => {
    urls.push(url);
    return Response.json({ success: true, data: { version: 3 } });
  };
  context.mock.method(globalThis, 'fetch', answer);
  return urls;
}

const settled = () => new Promise((done) => setImmediate(done));

test('page code does nothing on the server, where it would use up a link that works once', () => {
  wixWindowFrontend.rendering.env = 'backend';
  const untouched = new Proxy({}, { get: (_component, name) => assert.fail(`${String(name)} was used`) });
  connect(untouched, { charter_page_middleware: { onReady: () => assert.fail('it was called') } });
});

test('a page without the component says so in one sentence, and does not break', (context) => {
  const said = context.mock.method(console, 'error', () => undefined);
  for (const missing of [undefined, null, {}, { postMessage: () => undefined }]) connect(missing, {});
  assert.equal(said.mock.callCount(), 4);
  for (const { arguments: words } of said.mock.calls) {
    assert.match(words.join(' '), /^This page has no HTML component with the id hingecraft[.] .* step 4[)][.]$/);
  }
});

test('only what the page has can be called', async () => {
  const { said, call, first } = await opened();
  await first;
  for (const name of ['toString', 'constructor', '__proto__', 'nothing', undefined]) await call({ id: '2', name });
  await call({ id: '3', name: 'onReady', args: 'all' });
  await call({ id: '4', name: 'onReady', module: '__proto__' });
  assert.deepEqual(
    said.map(({ answer }) => answer.code),
    [undefined, ...Array(7).fill('unknown_function')],
  );
});

describe('newer routes', () => {
  for (const [baseUrl, viewMode, address] of [
    ['https://www.example.com', 'Site', 'https://www.example.com/_functions/hingecraftRoutesUpdate'],
    ['https://www.example.com/', 'Site', 'https://www.example.com/_functions/hingecraftRoutesUpdate'],
    [
      'https://someone.wixsite.com/charity/',
      'Preview',
      'https://someone.wixsite.com/charity/_functions-dev/hingecraftRoutesUpdate',
    ],
  ]) {
    test(`are looked for at ${address} where the ${viewMode} is at ${baseUrl}`, async (context) => {
      Object.assign(wixLocationFrontend, { baseUrl });
      Object.assign(wixWindowFrontend, { viewMode });
      const urls = asked(context);
      await (
        await opened()
      ).first;
      mock.timers.tick(HALF_A_MINUTE_MS);
      assert.deepEqual(urls, [address]);
    });
  }

  test('are looked for by the page that is open, and no more by those before it', async (context) => {
    const heard = [];
    context.mock.method(wixRealtimeFrontend, 'subscribe', async (_channel, hear) => heard.push(hear));
    const urls = asked(context);
    // One that was left before its first answer came must not begin to look afterwards.
    let answer;
    const slow = await opened(() => new Promise((resolve) => (answer = resolve)));
    for (let visits = 3; visits > 0; visits -= 1) await (await opened()).first;
    answer(OPENED);
    await slow.first;
    mock.timers.tick(HALF_A_MINUTE_MS);
    assert.equal(urls.length, 1);
    // The Realtime channel tells all of them; one has to act on it.
    await settled();
    urls.length = 0;
    for (const hear of heard) hear({ payload: { version: 4 } });
    await settled();
    assert.equal(urls.length, 1);
    connect(undefined, {});
    mock.timers.tick(HALF_A_MINUTE_MS);
    assert.equal(urls.length, 1, 'nor by one that a page without a component follows');
  });
});
