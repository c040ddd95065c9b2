// Every state of both pages: kept as pictures at three widths, judged by axe, never wider than the screen.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { bordered, fits, judged, painted, WIDTHS } from './judging.mjs';
import { policy, proxy, rows, shot, visited } from './support.mjs';

const PAYMENT = '00000000-0000-4000-8000-000000000000';
const give = (component, label = /^Give/) => component.getByRole('button', { name: label });
const ready = (component) => component.locator('html[data-routes-version]').waitFor({ state: 'attached' });

function stands(status) {
  const data = { id: PAYMENT, status, provider: 'stripe', amount: 37.5, priceCurrency: 'EUR', currency: 'EUR' };
  proxy.behave('say', { only: '/payments/', body: JSON.stringify({ success: true, data }) });
}

const cameBack = (page, status) => ({
  path: `/${page}?status=success&payment=${PAYMENT}`,
  before: () => stands(status),
});

const STATES = {
  charter: { path: '/charter', act: ready },
  'charter-other': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Other', { exact: true }).check();
      await component.getByLabel('Your amount').fill('37.50');
      await component.getByLabel('Currency').selectOption('EUR');
    },
  },
  'charter-error': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Other', { exact: true }).check();
      await component.getByLabel('Your amount').fill('a lot');
      await give(component).click();
    },
  },
  'charter-code': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Currency').selectOption('CHF');
    },
  },
  'charter-many-digits': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Currency').selectOption('IDR');
    },
  },
  'charter-expired-link': {
    path: '/charter?prefill=prefill_1_used',
    act: (component) => component.getByText('This link has expired').waitFor(),
  },
  'charter-busy': {
    path: '/charter',
    async act(component) {
      await ready(component);
      proxy.behave('hold', { only: '/charter/generate-payment' });
      await give(component).click();
    },
  },
  'charter-provider-away': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Currency').selectOption('NOK');
      proxy.behave('refuse', { only: '/charter/generate-payment' });
      await give(component).click();
      await component.getByRole('link', { name: 'Use our general payment page' }).waitFor();
    },
  },
  'charter-unavailable': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Currency').selectOption('SEK');
      await policy({ providers: { stripe: { enabled: false } } });
      await component.locator('#pay[aria-disabled="true"]').waitFor();
    },
    after: () => policy({ providers: { stripe: { enabled: true } } }),
  },
  'charter-wallet': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Currency').selectOption('BTC');
      const wallet = { coin: 'BTC', address: 'bc1qexampleexampleexampleexampleexample0', uri: 'bitcoin:bc1qexample', qr: QR };
      const data = { kind: 'wallet', url: `wallet:${wallet.address}`, provider: 'wallet', paymentId: PAYMENT, wallet };
      proxy.behave('say', { only: '/charter/generate-payment', body: JSON.stringify({ success: true, data }) });
      await give(component).click();
      await component.getByRole('heading', { name: 'Send Bitcoin' }).waitFor();
    },
  },
  'charter-wallet-memo': {
    path: '/charter',
    async act(component) {
      await ready(component);
      await component.getByLabel('Currency').selectOption('USDC');
      const on = { network: 'STELLAR', networkName: 'Stellar', memo: '1029384756', amount: '25' };
      const wallet = { coin: 'USDC', address: `G${'EXAMPLE'.repeat(8)}`, uri: 'G', qr: QR, ...on };
      const data = { kind: 'wallet', url: 'wallet:G', provider: 'wallet', paymentId: PAYMENT, wallet };
      proxy.behave('say', { only: '/charter/generate-payment', body: JSON.stringify({ success: true, data }) });
      await give(component).click();
      await component.getByRole('heading', { name: 'Send USDC on Stellar' }).waitFor();
    },
  },
  'charter-backend-away': {
    path: '/charter',
    before: () => proxy.behave('refuse'),
    act: (it) => it.getByText('cannot be reached').first().waitFor(),
  },
  'charter-offline': {
    path: '/charter',
    async act(component, person) {
      await ready(component);
      await person.context.setOffline(true);
    },
  },
  'charter-waiting': cameBack('charter', 'pending'),
  'charter-paid': cameBack('charter', 'completed'),
  'charter-failed': cameBack('charter', 'failed'),
  'charter-expired': cameBack('charter', 'expired'),
  'charter-refunded': cameBack('charter', 'refunded'),
  'charter-cancelled': { path: '/charter?status=cancelled&donationAmount=12.34&paymentMethod=card', act: ready },
  'mission-support': { path: '/mission-support', act: (component) => component.getByText('Test mode').waitFor() },
  'mission-support-error': {
    path: '/mission-support',
    act: (component) => component.getByRole('button', { name: 'Continue' }).click(),
  },
  'mission-support-busy': {
    path: '/mission-support',
    async act(component) {
      proxy.behave('hold', { only: '/mission-support' });
      await component.getByRole('button', { name: '$2' }).click();
    },
  },
  'mission-support-paid': cameBack('mission-support', 'completed'),
};

const QR =
  'data:image/svg+xml,' +
  encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h3v3h-3zM5 5h3v3h-3z"/></svg>');

before(async () => {
  const saved =
    "INSERT INTO external_payments (gateway, currency, provider_url, provider_id) VALUES ('stripe', $1, $2, 'plink_' || $1)";
  await rows(saved, ['NOK', 'https://buy.stripe.com/test_standing']);
});

for (const [name, { path, before: first, act, after }] of Object.entries(STATES)) {
  test(
    name,
    visited(async (person, context) => {
      await first?.();
      if (after) context.after(after);
      const { page, component } = await person.open(path);
      await component.locator('main').waitFor();
      await act?.(component, person);
      if (path.includes('status=')) await component.locator('#outcome[data-outcome]').waitFor();
      for (const [size, [width, height]] of Object.entries(WIDTHS)) {
        await page.setViewportSize({ width, height });
        await painted(component, width);
        await shot(page, `${name}-${size}`);
        await fits(component, `${name} at ${width} px`);
      }
      await judged(page, name);
      await page.emulateMedia({ colorScheme: 'dark' });
      await painted(component, WIDTHS.wide[0]);
      await shot(page, `${name}-dark`);
      await judged(page, `${name} in the dark`);
      await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
      await painted(component, WIDTHS.wide[0]);
      await shot(page, `${name}-forced`);
      await bordered(component, name);
    }),
  );
}

test(
  'a page that is read from right to left fits as well',
  visited(async (person) => {
    const { page, component } = await person.open('/charter');
    await ready(component);
    await page.setViewportSize({ width: 320, height: 900 });
    await component.locator('html').evaluate((root) => root.setAttribute('dir', 'rtl'));
    await fits(component, 'from right to left');
    await shot(page, 'charter-rtl-narrow');
  }),
);

test(
  'people who want less motion get less',
  visited(
    async (person) => {
      const { component } = await person.open('/charter');
      await ready(component);
      proxy.behave('hold', { only: '/charter/generate-payment' });
      await give(component).click();
      const turning = await component
        .locator('#pay')
        .evaluate((button) => getComputedStyle(button, '::before').animationDuration);
      assert.equal(turning, '6s');
    },
    { reducedMotion: 'reduce' },
  ),
);
