// From the button to the money: real API, Postgres and the providers' sandbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { admin, fault, noFaults, payAtProvider, proxy, rows, SITE, visited } from './support.mjs';

const STATUS = 'SELECT status, amount::text, price_currency FROM payments WHERE id = $1';

async function thanked(page, component, amount) {
  await page.waitForURL(/status=success/);
  await component.getByRole('heading', { name: 'Thank you' }).waitFor();
  await component.getByText(amount).waitFor();
  assert.equal(await component.getByRole('button', { name: 'Print' }).count(), 0, 'a frame may not print');
  const [payment] = await rows(STATUS, [new URL(page.url()).searchParams.get('payment')]);
  assert.equal(payment.status, 'completed');
  return payment;
}

for (const amount of [1, 2, 5]) {
  test(
    `${amount} USD in one click`,
    visited(async (person) => {
      const { page, component } = await person.open('/mission-support');
      await component.getByRole('button', { name: `Give $${amount}` }).click();
      await payAtProvider(page, 'Pay');
      await thanked(page, component, `Your gift of $${amount} has arrived.`);
      assert.equal(new URL(page.url()).pathname, '/mission-support');
      await component.getByRole('button', { name: 'Give again' }).click();
      await component.getByRole('button', { name: 'Give $1' }).waitFor();
    }),
  );
}

test(
  'another amount goes on to Charter, and is paid in euros by card',
  visited(async (person) => {
    const { page, component } = await person.open('/mission-support');
    await component.getByLabel('Another amount').fill('37.50');
    await component.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(/\/charter[?]prefill=/);
    await component.getByText('We kept your $37.50.').waitFor();
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
  'the keyboard is enough',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    await component.locator('input[name="preset"]:checked').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    await page.keyboard.type('chf');
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
      await component.getByLabel('Anderer', { exact: true }).check();
      await component.getByLabel('Ihr Betrag').fill('1.234,5');
      await component.getByLabel('Währung').selectOption('EUR');
      await component.getByRole('button', { name: /^1[.]234,50\s€ mit Karte spenden$/ }).waitFor();
      await component.getByLabel('Währung').selectOption('JPY');
      await component.getByLabel('Ihr Betrag').fill('nonsense');
      await component.getByRole('button', { name: 'Mit Karte spenden' }).click();
      await component.getByRole('alert').getByText('Geben Sie einen Betrag ein, zum Beispiel 37,50.').waitFor();
      assert.equal(await component.getByLabel('Ihr Betrag').getAttribute('aria-invalid'), 'true');
      await component.getByLabel('Ihr Betrag').fill('0,01');
      await component.getByRole('button', { name: /spenden$/ }).click();
      await component.getByRole('alert').getByText('Geben Sie eine ganze Zahl ein').waitFor();
    },
    { locale: 'de-DE' },
  ),
);

test(
  'coins are sent to an invoice of their own',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    // By its code: few fonts have the signs of coins.
    await component.getByLabel('Currency').selectOption({ label: 'BTC – Bitcoin' });
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
    await component.getByText(/^Copied the address[.]|is selected/).waitFor();
    const [{ id }] = await rows("SELECT id FROM payments WHERE status = 'awaiting_confirmation'");
    await admin('POST', `/admin/payments/${id}/confirm`, { txHash: `0x${'e2e'.repeat(20)}`, amount: '0.01', coin: 'ETH' });
    await component.getByRole('heading', { name: 'Thank you' }).waitFor();
    assert.equal(new URL(page.url()).origin, SITE);
    assert.deepEqual(proxy.nameless, []);
    await rows("DELETE FROM wallets WHERE coin = 'ETH'");
  }),
);

test(
  'a wallet of a coin that has several networks names its own, and a memo is copied by itself',
  visited(async (person) => {
    await rows("INSERT INTO wallets (coin, wallet_address, network) VALUES ('USDT', 'TExampleExampleExample', 'trc-20')");
    await rows("INSERT INTO wallets (coin, wallet_address, memo) VALUES ('XRP', 'rExampleExampleExample', '4711')");
    const { component } = await person.open('/charter');
    await component.getByLabel('Other', { exact: true }).check();
    await component.getByLabel('Your amount').fill('2');
    for (const [coin, title] of [
      ['USDT', 'Send USDT on Tron (TRC-20)'],
      ['XRP', 'Send XRP'],
    ]) {
      await component.getByLabel('Currency').selectOption(coin);
      // Below the provider's minimum a wallet takes it.
      await component.getByRole('button', { name: /^Give [$]2 in/ }).click();
      await component.getByRole('heading', { name: title, exact: true }).waitFor();
    }
    await component.getByText('Without it, the payment is lost').waitFor();
    await component.getByText(/^Send 0[.]9\d+ XRP [(]about [$]2[)]/).waitFor();
    const link = component.getByRole('link', { name: 'Open in wallet' });
    assert.match(await link.getAttribute('href'), /^xrpl:[/][/]rExample\w+[?]dt=4711&amount=0[.]9\d+$/);
    await component.getByRole('button', { name: 'Copy the memo' }).click();
    await component.getByText(/^Copied the memo[.]|memo is selected/).waitFor();
    await rows('DELETE FROM wallets');
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

test(
  'who cancels in another currency finds it again, also where nothing is remembered',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await component.getByLabel('Currency').selectOption('EUR');
    await component.getByLabel('$50').or(component.getByLabel('€50')).check();
    await component.getByRole('button', { name: 'Give €50 by card' }).click();
    await page.waitForURL(/\/pay\/stripe\//);
    const back = page.getByRole('link', { name: /back|cancel/i }).first();
    const cancelled = await back.getAttribute('href');
    await visited(async (other) => {
      const again = await other.open(cancelled);
      await again.component.getByRole('button', { name: 'Give €50 by card' }).waitFor();
    })();
  }),
);

test(
  'a payer who comes back from a standing link sees the outcome of the session in the address',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await component.getByRole('button', { name: 'Give $25 by card' }).click();
    await payAtProvider(page, 'Pay');
    await thanked(page, component, 'Your gift of $25 has arrived.');
    const payment = new URL(page.url()).searchParams.get('payment');
    const [{ provider_id: session }] = await rows('SELECT provider_id FROM external_payments WHERE payment_id = $1', [payment]);
    assert.match(session, /^cs_/);
    const back = await person.open(`/charter?status=success&session_id=${session}`);
    await back.component.getByRole('heading', { name: 'Thank you' }).waitFor();
    await back.component.getByText('Your gift of $25 has arrived.').waitFor();
  }),
);

test(
  'a link to a payment that nobody knows says so at once, and the form is there',
  visited(async (person) => {
    for (const payment of ['00000000-0000-4000-8000-00000000dead', 'not-a-payment']) {
      const { component } = await person.open(`/charter?status=success&payment=${payment}`);
      await component.getByRole('heading', { name: 'We cannot find this payment' }).waitFor();
      await component.getByRole('button', { name: 'Give $25 by card' }).waitFor();
    }
  }),
);

test(
  'typing a code in the list of currencies picks that currency',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    const list = component.getByLabel('Currency');
    const session = await person.context.newCDPSession(page);
    // A list forgets after a second what was typed before. The keys say when they are pressed, so that none has to wait.
    let pressed = Date.now() / 1_000;
    for (const code of ['gbp', 'usd', 'chf', 'usdc', 'usd', 'sek']) {
      await list.focus();
      pressed += 2;
      for (const key of code) {
        pressed += 0.05;
        const how = { key, text: key, windowsVirtualKeyCode: key.toUpperCase().charCodeAt(0), timestamp: pressed };
        for (const type of ['keyDown', 'keyUp']) await session.send('Input.dispatchKeyEvent', { type, ...how });
      }
      assert.equal(await list.inputValue(), code.toUpperCase());
    }
  }),
);

test(
  'an amount that cannot be given is never on the button, and the page says why',
  visited(async (person) => {
    const { component } = await person.open('/charter');
    await component.locator('html[data-routes-version]').waitFor({ state: 'attached' });
    await component.getByLabel('Other', { exact: true }).check();
    for (const [typed, said] of [
      ['12.345', 'Use at most two decimals, such as 12.34.'],
      ['0.3', 'Give at least $1'],
    ]) {
      await component.getByLabel('Your amount').fill(typed);
      await component.getByRole('button', { name: 'Give by card', exact: true }).waitFor();
      await component.getByLabel('Your amount').blur();
      await component.getByRole('alert').getByText(said).waitFor();
    }
    const mission = await person.open('/mission-support');
    await mission.component.getByText('Test mode: nothing is charged here.').waitFor();
    await mission.component.getByLabel('Another amount').fill('12.345');
    await mission.component.getByRole('button', { name: 'Continue' }).click();
    await mission.component.getByRole('alert').getByText('Use at most two decimals, such as 12.34.').waitFor();
    assert.equal(new URL(mission.page.url()).pathname, '/mission-support');
  }),
);
