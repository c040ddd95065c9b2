// Inside Wix's frame, by Wix's own channel; and where that is not there.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byItself, inWix, installed, OURS, PAGE, parentState, proxy, settled, token, visited } from './support.mjs';

const heading = (frame, name) => frame.getByRole('heading', { name, exact: true });

test(
  'Wix’s channel opens, and the frame becomes as high as each page',
  visited(async (page) => {
    const frame = await inWix(page);
    await heading(frame, 'HingeCraft payments').waitFor();
    await page.waitForFunction(() => window.parentState.connected);
    const heights = [];
    for (const name of ['Credits and plan', 'Settings', 'Jobs', 'Overview']) {
      await frame.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      await frame.locator('.section').first().waitFor();
      await settled(page);
      heights.push((await parentState(page)).heights.at(-1));
    }
    assert.ok(heights[1] > heights[2], `${heights}: a page with less on it is lower`);
  }),
);

test(
  'it works at a subdomain of manage.wix.com',
  visited(async (page) => {
    const frame = await inWix(page, { host: 'https://premium.manage.wix.com' });
    await heading(frame, 'HingeCraft payments').waitFor();
    await page.waitForFunction(() => window.parentState.connected);
  }),
);

for (const host of ['https://editor.wix.com', 'https://www.example.net'])
  test(
    `${host} may not frame it`,
    visited(
      async (page) => {
        const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
        await inWix(page, { host });
        await refused;
        assert.equal(page.frames().filter((each) => each.url().startsWith(OURS)).length, 0);
      },
      { expected: ['frame-ancestors'] },
    ),
  );

test(
  'a token that has expired is renewed by Wix, once for all calls that wait',
  visited(async (page) => {
    const frame = await inWix(page, { instance: await token('instance', { age: 5 * 3600 }), hash: '#/credits' });
    await frame.getByText('credits left').waitFor();
    assert.equal((await parentState(page)).tokens, 1);
  }),
);

test(
  'a token that has expired, without Wix around it, says how to go on',
  visited(async (page) => {
    await byItself(page, { instance: await token('instance', { age: 5 * 3600 }), hash: '#/credits' });
    await page.getByText('can’t be shown').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  }),
);

test(
  'after an act Wix shows the message',
  visited(async (page) => {
    const frame = await inWix(page, { hash: '#/settings' });
    await frame.getByLabel('Heading', { exact: true }).fill('Give what you can');
    await frame.getByRole('button', { name: 'Save' }).click();
    await page.waitForFunction(() => window.parentState.toasts.some(({ message }) => message === 'Your settings are saved.'));
  }),
);

test(
  'without Wix around it the page shows the message itself',
  visited(async (page) => {
    await byItself(page, { hash: '#/settings' });
    await page.getByLabel('Heading', { exact: true }).fill('Every gift counts');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Your settings are saved.').waitFor();
  }),
);

test(
  'neither the page nor its calls use cookies',
  visited(async (page) => {
    const cookies = [];
    page.on('response', async (response) =>
      cookies.push(...(await response.headersArray()).filter(({ name }) => /cookie/i.test(name))),
    );
    const frame = await inWix(page);
    await frame.locator('.section').first().waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    assert.deepEqual(cookies, []);
    // Nor those that the host has from elsewhere.
    await page.context().addCookies([{ name: 'other', value: '1', url: OURS }]);
    try {
      const call = page.waitForRequest(
        (request) => request.frame() === page.mainFrame() && request.url().includes('/api/v1/wix/overview'),
      );
      await byItself(page);
      assert.equal((await (await call).allHeaders()).cookie, undefined);
    } finally {
      await page.context().clearCookies();
    }
  }),
);

test(
  'a site without the payments sees its own plan, and why there is no more',
  visited(async (page) => {
    const site = await installed('Meadow');
    const frame = await inWix(page, { instance: await token('instance', { site }) });
    await frame.getByText('This site doesn’t show overview').waitFor();
    await frame.getByText(site).waitFor();
    await frame.getByRole('link', { name: 'Credits and plan' }).click();
    await frame.getByText('credits left').waitFor();
  }),
);

test(
  'numbers, dates and direction are those of the owner’s language',
  visited(async (page) => {
    const german = await inWix(page, { locale: 'de' });
    await german
      .getByText(/4\.270.\$/)
      .first()
      .waitFor();
    const arabic = await inWix(page, { locale: 'ar' });
    await arabic.locator('html[dir=rtl] .section').first().waitFor();
    const strange = await inWix(page, { locale: 'not_a_locale!' });
    await strange.locator('html[dir=ltr] .section').first().waitFor();
  }),
);

test(
  'opened without a token it says where to open it',
  visited(async (page) => {
    await page.goto(PAGE);
    await page.getByText('Open this page in Wix').waitFor();
    assert.deepEqual(
      proxy.seen.filter((line) => line.includes('/api/v1/wix/')),
      [],
    );
  }),
);
