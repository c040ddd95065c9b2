// From the button to the money: real API, Postgres and the providers' sandbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { admin, fault, noFaults, payAtProvider, proxy, rows, SITE, visited } from './support.mjs';

const STATUS = 'SELECT status, amount::text, price_currency FROM payments WHERE id = $1';

async function thanked(page, component, amount) {
  await page.waitForURL(/status=success/);
  await component.getByRole('heading', { name: 'Thank you' }).waitFor();
  await component.getByText(amount).waitFor();
  const [payment] = await rows(STATUS, [new URL(page.url()).searchParams.get('payment')]);
  assert.equal(payment.status, 'completed');
  return payment;
}

for (const amount of [1, 2, 5]) {
  test(
    `${amount} USD in one click`,
    visited(async (person) => {
      const { page, component } = await person.open('/mission-support');
      await component.getByRole('button', { name: `$${amount}, give by card` }).click();
      await payAtProvider(page, 'Pay');
      await thanked(page, component, `Your gift of $${amount} has arrived.`);
      assert.equal(new URL(page.url()).pathname, '/mission-support');
      await component.getByRole('button', { name: 'Give again' }).click();
      await component.getByRole('button', { name: '$1, give by card' }).waitFor();
    }),
  );
}

test(
  'another amount goes on to Charter, and is paid in euros by card',
  visited(async (person) => {
    const { page, component } = await person.open('/mission-support');
    await component.getByLabel('Another amount').fill('37.50');
    await component.getByRole('button', { name: 'Go on' }).click();
    await page.waitForURL(/\/charter[?]prefill=/);
    await component.getByText('The amount from your link is filled in.').waitFor();
    assert.equal(await component.getByLabel('Your amount').inputValue(), '37.50');
    await component.getByLabel('Currency').selectOption('EUR');
    await component.getByRole('button', { name: 'Give €37.50 by card' }).click();
    await payAtProvider(page, 'Pay');
    const payment = await thanked(page, component, 'Your gift of €37.50 has arrived.');
    assert.deepEqual([payment.amount, payment.price_currency], ['37.5', 'EUR'].map(String));
    assert.ok(proxy.seen.some((line) => line.startsWith('GET /payments/')));
    assert.deepEqual(proxy.nameless, [], 'the limits of all visitors would be one');
    const { items } = await admin('GET', '/admin/payments?limit=1');
    assert.equal(items[0].status, 'completed');
  }),
);

test(
  'the keyboard alone is enough',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    await component.locator('input[name="preset"]:checked').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Swiss');
    await page.keyboard.press('Tab');
    assert.equal(
      await component.getByRole('button', { name: 'Give CHF 50 by card' }).evaluate((it) => it === document.activeElement),
      true,
    );
    await page.keyboard.press('Enter');
    await payAtProvider(page, 'Pay');
    await thanked(page, component, 'Your gift of CHF 50 has arrived.');
  }),
);

test(
  'amounts are read and written as the visitor does',
  visited(
    async (person) => {
      const { component } = await person.open('/charter');
      await component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
      await component.getByLabel('Other', { exact: true }).check();
      await component.getByLabel('Your amount').fill('1.234,5');
      await component.getByLabel('Currency').selectOption('EUR');
      await component.getByRole('button', { name: /^Give 1[.]234,50\s€ by card$/ }).waitFor();
      await component.getByLabel('Currency').selectOption('JPY');
      await component.getByLabel('Your amount').fill('nonsense');
      await component.getByRole('button', { name: 'Give by card' }).click();
      await component.getByRole('alert').getByText('Write an amount above zero, such as 37,50.').waitFor();
      assert.equal(await component.getByLabel('Your amount').getAttribute('aria-invalid'), 'true');
      await component.getByLabel('Your amount').fill('0,01');
      await component.getByRole('button', { name: /^Give/ }).click();
      await component.getByRole('alert').getByText('Give at least').waitFor();
    },
    { locale: 'de-DE' },
  ),
);

test(
  'coins are sent to an invoice of their own',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    // By its code: few fonts have the signs of coins.
    await component.getByLabel('Currency').selectOption({ label: 'Bitcoin (BTC)' });
    await component.getByText('The amount is in US dollars').waitFor();
    await component.getByRole('button', { name: 'Give $25 in Bitcoin' }).click();
    await page.waitForURL(/\/pay\/nowpayments\//);
    await page.getByLabel('Pay with').selectOption('btc');
    await page.getByRole('button', { name: 'Show the address' }).click();
    await page.getByRole('button', { name: 'Send all of it' }).click();
    await page.getByText('finished').first().waitFor();
    await page.getByRole('link', { name: /back/i }).first().click();
    await thanked(page, component, 'Your gift of $25 has arrived.');
  }),
);

test(
  'when the provider of coins is away, a wallet takes them, and an admin confirms',
  visited(async (person) => {
    await rows("INSERT INTO wallets (coin, wallet_address) VALUES ('ETH', '0x00000000000000000000000000000000000e2e00')");
    const { component, page } = await person.open('/charter');
    await component.getByLabel('Currency').selectOption('ETH');
    await fault({ act: 'status_before', provider: 'nowpayments', status: 400, times: 100 });
    try {
      await component.getByRole('button', { name: 'Give $25 in Ethereum' }).click();
      await component.getByRole('heading', { name: 'Send Ethereum' }).waitFor();
    } finally {
      await noFaults();
    }
    await component.getByRole('img', { name: 'QR code of the Ethereum address' }).waitFor();
    assert.equal(await component.getByText('The next page').count(), 0, 'there is none');
    assert.match(await component.getByRole('link', { name: 'Open in wallet' }).getAttribute('href'), /^ethereum:0x/);
    await component.getByRole('button', { name: 'Copy the address' }).click();
    await component.getByText(/^Copied[.]|is selected/).waitFor();
    const [{ id }] = await rows("SELECT id FROM payments WHERE status = 'awaiting_confirmation'");
    await admin('POST', `/admin/payments/${id}/confirm`, { txHash: `0x${'e2e'.repeat(20)}`, amount: '0.01', coin: 'ETH' });
    await component.getByRole('heading', { name: 'Thank you' }).waitFor();
    assert.equal(new URL(page.url()).origin, SITE);
    assert.deepEqual(proxy.nameless, []);
    await rows("DELETE FROM wallets WHERE coin = 'ETH'");
  }),
);

test(
  'who comes back without paying finds what they chose',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await component.getByLabel('Currency').selectOption('GBP');
    await component.getByLabel('Other', { exact: true }).check();
    await component.getByLabel('Your amount').fill('12.34');
    await component.getByRole('button', { name: 'Give £12.34 by card' }).click();
    await page.waitForURL(/\/pay\/stripe\//);
    await page
      .getByRole('link', { name: /back|cancel/i })
      .first()
      .click();
    await page.waitForURL(/status=cancelled/);
    await component.getByRole('heading', { name: 'You came back before paying' }).waitFor();
    await component.getByRole('button', { name: 'Give £12.34 by card' }).waitFor();
  }),
);
