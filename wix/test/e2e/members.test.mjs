// A member buys for real: our pages, the real backend, the sandbox of Stripe and its events.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BACKEND, chosen, payAtProvider, rows, shot, visited } from './support.mjs';

const { TOKEN } = process.env;
const { sub } = JSON.parse(atob(TOKEN.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
const LEDGER = 'SELECT delta, reason FROM credits_transactions WHERE user_id = $1 ORDER BY id';

async function signedIn(page) {
  await page.goto(`${BACKEND}/account`);
  await page.getByLabel('Or use a token').fill(TOKEN);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: /^Buy 50 credits/ }).waitFor();
}

async function returned(page, credits) {
  await payAtProvider(page, 'Pay');
  await page.waitForURL(`${BACKEND}/account/return?success=true&session_id=cs_test_**`);
  await page.getByText(`You bought ${credits} credits.`).waitFor();
}

test(
  'a pack: chosen, paid at Stripe, and its credits are there on return',
  visited(async (person) => {
    const page = await person.context.newPage();
    await signedIn(page);
    await page.getByText('Nothing yet').waitFor();
    await page.getByRole('button', { name: /^Buy 50 credits/ }).click();
    await returned(page, 50);
    await page.locator('#balance').getByText('50', { exact: true }).waitFor();
    await shot(page, 'member-thank-you');
    await page.getByRole('link', { name: 'Open your account' }).click();
    await page.locator('#history').getByText('Quick scan purchase').waitFor();
    await page.locator('#history').getByText('+50', { exact: true }).waitFor();
    await shot(page, 'member-account');
    assert.deepEqual(await rows(LEDGER, [sub]), [{ delta: 50, reason: 'quick_scan_purchase' }]);
  }),
);

test(
  'a choice from before the sign-in is bought once',
  visited(async (person) => {
    const page = await person.context.newPage();
    await page.goto(`${BACKEND}/account#plan_session=${await chosen('price_POWER_PACK', 'credits')}`);
    await signedIn(page);
    await page.getByText('250 credits for').first().waitFor();
    await page.getByRole('button', { name: 'Continue to checkout' }).click();
    await returned(page, 250);
    await page.getByRole('link', { name: 'Open your account' }).click();
    await page.locator('#history').getByText('+250', { exact: true }).waitFor();
    // It is still kept in this browser: the backend says that it was used, and the page forgets it.
    await page.getByRole('button', { name: 'Continue to checkout' }).click();
    await page.getByRole('alert').getByText('already opened with this plan session').waitFor();
    assert.equal(await page.locator('#chosen').isVisible(), false);
  }),
);

test(
  'a member who turns back has paid nothing and is told so',
  visited(async (person) => {
    const page = await person.context.newPage();
    await signedIn(page);
    await page.getByRole('button', { name: /^Buy 50 credits/ }).click();
    await page.waitForURL(/\/pay\/stripe\//);
    await page
      .getByRole('link', { name: /back|cancel/i })
      .first()
      .click();
    await page.waitForURL(`${BACKEND}/account?canceled=true`);
    await page.getByRole('heading', { name: 'You came back before paying' }).waitFor();
    await page.getByRole('button', { name: /^Buy 50 credits/ }).waitFor();
  }),
);
