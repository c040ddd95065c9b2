// What goes wrong between a visitor and the money, and what they see then.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../waiting.mjs';
import {
  componentOf,
  fault,
  heardBy,
  hears,
  listening,
  noFaults,
  payAtProvider,
  policy,
  proxy,
  rows,
  visited,
} from './support.mjs';

const PAYMENTS = 'SELECT count(*)::int AS number FROM payments';
const payments = async () => (await rows(PAYMENTS))[0].number;
const give = (component, label = 'Give $25 by card') => component.getByRole('button', { name: label });
const ready = (component) => component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
const READ_PREFILL = 'We kept your';

async function toCharter(person, amount) {
  const { page, component } = await person.open('/mission-support');
  await component.getByLabel('Another amount').fill(amount);
  await component.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(/\/charter[?]prefill=/);
  await component.getByText(READ_PREFILL).waitFor();
  return { page, component };
}

test(
  'after "back" and after a reload of a used link the amount is still there, and nobody is scolded',
  visited(async (person) => {
    const { page, component } = await toCharter(person, '41.50');
    await page.reload();
    await give(component, 'Give $41.50 by card').waitFor();
    assert.equal(await component.getByText('This link has expired').count(), 0);
    await give(component, 'Give $41.50 by card').click();
    await page.waitForURL(/\/pay\/stripe\//);
    await page.goBack();
    await give(component, 'Give $41.50 by card').click();
    await payAtProvider(page, 'Pay');
    await component.getByText('Your gift of $41.50 has arrived.').waitFor();
  }),
);

test(
  'a failed first answer does not use up the link',
  visited(async (person) => {
    proxy.behave('pass');
    const { page, component } = await person.open('/mission-support');
    await component.getByLabel('Another amount').fill('18');
    await component.getByRole('button', { name: 'Continue' }).click();
    proxy.behave('refuse', { only: '/routes' });
    await page.waitForURL(/\/charter[?]prefill=/);
    await component.getByText('cannot be reached right now').waitFor();
    proxy.behave('pass');
    await component.getByText(READ_PREFILL).waitFor();
    await give(component, 'Give $18 by card').waitFor();
  }),
);

test(
  'page code that comes late still brings the amount, and what was chosen meanwhile stays',
  visited(async (person) => {
    const code = { comes: Promise.withResolvers() };
    await listening(person.context);
    const { page, component } = await person.open('/mission-support');
    await component.getByLabel('Another amount').fill('63');
    await component.getByRole('button', { name: 'Continue' }).click();
    await person.context.route('**/_site/pages/charter.js', (route) => code.comes.promise.then(() => route.continue()));
    await page.waitForURL(/\/charter[?]prefill=/);
    // The component has begun without it.
    await ready(component);
    await give(component, 'Give $25 by card').waitFor();
    code.comes.resolve();
    await give(component, 'Give $63 by card').waitFor();
    code.comes = Promise.withResolvers();
    const again = await person.open('/charter?donationAmount=63');
    await ready(again.component);
    await again.component.getByLabel('Currency').selectOption('USD');
    await again.component.getByLabel('$50').check();
    code.comes.resolve();
    await hears(componentOf(again.page), 'answer');
    await give(again.component, 'Give $50 by card').waitFor();
  }),
);

test(
  'a double click gives once',
  visited(async (person) => {
    const { page, component } = await person.open('/mission-support');
    const before = await payments();
    await component.getByRole('button', { name: 'Give $5' }).dblclick();
    await page.waitForURL(/\/pay\/stripe\//);
    assert.equal(await payments(), before + 1);
    const charter = await person.open('/charter');
    await ready(charter.component);
    await give(charter.component).dblclick();
    await charter.page.waitForURL(/\/pay\/stripe\//);
    assert.equal(await payments(), before + 2);
  }),
);

test(
  'a payment page that never opens leaves no dead button behind',
  visited(async (person) => {
    await person.context.route('**/pay/stripe/**', (route) => route.fulfill({ status: 204 }));
    const clicked = [
      ['/mission-support', 'Give $2', '#presets button[value="2"]'],
      ['/charter', 'Give $25 by card', '#pay'],
    ].map(async ([path, name, button]) => {
      const { page, component } = await person.open(path);
      const locked = component.locator(`${button}[aria-disabled="true"]`);
      const led = page.waitForRequest(/\/pay\/stripe\//);
      await give(component, name).click();
      await led;
      assert.equal(await locked.count(), 1);
      await locked.waitFor({ state: 'detached' });
    });
    await Promise.all(clicked);
  }),
);

test(
  'another currency, chosen while a request is under way, wins',
  visited(async (person) => {
    await listening(person.context);
    const { page, component } = await person.open('/charter');
    await ready(component);
    const inside = componentOf(page);
    const answers = (await inside.evaluate(() => window.heard)).filter((name) => name === 'answer').length;
    proxy.behave('hold', { only: '/charter/generate-payment' });
    await give(component).click();
    await until(() => proxy.held.length === 1, Boolean, 'the request of the first choice');
    await component.getByLabel('Currency').selectOption('EUR');
    await give(component, 'Give €25 by card').waitFor();
    proxy.behave('pass');
    await hears(inside, 'answer', answers + 1);
    assert.ok(!(await heardBy(page.mainFrame(), inside)).includes('go'), 'the answer of the first choice leads nowhere');
    await give(component, 'Give €25 by card').click();
    await page.waitForURL(/\/pay\/stripe\//);
    await page.getByText('25.00 EUR').first().waitFor();
  }),
);

test(
  'a provider that is switched off meanwhile is noticed on the open page',
  visited(async (person) => {
    await listening(person.context);
    const { page, component } = await person.open('/charter');
    await ready(component);
    await policy({ providers: { stripe: { enabled: false } } });
    try {
      await component.getByText('This currency is currently unavailable').waitFor();
      assert.equal(await give(component).getAttribute('aria-disabled'), 'true');
      const heard = () => heardBy(page.mainFrame(), componentOf(page));
      const calls = async () => (await heard()).filter((name) => name === 'call').length;
      const before = await calls();
      await give(component).click({ force: true });
      assert.equal(await calls(), before, 'nothing is asked for');
      const mission = await person.open('/mission-support');
      await mission.component.getByRole('button', { name: 'Give $1' }).click();
      await mission.component
        .getByRole('alert')
        .getByText(/currently unavailable/)
        .waitFor();
    } finally {
      await policy({ providers: { stripe: { enabled: true } } });
    }
    await page.bringToFront();
    await component.locator('#pay[aria-disabled="false"]').waitFor();
    await give(component).click();
    await page.waitForURL(/\/pay\/stripe\//);
  }),
);

test(
  'a provider that is down is said in words, with the other way to pay, and the next click works',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await ready(component);
    await fault({ act: 'status_before', provider: 'stripe', status: 503, times: 50 });
    try {
      await give(component).click();
      await component.getByRole('alert').getByText('You can also give in crypto').waitFor();
    } finally {
      await noFaults();
    }
    await give(component).click();
    await page.waitForURL(/\/pay\/stripe\//);
  }),
);

test(
  'the backend goes away and comes back: nothing is lost, nothing is paid twice',
  visited(async (person) => {
    proxy.behave('refuse');
    const { page, component } = await person.open('/charter');
    await component.getByText('cannot be reached right now').first().waitFor();
    await give(component).click();
    await component.getByRole('alert').getByText('cannot be reached right now').waitFor();
    const before = await payments();
    proxy.behave('pass');
    await ready(component);
    // The answer to this one is lost on its way: the next click asks for the same with the same key.
    proxy.behave('say', { only: '/charter/generate-payment', status: 502, body: '<html>' });
    await give(component).click();
    await component.getByRole('alert').getByText('cannot be reached right now').waitFor();
    proxy.behave('pass');
    await give(component).click();
    await page.waitForURL(/\/pay\/stripe\//);
    assert.equal(await payments(), before + 1);
  }),
);

test(
  'an answer that was lost is asked for with the same key',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await ready(component);
    const before = await payments();
    proxy.behave('lose', { only: '/charter/generate-payment' });
    await give(component).click();
    await component.getByRole('alert').getByText('cannot be reached right now').waitFor();
    assert.equal(await payments(), before + 1);
    proxy.behave('pass');
    await give(component).click();
    await page.waitForURL(/\/pay\/stripe\//);
    assert.equal(await payments(), before + 1);
  }),
);

test(
  'with the backend away, a link for many payers is still offered',
  visited(async (person) => {
    await rows(
      "INSERT INTO external_payments (gateway, currency, provider_url, provider_id) VALUES ('stripe', 'NOK', 'https://buy.stripe.com/test_standing', 'plink_standing')",
    );
    const { component } = await person.open('/charter');
    await component.locator('option[value="NOK"]').waitFor({ state: 'attached' });
    await component.getByLabel('Currency').selectOption('NOK');
    proxy.behave('refuse');
    await component.getByRole('button', { name: /^Give/ }).click();
    const link = component.getByRole('link', { name: 'Use our general payment page instead' });
    await link.waitFor();
    assert.equal(await link.getAttribute('href'), 'https://buy.stripe.com/test_standing');
  }),
);

test(
  'a link in the data that leads elsewhere costs no donor the button: a payment page is made',
  visited(async (person) => {
    const saved = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'DKK', $1)";
    await rows(saved, ['https://example.com/give']);
    const { page, component } = await person.open('/charter');
    await component.locator('option[value="DKK"]').waitFor({ state: 'attached' });
    await component.getByLabel('Currency').selectOption('DKK');
    await give(component, /^Give .*by card$/).click();
    await page.waitForURL(/\/pay\/stripe\//);
    await rows("DELETE FROM external_payments WHERE currency = 'DKK' AND kind = 'standing'");
  }),
);

test(
  'two tabs are two gifts',
  visited(async (person) => {
    const one = await person.open('/charter');
    const two = await person.open('/charter');
    await Promise.all([ready(one.component), ready(two.component)]);
    await one.component.getByLabel('Currency').selectOption('EUR');
    await Promise.all([give(one.component, 'Give €25 by card').click(), give(two.component).click()]);
    await Promise.all([payAtProvider(one.page, 'Pay'), payAtProvider(two.page, 'Pay')]);
    await one.page.bringToFront();
    await one.component.getByText('Your gift of €25 has arrived.').waitFor();
    await two.page.bringToFront();
    await two.component.getByText('Your gift of $25 has arrived.').waitFor();
  }),
);

test(
  'a visitor who is offline sees that, and goes on when the network is back',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await ready(component);
    await person.context.setOffline(true);
    await component.getByText('You are offline.').waitFor();
    await person.context.setOffline(false);
    await component.getByText('You are offline.').waitFor({ state: 'hidden' });
    await give(component).click();
    await page.waitForURL(/\/pay\/stripe\//);
  }),
);

test(
  'on a site that does not know the functions, the page says what its owner must do',
  visited(async (person) => {
    let tab;
    for (const [status, said] of [
      [403, 'rejected this call (403)'],
      [404, 'must publish the site'],
    ]) {
      const { page, component } = await person.open('/without-page-code', tab);
      tab = page;
      await page.unroute('**/_functions/**');
      await page.route('**/_functions/**', (route) =>
        route.fulfill({ status, body: '<html>', headers: { 'Access-Control-Allow-Origin': '*' } }),
      );
      await component.getByRole('button', { name: 'Give $1' }).click();
      await component.getByRole('alert').getByText(said).waitFor();
    }
  }),
);

test(
  'in a page without our code around it, the component calls the functions itself and lets the visitor open the link',
  visited(async (person) => {
    const { page } = await person.open('/without-page-code');
    const component = page.frameLocator('#hingecraft');
    await component.getByRole('button', { name: 'Give $2' }).click();
    const link = component.getByRole('link', { name: 'Continue' });
    await link.waitFor();
    assert.match(await link.getAttribute('href'), /\/pay\/stripe\//);
  }),
);
