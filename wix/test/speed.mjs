// How soon the pages can be used on a phone, and how soon a click leads to the payment page; prints JSON.
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

import { Proxy } from './e2e/proxy.mjs';

const { BACKEND, CHROMIUM, PROXY_PORT, SANDBOX, SITE } = process.env;
const LOADS = 7;
const CLICKS = 20;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
// Lighthouse's slow 4G and its phone: 150 ms a round trip, 1.6 Mbit/s down, 750 kbit/s up, a processor four times slower.
const NETWORK = { offline: false, latency: 150, downloadThroughput: (1.6e6 / 8) * 0.9, uploadThroughput: (750e3 / 8) * 0.9 };
const SLOWER = 4;
const PHONE = { viewport: { width: 412, height: 823 }, isMobile: true, hasTouch: true };
const BARE = '<!doctype html><meta charset="utf-8"><title>One button</title><button id="pay">Give</button>';

const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

/** When the page is painted, its code has run and nothing keeps it from answering a tap: milliseconds since the start. */
function interactive() {
  return new Promise((done) => {
    const long = [];
    new PerformanceObserver((list) => long.push(...list.getEntries())).observe({ type: 'longtask', buffered: true });
    setTimeout(() => {
      const [navigation] = performance.getEntriesByType('navigation');
      const [paint] = performance.getEntriesByName('first-contentful-paint');
      const ends = long.map(({ startTime, duration }) => startTime + duration);
      done(Math.max(navigation.domContentLoadedEventEnd, paint.startTime, ...ends));
    }, 1_500);
  });
}

async function loaded(browser, url) {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', NETWORK);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await page.goto(url);
  const milliseconds = await page.evaluate(interactive);
  await context.close();
  return milliseconds;
}

/** From the click to the browser's request of the provider's page. */
async function clicked(browser) {
  const page = await browser.newPage();
  await page.goto(`${SITE}/charter`);
  const component = page.frameLocator('#hingecraft');
  await component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
  const left = page.waitForRequest((request) => request.isNavigationRequest() && request.url().startsWith(`${SANDBOX}/pay`));
  const started = performance.now();
  await component.locator('#pay').click();
  await left;
  const milliseconds = performance.now() - started;
  await page.close();
  return milliseconds;
}

const proxy = new Proxy(BACKEND);
await proxy.listen(Number(PROXY_PORT));
const bare = createServer((_request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(BARE));
await new Promise((listening) => bare.listen(0, '127.0.0.1', listening));
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
const pages = {
  bare: `http://127.0.0.1:${bare.address().port}/`,
  charter: `${BACKEND}/embed/charter`,
  missionSupport: `${BACKEND}/embed/mission-support`,
};
const times = Object.fromEntries(Object.keys(pages).map((name) => [name, []]));
for (let round = 0; round < LOADS; round += 1) {
  for (const [name, url] of Object.entries(pages)) times[name].push(await loaded(browser, url));
}
const clicks = [];
for (let round = 0; round < CLICKS; round += 1) clicks.push(await clicked(browser));
await browser.close();
bare.close();
await proxy.close();
const interactiveAfter = Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
console.log(JSON.stringify({ interactive: interactiveAfter, clicks }));
