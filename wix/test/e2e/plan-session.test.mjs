// The module for sites in Chromium: two sites, cookies of third parties blocked, cookies off, storage off.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ALL_BLOCKED, BACKEND, browsing, FIRST, opened, SECOND, seen, STRANGER, THIRD_PARTIES_BLOCKED } from './two-sites.mjs';

const CHOICE = ['price_PRO_MONTHLY', 'vision_pro', { campaign: 'autumn' }];
const choose = (page, choice = CHOICE) => page.evaluate((given) => window.plans.setPlanSession(...given), choice);
const chosen = (page) => page.evaluate(() => window.plans.getPlanSession());
const carried = (page, url) => page.evaluate((to) => window.plans.carryPlanSession(to).catch((error) => error.code), url);
const keptIn = (page) =>
  page.evaluate(() => [/plan_session_client=/.test(document.cookie), localStorage.getItem('plan_session_client') !== null]);
const tested = (name, work, preferences = THIRD_PARTIES_BLOCKED) => test(name, browsing(preferences, work));

/** What the backend says of a plan session, asked from the page with its cookies. */
const asked = (page, token) =>
  page.evaluate(
    async ([backend, sent]) => {
      const headers = sent ? { Authorization: `PlanSession ${sent}` } : {};
      const response = await fetch(`${backend}/api/v1/plan-session`, { credentials: 'include', headers });
      return response.status;
    },
    [BACKEND, token],
  );

tested('the browser of these tests really blocks cookies of third parties', async (page) => {
  await opened(page, FIRST);
  await page.evaluate((address) => {
    const frame = document.createElement('iframe');
    frame.src = `${address}/sets`;
    document.body.append(frame);
    return new Promise((loaded) => frame.addEventListener('load', loaded));
  }, SECOND);
  const framed = page.frames().find((frame) => frame.url().startsWith(SECOND));
  const write = () => {
    document.cookie = 'script=1; SameSite=None; Secure; Path=/';
    return document.cookie;
  };
  assert.equal(await framed.evaluate(write), '');
  await page.goto(`${SECOND}/sets`);
  assert.match(await page.evaluate(write), /third=1; script=1/);
});

tested('a choice is kept in both cookies and in storage, and survives a reload', async (page, context) => {
  await opened(page, FIRST);
  assert.equal(await chosen(page), null);
  const made = await choose(page);
  assert.deepEqual(await keptIn(page), [true, true]);
  const cookies = Object.fromEntries((await context.cookies()).map((cookie) => [cookie.name, cookie]));
  assert.equal(cookies.plan_session.value, made.token);
  assert.deepEqual(
    [cookies.plan_session.httpOnly, cookies.plan_session.secure, cookies.plan_session.sameSite, cookies.plan_session.domain],
    [true, true, 'Lax', '.a.test'],
  );
  assert.deepEqual([cookies.plan_session_client.secure, cookies.plan_session_client.domain], [true, 'www.a.test']);
  assert.doesNotMatch(await page.evaluate(() => document.cookie), /plan_session=/);
  await opened(page, `${FIRST}/other`);
  const found = await chosen(page);
  assert.deepEqual([found.priceId, found.planType, found.metadata], CHOICE);
  assert.equal(Date.parse(found.expiresAt), Date.parse(made.expiresAt));
  assert.equal(await asked(page), 200);
});

tested('it is carried to another site by the fragment, which no server and no history sees', async (page, context) => {
  await opened(page, FIRST);
  const { token } = await choose(page);
  const url = await carried(page, `${SECOND}/pay?x=1#part`);
  assert.equal(url, `${SECOND}/pay?x=1#part&plan_session=${token}`);
  await opened(page, url);
  assert.equal(page.url(), `${SECOND}/pay?x=1#part`);
  assert.equal((await chosen(page)).token, token);
  assert.deepEqual(await keptIn(page), [true, true]);
  assert.equal(await asked(page), 404, 'the cookie of the backend does not cross sites');
  assert.equal(await asked(page, token), 200, 'the token does');
  await opened(page, `${SECOND}/next`);
  await page.goBack();
  await page.waitForFunction(() => window.plans);
  assert.equal(page.url(), `${SECOND}/pay?x=1#part`);
  assert.deepEqual(
    seen.filter((each) => each.includes(token)),
    [],
  );
  assert.equal((await context.cookies(STRANGER)).length, 0);
});

tested('it is not carried to an origin that the backend does not name', async (page) => {
  await opened(page, FIRST);
  const { token } = await choose(page);
  for (const [url, expected] of [
    [`${STRANGER}/`, 'return_not_allowed'],
    [SECOND.replace('https:', 'http:'), 'return_not_allowed'],
    [SECOND.replace('b.test', 'user:pass@b.test'), 'return_not_allowed'],
    [SECOND.replace('b.test', 'b.test.c.test'), 'return_not_allowed'],
    ['javascript:alert(1)', 'return_not_allowed'],
  ]) {
    assert.equal(await carried(page, url), expected, url);
  }
  const again = await carried(page, `${SECOND}/#plan_session=old`);
  assert.equal(again, `${SECOND}/#plan_session=${token}`);
  await page.evaluate(() => window.plans.clearPlanSession());
  assert.equal(await carried(page, `${SECOND}/#part`), `${SECOND}/#part`);
});

tested('what was chosen last counts, and what is not a plan session changes nothing', async (page) => {
  await opened(page, SECOND);
  const first = await choose(page);
  for (const wrong of ['garbage', 'a.b.c', '%E0%A4%A', '', first.token.replace(/\..*\./, '.e30.')]) {
    await opened(page, `${SECOND}/w#plan_session=${wrong}`);
    assert.equal(page.url(), `${SECOND}/w`);
    assert.equal((await chosen(page)).token, first.token, wrong);
  }
  await opened(page, FIRST);
  const second = await choose(page, ['price_MAX_MONTHLY', 'vision_max']);
  const url = await carried(page, `${SECOND}/w`);
  await opened(page, url);
  assert.equal((await chosen(page)).token, second.token);
  await page.evaluate((token) => location.assign(`#x&plan_session=${token}`), first.token);
  await page.waitForURL(`${SECOND}/w#x`);
  assert.equal((await chosen(page)).token, first.token);
});

tested('clearing forgets it everywhere', async (page, context) => {
  await opened(page, FIRST);
  await choose(page);
  await page.evaluate(() => window.plans.clearPlanSession());
  assert.equal(await chosen(page), null);
  assert.deepEqual(await keptIn(page), [false, false]);
  assert.deepEqual(await context.cookies(), []);
});

tested('after 15 minutes there is nothing, and nothing is kept', async (page) => {
  await opened(page, FIRST);
  await choose(page);
  const after = await page.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 15 * 60_000;
    return window.plans.getPlanSession();
  });
  assert.equal(after, null);
  assert.deepEqual(await keptIn(page), [false, false]);
});

tested('the backend says what is wrong with a choice', async (page) => {
  await opened(page, FIRST);
  const code = await page.evaluate(() => window.plans.setPlanSession('no price', 'x').catch((error) => error.code));
  assert.equal(code, 'invalid_request');
  assert.equal(await chosen(page), null);
});

/** One of the two places is off; the other one is used. */
const OFF = {
  cookies: () =>
    Object.defineProperty(Document.prototype, 'cookie', {
      get() {
        throw new DOMException('off', 'SecurityError');
      },
      set() {
        throw new DOMException('off', 'SecurityError');
      },
    }),
  storage: () =>
    Object.defineProperty(window, 'localStorage', {
      get() {
        throw new DOMException('off', 'SecurityError');
      },
    }),
};
for (const [place, off] of Object.entries(OFF)) {
  tested(`with ${place} off the other place is used`, async (page) => {
    await page.addInitScript(off);
    await opened(page, FIRST);
    const { token } = await choose(page);
    await opened(page, `${FIRST}/other`);
    assert.equal((await chosen(page)).token, token);
    await opened(page, await carried(page, `${SECOND}/pay`));
    assert.equal((await chosen(page)).token, token);
    await page.evaluate(() => window.plans.clearPlanSession());
    assert.equal(await chosen(page), null);
  });
}

tested(
  'with everything blocked by the browser the page itself remembers, and carries it on',
  async (page, context) => {
    await opened(page, FIRST);
    assert.equal(await page.evaluate(() => document.cookie), '');
    const stored = await page.evaluate(() => {
      try {
        return localStorage.length >= 0;
      } catch (error) {
        return error.name;
      }
    });
    assert.equal(stored, 'SecurityError');
    const { token } = await choose(page);
    assert.equal((await chosen(page)).token, token);
    assert.deepEqual(await context.cookies(), []);
    await opened(page, await carried(page, `${SECOND}/pay`));
    assert.equal((await chosen(page)).token, token);
    await page.evaluate(() => window.plans.clearPlanSession());
    assert.equal(await chosen(page), null);
  },
  ALL_BLOCKED,
);

tested('where a page may not even ask for cookies nothing throws', async (page) => {
  await page.goto(`${FIRST}/sandboxed`);
  const found = await page.evaluate(async (backend) => {
    const text = await (await fetch(`${backend}/assets/plan-session.js`).catch(() => null))?.text();
    return text ?? 'blocked';
  }, BACKEND);
  // Its origin is opaque, so CORS keeps the module from it: that is all that happens.
  assert.equal(found, 'blocked');
});
