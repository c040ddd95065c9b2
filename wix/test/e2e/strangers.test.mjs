// What strangers try: other addresses, messages, and text that would become markup.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BACKEND, componentOf, hears, listening, proxy, SITE, visited } from './support.mjs';

const give = (component, label = 'Give $25 by card') => component.getByRole('button', { name: label });
const ready = (component) => component.locator('html[data-routes-version]').waitFor({ state: 'attached' });

for (const url of ['https://evil.example/pay', 'javascript:alert(1)', 'http://checkout.stripe.com/c']) {
  test(
    `nobody is sent to ${url}`,
    visited(async (person) => {
      const { page, component } = await person.open('/charter');
      await ready(component);
      const data = { url, kind: 'checkout', paymentId: 'p', provider: 'stripe' };
      proxy.behave('say', { only: '/charter/generate-payment', body: JSON.stringify({ success: true, data }) });
      await give(component).click();
      await component.getByRole('alert').getByText('did not open it').waitFor();
      assert.equal(new URL(page.url()).origin, SITE);
    }),
  );
}

test(
  'not even when the site itself sends there',
  visited(async (person) => {
    const { page } = await person.open('/without-page-code');
    const component = page.frameLocator('#hingecraft');
    for (const url of ['https://evil.example/pay', 'javascript:alert(1)', '//evil.example', 'http://checkout.stripe.com/c']) {
      const body = JSON.stringify({ success: true, data: { url, paymentId: 'p' } });
      const headers = { 'Access-Control-Allow-Origin': '*' };
      await page.unroute('**/microPayment');
      await page.route('**/microPayment', (route) => route.fulfill({ body, headers }));
      const answered = page.waitForResponse('**/microPayment');
      await component.getByRole('button', { name: 'Give $1' }).click();
      await answered;
      await component.getByRole('alert').getByText('did not open it').waitFor();
      assert.equal(await component.getByRole('link').count(), 0);
      assert.equal(page.url(), `${SITE}/without-page-code`);
    }
  }),
);

test(
  'nothing from the address becomes markup or an amount',
  visited(async (person) => {
    const evil = '<img src=x onerror=window.hit=1>';
    let tab;
    for (const [query, shown] of [
      [`donationAmount=${evil}&paymentMethod=${evil}&status=cancelled`, '#outcome[data-outcome="cancelled"]'],
      [`prefill=${evil}`, '#notice'],
      [`status=success&payment=${evil}`, '#outcome[data-outcome="unknown"]'],
    ]) {
      const { page, component } = await person.open(`/charter?${new URLSearchParams(query)}`, tab);
      tab = page;
      await ready(component);
      await component.locator(shown).waitFor();
      assert.equal(await component.locator('img[src="x"]').count(), 0);
      assert.equal(await component.locator('body').evaluate(() => window.hit), undefined);
    }
  }),
);

test(
  'messages of strangers are not heard',
  visited(async (person) => {
    await listening(person.context);
    const { page, component } = await person.open('/charter');
    await ready(component);
    const version = await component.locator('html').getAttribute('data-routes-version');
    const routes = { version: 999_999, routes: {} };
    const inside = componentOf(page);
    // From the component's own window, and from a frame of another host inside of the page; each says when that is done.
    const say = ([to, news]) => {
      for (const message of [{ hingecraft: 'routes', routes: news }, { hingecraft: 'mark' }])
        (to === 'itself' ? window : parent.frames[0]).postMessage(message, '*');
    };
    await inside.evaluate(say, ['itself', routes]);
    await page.evaluate(
      (url) =>
        new Promise((done) => {
          const frame = Object.assign(document.createElement('iframe'), { src: url, onload: done });
          document.body.append(frame);
        }),
      `${BACKEND}/embed/mission-support?direct`,
    );
    const stranger = page.frames().find((frame) => frame.url().startsWith(BACKEND));
    await stranger.evaluate(say, ['the component', routes]);
    await hears(inside, 'mark', 2);
    assert.equal(await component.locator('html').getAttribute('data-routes-version'), version);
  }),
);
