// Wix's own packages accept what the stand-in for Wix answers and sends (HC_SANDBOX is its address).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test, { after, before } from 'node:test';
import { appInstances, billing } from '@wix/app-management';
import { AppStrategy, createClient } from '@wix/sdk';

import { until } from './waiting.mjs';

const SANDBOX = process.env.HC_SANDBOX;
const WIX = 'https://www.wixapis.com';
const received = [];
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  received.push(Buffer.concat(parts).toString());
  response.end();
});

const ask = async (method, path, body) => {
  const answer = await fetch(`${SANDBOX}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
};
const act = (site, name, fields) => ask('POST', `wix/sites/${site.id}/${name}`, fields ?? {});

let app;
before(async () => {
  const plainFetch = globalThis.fetch;
  globalThis.fetch = (url, how) => plainFetch(String(url).replace(WIX, `${SANDBOX}/wix`), how);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  app = await ask('GET', 'wix/app');
  await ask('PUT', 'wix', { backend: `http://127.0.0.1:${server.address().port}` });
});
after(() => server.close());

const clientOf = (site, more = {}) =>
  createClient({
    auth: AppStrategy({ appId: app.appId, appSecret: app.appSecret, publicKey: app.publicKey, instanceId: site.id, ...more }),
    modules: { appInstances, billing },
  });

/** Does everything that a site's owner can do, and returns the bodies of all events. */
async function everyEvent() {
  const site = await ask('POST', 'wix/sites', { name: 'Lakeside' });
  const other = await ask('POST', 'wix/sites', { name: 'Hillside' });
  await act(site, 'buy', { product: 'starter', trial: 'on' });
  await act(site, 'convert');
  await act(site, 'buy', { product: 'pro', cycle: 'YEARLY', coupon: 'SPRING' });
  await act(site, 'refund');
  await act(site, 'cancel');
  await act(site, 'reactivate');
  await act(site, 'transfer', { to: other.id });
  await act(site, 'remove');
  await until(() => received.length >= 13);
  return site;
}

test('every event is one that the packages know, with its data and who did it', async () => {
  const site = await everyEvent();
  const client = clientOf(site);
  const seen = {};
  const names = Object.keys(appInstances).filter((name) => name.startsWith('on'));
  for (const name of names) client.appInstances[name]((event) => void (seen[name] ??= []).push(event));
  client.billing.onPurchasedItemInvoiceStatusUpdated((event) => void (seen.invoice ??= []).push(event));
  for (const body of received) await client.webhooks.process(body);

  assert.deepEqual(Object.keys(seen).sort(), ['invoice', ...names].sort());
  const [bought] = seen.onAppInstancePaidPlanPurchased;
  assert.equal(bought.data.vendorProductId, 'starter');
  assert.ok(bought.data.operationTimeStamp instanceof Date);
  assert.equal(bought.metadata.instanceId, site.id);
  assert.equal(bought.metadata.identity.identityType, 'WIX_USER');
  const [changed] = seen.onAppInstancePaidPlanChanged;
  assert.deepEqual([changed.data.previousVendorProductId, changed.data.couponName], ['starter', 'SPRING']);
  assert.ok(changed.data.operationTimeStamp > bought.data.operationTimeStamp);
  assert.ok(seen.invoice.every(({ data }) => Object.hasOwn(billing.InvoiceStatus, data.status)));
});

test('tokens of events name issuer and audience, and another key does not verify them', async () => {
  const { decoded } = await AppStrategy({ appId: app.appId, publicKey: app.publicKey }).decodeJWT(received[0], true);
  assert.equal(typeof decoded.data, 'string');
  await assert.rejects(AppStrategy({ appId: 'other', publicKey: app.publicKey }).decodeJWT(received[0], true));
});

test('the client logs in, reads the app instance and the history, and gets a checkout', async () => {
  const site = await ask('POST', 'wix/sites', { name: 'Seaside' });
  await act(site, 'buy', { product: 'pro', cycle: 'YEARLY' });
  const client = clientOf(site);
  const { instance, site: about } = await client.appInstances.getAppInstance();
  assert.deepEqual([instance.instanceId, instance.isFree], [site.id, false]);
  assert.deepEqual([instance.billing.packageName, instance.billing.billingCycle], ['pro', 'YEARLY']);
  assert.equal(about.siteDisplayName, 'Seaside');
  const { purchases } = await client.billing.getPurchaseHistory();
  assert.deepEqual([purchases[0].productId, purchases[0].price], ['pro', '290.00']);
  assert.ok(purchases[0].dateCreated instanceof Date);
  const { checkoutUrl } = await client.billing.getUrl('agency', { billingCycle: 'YEARLY' });
  assert.ok((await fetch(checkoutUrl)).ok);
  await assert.rejects(clientOf(site, { appSecret: 'wrong' }).auth.getAuthHeaders(), /401/);
});

test('Token Info tells an owner from a visitor', async () => {
  const site = await ask('POST', 'wix/sites', { name: 'Roadside' });
  for (const [who, subject] of [
    ['owner', 'USER'],
    ['visitor', 'VISITOR'],
    ['member', 'MEMBER'],
  ]) {
    const { accessToken } = await ask('GET', `wix/sites/${site.id}/tokens?as=${who}`);
    const info = await AppStrategy({ appId: app.appId, accessToken }).getTokenInfo();
    assert.deepEqual([info.active, info.subjectType, info.clientId, info.instanceId], [true, subject, app.appId, site.id]);
  }
});
