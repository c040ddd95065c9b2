// Prints JSON: `loads`, how soon the owner's dashboard can be used on a slow laptop, or `scrolls`, how smoothly a long list does.
import { close, context, filled, given, inWix, open, OURS, proxy } from './world.mjs';

const LOADS = 7;
const SCROLLS = 3;
const MANY = 1_000;
// Pixels a second: as fast as a hand turns the wheel.
const SPEED = 4_000;
// Lighthouse's desktop: 40 ms a round trip and 10 Mbit/s, as it sets them in DevTools; and a processor four times slower.
const NETWORK = {
  offline: false,
  latency: 40 * 3.75,
  downloadThroughput: (10.24e6 / 8) * 0.9,
  uploadThroughput: (10.24e6 / 8) * 0.9,
};
const SLOWER = 4;
const LAPTOP = { width: 1280, height: 800 };

/** In the frame: note when the owner's own numbers are painted, and when a click on "Payments" is answered. */
function watch() {
  const seen = { painted: 0, clicked: 0, answered: 0 };
  window.seen = seen;
  const afterPaint = (note) => requestAnimationFrame(() => setTimeout(note));
  const isAnswered = () => document.querySelector('nav a[aria-current]')?.textContent === 'Payments';
  const observer = new MutationObserver(() => {
    if (!seen.painted && document.querySelector('.figures .value') && !document.querySelector('.example')) {
      seen.painted = -1;
      afterPaint(() => (seen.painted = performance.now()));
    }
    if (seen.clicked && !seen.answered && isAnswered()) {
      seen.answered = -1;
      afterPaint(() => (seen.answered = performance.now()));
    }
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true });
  addEventListener('click', (event) => (seen.clicked ||= event.timeStamp), { capture: true });
}

async function loaded() {
  const page = await context.newPage();
  await page.setViewportSize(LAPTOP);
  await page.addInitScript(watch);
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await session.send('Network.emulateNetworkConditions', NETWORK);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await inWix(page);
  const frame = page.frames().find((each) => each.url().startsWith(OURS));
  await frame.waitForFunction(() => window.seen?.painted > 0);
  await frame.getByRole('link', { name: 'Payments', exact: true }).click();
  await frame.waitForFunction(() => window.seen.answered > 0);
  const { painted, clicked, answered } = await frame.evaluate(() => window.seen);
  await page.close();
  return { painted, answered: answered - clicked };
}

/** Frames that were drawn while the page was scrolled by `distance`, and the seconds that this took. */
async function scrolled(page, distance) {
  const session = await context.newCDPSession(page);
  await page.evaluate(() => {
    window.drawn = [];
    const draw = (now) => {
      window.drawn.push([now, scrollY]);
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  });
  await session.send('Input.synthesizeScrollGesture', {
    x: 640,
    y: 400,
    yDistance: -distance,
    speed: SPEED,
    gestureSourceType: 'mouse',
  });
  const drawn = await page.evaluate(() => window.drawn);
  const moving = drawn.filter(([, place], index) => index > 0 && place !== drawn[index - 1][1]).map(([now]) => now);
  const gaps = moving.slice(1).map((now, index) => now - moving[index]);
  const seconds = (moving.at(-1) - moving[0]) / 1_000;
  return { frames: gaps.length, seconds, slowest: Math.max(...gaps), height: await page.evaluate(() => scrollY) };
}

/** A thousand payments, in a frame as high as they are. */
async function longList() {
  const page = await context.newPage();
  await page.setViewportSize(LAPTOP);
  const frame = await inWix(page, { hash: '#/payments' });
  await frame.locator('tbody tr[aria-rowindex]').first().waitFor();
  while ((await frame.getByRole('button', { name: /Show more|Loading/ }).count()) > 0) {
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await page.evaluate(() => scrollTo(0, 0));
  await frame.locator('tr[aria-rowindex="2"]').waitFor();
  return page;
}

/** A page of that height with nothing on it. */
async function emptyPage(height) {
  const page = await context.newPage();
  await page.setViewportSize(LAPTOP);
  await page.setContent(`<!doctype html><title>Empty</title><div style="height: ${height}px"></div>`);
  return page;
}

async function smoothness() {
  const found = { list: [], empty: [] };
  for (let round = 0; round < SCROLLS; round += 1) {
    const list = await longList();
    const height = await list.evaluate(() => document.documentElement.scrollHeight);
    found.list.push(await scrolled(list, height - LAPTOP.height));
    await list.close();
    const empty = await emptyPage(height);
    found.empty.push(await scrolled(empty, height - LAPTOP.height));
    await empty.close();
  }
  return found;
}

async function firstLoads() {
  for (const amount of [25, 50, 75]) await given(amount);
  const found = [];
  for (let round = 0; round < LOADS; round += 1) found.push(await loaded());
  return found;
}

const [, , what] = process.argv;
// For the loads in one process with the page around it, so that the slower processor is the frame's, too.
const TOGETHER = ['--disable-site-isolation-trials', '--disable-features=IsolateOrigins,site-per-process'];
await open(...(what === 'loads' ? TOGETHER : []));
proxy.behave('pass');
await filled(MANY / 2);
const found = what === 'loads' ? await firstLoads() : await smoothness();
await close();
console.log(JSON.stringify(found));
