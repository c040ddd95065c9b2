// The same code against a real backend, Postgres and the providers' sandbox; tests/velo starts them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';

import * as charter from 'backend/charter-page-middleware.web';
import * as http from 'backend/http-functions';
import * as mission from 'backend/mission-support-middleware.web';
import * as nowpayments from 'backend/nowpayments.api.jsw';
import * as stripe from 'backend/stripe.api.jsw';
import { requestOf } from 'wix-http-functions';
import { kept } from 'wix-secrets-backend.v2';

import { until } from './waiting.mjs';

const { HC_BACKEND_URL, HC_SANDBOX_URL, HC_VISITOR_SECRET } = process.env;
const options = () => ({ visitor: 'abcdefghijklmnopqrstuv', key: randomUUID() });

before(() => {
  kept.set('HC_BACKEND_URL', HC_BACKEND_URL);
  kept.set('HC_VISITOR_SECRET', HC_VISITOR_SECRET);
});

function dataOf(found) {
  assert.equal(found.success, true, JSON.stringify(found));
  return found.data;
}

async function payByCard(sessionId) {
  const url = `${HC_SANDBOX_URL}/pay/stripe/c/${sessionId}/pay`;
  const paid = await fetch(url, { method: 'POST', redirect: 'manual' });
  assert.ok(paid.status < 400, `${paid.status}`);
}

const becomes = (paymentId, status) =>
  until(
    async () => dataOf(await stripe.getPaymentStatus(paymentId)).status,
    (found) => found === status,
    `the payment becomes ${status}`,
  );

test('two dollars, from the button to the money', async () => {
  const given = dataOf(await mission.microPayment(2, options()));
  await payByCard(given.sessionId);
  await becomes(given.paymentId, 'completed');
  await becomes(given.sessionId, 'completed');
  assert.ok(dataOf(await charter.getCumulativeTotal()).total >= 2);
});

test('another amount goes to Charter once, and from there to the provider', async () => {
  const chosen = dataOf(await mission.otherAmount('37.50', { name: 'A Visitor' }, options()));
  const prefillId = new URL(chosen.redirectUrl, 'https://www.example.com').searchParams.get('prefill');
  const pageLoad = randomUUID();
  for (let tries = 2; tries > 0; tries -= 1) {
    const ready = dataOf(await charter.onReady({ prefillId, pageLoad }));
    assert.equal(ready.prefill.amount, 37.5);
    assert.equal(ready.routes.EUR.currency, 'EUR');
  }
  const again = dataOf(await charter.onReady({ prefillId, pageLoad: randomUUID() }));
  assert.equal(again.prefill, undefined);
  assert.ok(again.prefillError.error);
  const given = dataOf(await charter.fiatButtonClick('37.50', 'card', { ...options(), currency: 'EUR', prefillId }));
  assert.equal(new URL(given.url).origin, new URL(HC_SANDBOX_URL).origin);
});

test('a double click opens one checkout', async () => {
  const same = options();
  const both = await Promise.all([mission.microPayment(5, same), mission.microPayment(5, same)]);
  assert.equal(dataOf(both[0]).paymentId, dataOf(both[1]).paymentId);
});

test('coins have an invoice of their own', async () => {
  const given = dataOf(await nowpayments.createNowPaymentsInvoice(30, 'BTC', options()));
  assert.equal(given.provider, 'nowpayments');
  assert.equal(dataOf(await nowpayments.getInvoiceStatus(given.paymentId)).status, 'pending');
});

test('HTTP functions do the same, for the address that Wix tells', async () => {
  const body = JSON.stringify({ args: [1] });
  const response = await http.post_mission_support_middleware(requestOf(['microPayment'], { body, ip: '203.0.113.9' }));
  assert.equal(response.status, 200);
  assert.ok(dataOf(JSON.parse(response.body)).sessionId);
});

test('what the backend refuses is said in its own words', async () => {
  const refused = await charter.fiatButtonClick('0.000001', 'card', { currency: 'USD' });
  assert.equal(refused.success, false);
  assert.match(refused.error, /[.]$/);
  assert.equal((await stripe.getPaymentStatus('nothing')).success, false);
  assert.match(dataOf(await stripe.getPublishableKey()), /^pk_test_/);
});
