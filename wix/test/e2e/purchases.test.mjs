// A member buys for real: our pages, the real backend, the sandbox's card form, its events and its clock.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';

import { until } from '../waiting.mjs';
import { button, signedIn, TOKEN } from './member-states.mjs';
import { admin, BACKEND, rows, SANDBOX, shot, visited } from './support.mjs';

const DESIGN = { type: 'design', price: 12.5, currency: 'USD', active: true, file: 'hinge.svg' };
const MONTHLY = { type: 'subscription', name: 'All designs', price: 9, currency: 'USD', active: true, downloadLimit: 20 };
const GOOD = '4242 4242 4242 4242';
const INTENT = "SELECT provider_id FROM external_payments WHERE payment_id = $1 AND kind = 'single'";

/** Ids of what is sold, by name: one design for each test, since all tests are one member's. */
const sold = {};

before(async () => {
  sold.monthly = (await admin('POST', '/admin/products', { ...MONTHLY, period: { unit: 'month', count: 1 } })).id;
  for (const name of ['Hinge', 'Lock', 'Latch', 'Bolt', 'Gate', 'Knob', 'Strap', 'Plate'])
    sold[name] = (await admin('POST', '/admin/products', { ...DESIGN, name, downloadLimit: name === 'Latch' ? 1 : 3 })).id;
});

const frame = (page, title) => page.frameLocator(`iframe[title="${title}"]`);
const card = (page) => frame(page, 'Secure payment input frame');
const bank = (page) => frame(page, 'Payment authentication');
const ready = (page) => page.locator('#pay[aria-disabled=false][aria-busy=false]').waitFor();
const row = (page, name) => page.locator('#purchases li', { has: page.getByText(name, { exact: true }) }).first();
const item = (page, name) => page.locator('#products-list li', { has: page.getByRole('heading', { name, exact: true }) });
const paymentOf = (page) => new URL(page.url()).searchParams.get('payment');

/** A member on our pages, where nothing is refused by the policy and no script complains. */
const buying = (work, { isOut = false } = {}) =>
  visited(async (person) => {
    if (!isOut) await signedIn(person);
    const page = await person.context.newPage();
    const complaints = [];
    page.on('console', (message) => {
      // Answers such as 409 are a part of these tests.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) complaints.push(message.text());
    });
    await work(page);
    assert.deepEqual(complaints, []);
  });

async function enter(page, number) {
  await ready(page);
  await card(page).getByLabel('Card number').fill(number);
  await card(page).getByLabel('Expiration date').fill('12 / 40');
  await card(page).getByLabel('Security code').fill('123');
}

async function bought(page, name) {
  await page.waitForURL(`${BACKEND}/shop/return?payment=**`);
  await page.getByText(`You bought ${name}.`).waitFor();
}

async function buy(page, name, id) {
  await page.goto(`${BACKEND}/shop?product=${id}`);
  await enter(page, GOOD);
  await page.locator('#pay').click();
  await bought(page, name);
}

/** Press a button of the sandbox's page of a payment, in another tab. */
async function press(page, payment, name) {
  const [{ provider_id: id }] = await rows(INTENT, [payment]);
  const sandbox = await page.context().newPage();
  await sandbox.goto(`${SANDBOX}/pay/stripe/i/${id}`);
  // To close a page that is still loading can hang.
  const answered = sandbox.waitForEvent('load');
  await sandbox.getByRole('button', { name, exact: true }).click();
  await answered;
  await sandbox.close();
}

/** What happened elsewhere is seen by somebody who comes back to the tab. */
async function seenAgain(page, shown) {
  const look = () => document.dispatchEvent(new Event('visibilitychange'));
  await until(() => page.evaluate(look).then(() => shown.isVisible()));
}

async function saved(page, act) {
  const [file] = await Promise.all([page.waitForEvent('download'), act()]);
  assert.equal(file.suggestedFilename(), 'hinge.svg');
  assert.equal(await readFile(await file.path(), 'utf8'), process.env.DRAWING);
  return file.url();
}

test(
  'with the keyboard: choose, sign in, pay by card, download',
  buying(
    async (page) => {
      await page.goto(`${BACKEND}/shop`);
      await item(page, 'Hinge').waitFor();
      const tabTo = async (name) => {
        for (let steps = 0; steps < 40; steps += 1) {
          await page.keyboard.press('Tab');
          const at = await page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent);
          if (at.startsWith(name)) return;
        }
        assert.fail(`the keyboard does not reach ${name}`);
      };
      await tabTo('Buy Hinge for $12.50');
      await page.keyboard.press('Enter');
      await page.getByText('To buy Hinge').waitFor();
      for (let steps = 0; steps < 2; steps += 1) await page.keyboard.press('Tab');
      await page.keyboard.type(TOKEN);
      await page.keyboard.press('Enter');
      await ready(page);
      for (const text of ['4242424242424242', '1240', '123']) {
        await page.keyboard.press('Tab');
        await page.keyboard.type(text);
      }
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Pay $12.50');
      await page.keyboard.press('Enter');
      await bought(page, 'Hinge');
      assert.ok(!page.url().includes('secret'));
      await tabTo('Download');
      await saved(page, () => page.keyboard.press('Enter'));
      await page.getByText('2 of 3 downloads left').waitFor();
      await shot(page, 'real-thank-you');
      await page.getByRole('link', { name: 'Back to the shop' }).click();
      await item(page, 'Hinge').getByText('You own this. 2 of 3 downloads left.').waitFor();
      assert.equal(await item(page, 'Hinge').getByRole('button', { name: /^Buy/ }).count(), 0);
      await shot(page, 'real-shop');
    },
    { isOut: true },
  ),
);

test(
  'a declined card, 3-D Secure that fails, and 3-D Secure that is passed, in one payment; a refund ends access',
  buying(async (page) => {
    await page.goto(`${BACKEND}/shop?product=${sold.Lock}`);
    await enter(page, '4000 0000 0000 0002');
    await page.locator('#pay').click();
    await page.getByRole('alert').getByText('Your card was declined.').waitFor();
    for (const [answer, then] of [
      ['Fail authentication', () => page.locator('#pay-error').getByText('authenticate').waitFor()],
      ['Complete authentication', () => bought(page, 'Lock')],
    ]) {
      await enter(page, '4000 0025 0000 3155');
      await page.locator('#pay').click();
      await bank(page).getByRole('button', { name: answer }).click();
      await then();
    }
    const payment = paymentOf(page);
    assert.equal((await rows('SELECT count(*)::int AS n FROM payments WHERE product = $1', [sold.Lock]))[0].n, 1);
    const url = await saved(page, () => button(page, 'Download').click());
    await page.goto(`${BACKEND}/account`);
    await row(page, 'Lock').getByText('Yours for good.').waitFor();
    await press(page, payment, 'Refund all of it');
    await seenAgain(page, row(page, 'Lock').getByText('Refunded: access has ended.'));
    assert.equal(
      await row(page, 'Lock')
        .getByRole('button', { name: /^Download/ })
        .count(),
      0,
    );
    assert.equal((await fetch(url)).status, 410);
    await shot(page, 'real-refunded');
    await row(page, 'Lock').getByRole('link', { name: 'Buy again' }).click();
    await page.getByRole('heading', { name: 'Lock' }).waitFor();
    await button(page, 'Back to the shop').click();
    await item(page, 'Lock').getByText('Refunded: access has ended.').waitFor();
  }),
);

test(
  'a disputed payment pauses access, and a dispute that is won gives it back',
  buying(async (page) => {
    await buy(page, 'Knob', sold.Knob);
    const payment = paymentOf(page);
    await page.goto(`${BACKEND}/account`);
    await row(page, 'Knob').waitFor();
    await press(page, payment, 'Dispute');
    await seenAgain(page, row(page, 'Knob').getByText('Your bank is reviewing this payment'));
    assert.equal(await row(page, 'Knob').getByRole('button').count(), 0);
    await press(page, payment, 'The dispute is won');
    await seenAgain(page, row(page, 'Knob').getByText('Yours for good.'));
  }),
);

test(
  'the last download: the file again within its minutes, then the limit',
  buying(async (page) => {
    await buy(page, 'Latch', sold.Latch);
    const first = await saved(page, () => button(page, 'Download').click());
    await page.goto(`${BACKEND}/account`);
    await row(page, 'Latch').getByText('You have used the download.').waitFor();
    const again = () => row(page, 'Latch').getByRole('button', { name: 'Download' }).click();
    assert.equal(await saved(page, again), first);
    await rows("UPDATE downloads SET expires_at = now() - interval '1 second' WHERE product_id = $1", [sold.Latch]);
    await again();
    await page.getByRole('alert').getByText('used all downloads').waitFor();
    await row(page, 'Latch').getByRole('link', { name: 'Buy again' }).waitFor();
  }),
);

test(
  'a subscription opens designs, is renewed, and ends with its period when it is cancelled',
  buying(async (page) => {
    await page.goto(`${BACKEND}/shop`);
    await item(page, 'All designs').getByRole('button', { name: 'Subscribe' }).click();
    await enter(page, GOOD);
    await page.getByText('Charged now and every month').waitFor();
    await page.locator('#pay').click();
    await bought(page, 'All designs');
    await page.getByText('20 of 20 downloads left in this period.').waitFor();
    await page.getByRole('link', { name: 'Back to the shop' }).click();
    await item(page, 'Gate').getByText('Included in “All designs”').waitFor();
    await saved(page, () => item(page, 'Gate').getByRole('button', { name: 'Download' }).click());
    await item(page, 'Gate').getByText('19 of 20 downloads left').waitFor();
    await shot(page, 'real-subscribed');
    await page.goto(`${BACKEND}/account`);
    await row(page, 'All designs').getByText('$9 a month', { exact: true }).waitFor();
    const standing = row(page, 'All designs').locator('.standing');
    const renewal = async () => /^Renews on (.+?)[.] /.exec(await standing.textContent())[1];
    const first = await renewal();
    const clock = { method: 'PUT', body: JSON.stringify({ months: 1, hours: 2 }) };
    assert.ok((await fetch(`${SANDBOX}/_sandbox/clock`, clock)).ok);
    await seenAgain(page, standing.filter({ hasNotText: first }));
    const day = await renewal();
    assert.ok(new Date(day) > new Date(first));
    assert.match(await standing.textContent(), /20 of 20 downloads left in this period/);
    assert.equal((await rows("SELECT count(*)::int AS n FROM payments WHERE source = 'renewal'"))[0].n, 1);
    await button(page, 'Cancel subscription: All designs').click();
    await button(page, 'Keep it').click();
    assert.equal(await renewal(), day);
    await button(page, 'Cancel subscription: All designs').click();
    await page.getByRole('dialog').getByText(`It stays open until ${day}`).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel subscription' }).click();
    await standing.getByText(`Cancelled: open until ${day}.`).waitFor();
    await shot(page, 'real-cancelled');
    await page.goto(`${BACKEND}/shop`);
    await item(page, 'All designs').getByText('You have this. Cancelled: open until').waitFor();
  }),
);

test(
  'a payment is gone on with after a reload, by "back", after a new price, and when it was paid elsewhere',
  buying(async (page) => {
    const begun = [];
    page.on('response', async (response) => {
      if (response.request().method() === 'POST' && response.url().endsWith('/api/v1/payments'))
        begun.push(await response.json());
    });
    await page.goto(`${BACKEND}/shop`);
    await item(page, 'Bolt').getByRole('button', { name: /^Buy/ }).click();
    await ready(page);
    await page.reload();
    await ready(page);
    assert.equal(new Set(begun.map(({ data }) => data.paymentId)).size, 1);
    await page.goBack();
    await item(page, 'Bolt').waitFor();
    assert.equal(new URL(page.url()).search, '');
    await admin('PATCH', `/admin/products/${sold.Bolt}`, { discountedPrice: 10 });
    await item(page, 'Bolt').getByRole('button', { name: /^Buy/ }).click();
    await page.getByText('The price has changed from $12.50 to $10.').waitFor();
    await enter(page, GOOD);
    await shot(page, 'real-price-changed');
    await press(page, begun.at(-1).data.paymentId, 'Pay');
    await button(page, 'Pay $10').click();
    await bought(page, 'Bolt');
    await page.goto(`${BACKEND}/shop?product=${sold.Bolt}`);
    await page.getByRole('alert').getByText('You already have this product.').waitFor();
    await page.goto(`${BACKEND}/shop?product=${BACKEND.length}`);
    await page.getByRole('alert').getByText('This product is not for sale.').waitFor();
  }),
);

test(
  'a connection that is lost before the payment asks for another try, and after it does not',
  buying(async (page) => {
    const confirm = `${SANDBOX}/stripe.js/payment_intents/*/confirm`;
    await page.goto(`${BACKEND}/shop?product=${sold.Strap}`);
    await enter(page, GOOD);
    await page.route(confirm, (route) => route.abort('connectionreset'));
    await page.locator('#pay').click();
    await page.locator('#pay-error').getByText('issues connecting').waitFor();
    await page.unroute(confirm);
    await page.route(confirm, async (route) => {
      await route.fetch();
      await route.abort('connectionreset');
    });
    await page.locator('#pay').click();
    await bought(page, 'Strap');
    assert.deepEqual(await rows('SELECT status FROM payments WHERE product = $1', [sold.Strap]), [{ status: 'completed' }]);
  }),
);

test(
  'a bank debit: the page waits for it, from the form too, and says when it has arrived',
  buying(async (page) => {
    const begun = page.waitForResponse((response) => response.url().endsWith('/api/v1/payments'));
    await page.goto(`${BACKEND}/shop?product=${sold.Plate}`);
    await ready(page);
    const { data } = await (await begun).json();
    await press(page, data.paymentId, 'Promise a bank debit');
    await page.reload();
    await page.waitForURL(`${BACKEND}/shop/return?payment=${data.paymentId}`);
    await page.getByRole('heading', { name: 'Waiting for your payment to be confirmed' }).waitFor();
    await press(page, data.paymentId, 'The bank debit arrives');
    await bought(page, 'Plate');
  }),
);

test(
  'only the page that takes cards admits Stripe.js',
  visited(async () => {
    const policyOf = async (path) => (await fetch(BACKEND + path)).headers.get('Content-Security-Policy');
    assert.ok((await policyOf('/shop')).includes(`${SANDBOX}/stripe.js`));
    for (const path of ['/account', '/account/return', '/shop/return', '/embed/charter'])
      assert.ok(!(await policyOf(path)).includes(SANDBOX), path);
  }),
);
