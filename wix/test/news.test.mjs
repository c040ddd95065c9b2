// What the backend tells the site: believed only with its signature, kept in the site's collection, told to open pages.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';

import * as charter from 'backend/charter-page-middleware.web';
import * as http from 'backend/http-functions';
import { forgetSecrets } from 'backend/lib/secrets';
import { isOurs } from 'backend/lib/signature';
import wixData, { collections, make, trouble } from 'wix-data';
import { requestOf } from 'wix-http-functions';
import { published } from 'wix-realtime-backend';
import { kept } from 'wix-secrets-backend.v2';

const KEY = randomBytes(24).toString('base64');

beforeEach(() => {
  collections.clear();
  make('HingeCraftFlags');
  trouble.said = '';
  published.length = 0;
  kept.set('HC_WEBHOOK_SECRET', `whsec_${KEY}`);
  forgetSecrets();
});

function signed(body, { id = 'msg_1', moment = Math.floor(Date.now() / 1000), key = KEY } = {}) {
  const digest = createHmac('sha256', Buffer.from(key, 'base64')).update(`${id}.${moment}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(moment), 'webhook-signature': `v1,${digest}` };
}

describe('news of routes', () => {
  const event = (version) => JSON.stringify({ type: 'routes.updated', timestamp: 'now', data: { version } });
  const send = (body, headers) => http.post_hingecraftRoutesUpdate(requestOf([], { body, headers }));
  const told = async () => JSON.parse((await http.get_hingecraftRoutesUpdate()).body).data.version;
  /** What is told once every copy of the collection knows it: the first read after a save may be stale. */
  const flag = async () => (await told(), told());

  test('raise the flag and reach open pages, the newest winning in any order', async () => {
    assert.equal(await flag(), 0);
    for (const [version, news] of [
      [4, true],
      [7, true],
      [5, false],
      [7, false],
    ]) {
      const body = event(version);
      const found = await send(body, signed(body));
      assert.deepEqual([found.status, JSON.parse(found.body).data], [200, { version, news }]);
    }
    assert.equal(await flag(), 7);
    assert.deepEqual(
      published.map(({ payload }) => payload.version),
      [4, 7],
    );
    assert.deepEqual([...collections.get('HingeCraftFlags').values()], [{ _id: 'routes-7', version: 7 }]);
  });

  test('are never lost to an older version that is saved at the same moment', async (context) => {
    const { save } = wixData;
    let goOn;
    context.mock.method(wixData, 'save', async (collection, item, options) => {
      if (item.version === 5) await new Promise((resolve) => (goOn = resolve));
      return save(collection, item, options);
    });
    const older = send(event(5), signed(event(5)));
    while (!goOn) await new Promise((later) => setImmediate(later));
    await send(event(7), signed(event(7)));
    goOn();
    assert.equal((await older).status, 200);
    assert.equal(await flag(), 7);
    await send(event(8), signed(event(8)));
    assert.deepEqual([...collections.get('HingeCraftFlags').values()], [{ _id: 'routes-8', version: 8 }]);
  });

  test('go on from what an earlier release of this code has kept', async () => {
    collections.get('HingeCraftFlags').set('routes', { _id: 'routes', version: 4 });
    assert.equal(await told(), 4);
    for (const version of [3, 6]) await send(event(version), signed(event(version)));
    assert.deepEqual([...collections.get('HingeCraftFlags').values()], [{ _id: 'routes-6', version: 6 }]);
  });

  test('are never lost to an older version, though a read may be some seconds old', async () => {
    for (const version of [4, 9]) await send(event(version), signed(event(version)));
    assert.equal(await told(), 4, 'the nearest copy does not know of 9 yet');
    for (const version of [4, 9]) await send(event(version), signed(event(version)));
    await send(event(10), signed(event(10)));
    const late = await send(event(9), signed(event(9)));
    assert.equal(JSON.parse(late.body).data.news, false);
    assert.deepEqual([...collections.get('HingeCraftFlags').values()], [{ _id: 'routes-10', version: 10 }]);
    assert.deepEqual(
      published.map(({ payload }) => payload.version),
      [4, 9, 10],
      'each version is saved and published once',
    );
  });

  test('are saved once, not again because a stale read does not show them', async (context) => {
    const save = context.mock.method(wixData, 'save');
    await send(event(5), signed(event(5)));
    assert.equal(save.mock.callCount(), 1);
  });

  test('are sent again where the flag cannot be read, so that an older version never wins', async () => {
    const [newer, older] = [event(8), event(6)];
    await send(newer, signed(newer));
    trouble.said = 'WDE0028: Operation time limit exceeded.';
    assert.equal((await send(older, signed(older))).status, 500);
    assert.equal((await http.get_hingecraftRoutesUpdate()).status, 500);
    trouble.said = '';
    assert.equal(await flag(), 8);
  });

  test('are not taken by a site that has no collection for them', async () => {
    collections.clear();
    const body = event(3);
    assert.equal((await send(body, signed(body))).status, 500);
    assert.equal((await http.get_hingecraftRoutesUpdate()).status, 500);
  });

  test('are refused without the right signature, late, early, or changed', async () => {
    const body = event(9);
    const now = Math.floor(Date.now() / 1000);
    for (const headers of [
      {},
      signed(body, { key: randomBytes(24).toString('base64') }),
      signed(body, { moment: now - 301 }),
      signed(body, { moment: now + 301 }),
      { ...signed(body), 'webhook-id': 'msg_2' },
      signed(event(8)),
      { ...signed(body), 'webhook-timestamp': 'soon' },
      { ...signed(body), 'webhook-signature': 'v1,' },
    ]) {
      assert.equal((await send(body, headers)).status, 403);
    }
    assert.equal(await flag(), 0);
  });

  test('are taken by either secret while it is rotated', async () => {
    const body = event(3);
    const other = randomBytes(24).toString('base64');
    assert.equal(isOurs(`whsec_${other},whsec_${KEY}`, signed(body), body), true);
    assert.equal(isOurs(`whsec_${other}`, signed(body), body), false);
  });

  test('that name no version change nothing', async () => {
    for (const body of [event('7'), event(-1), event(1.5), '{"type": "routes.updated"}', '[]', 'no JSON']) {
      assert.equal((await send(body, signed(body))).status, 400);
    }
  });

  test('of payments are believed only with the signature, from any caller', async () => {
    const body = JSON.stringify({ type: 'payment.completed', data: {} });
    const post = (headers, sent = body) =>
      http.post_charter_page_middleware(requestOf(['afterPaymentWebhook'], { body: sent, headers }));
    assert.equal((await post(signed(body))).status, 200);
    assert.equal((await post({})).status, 403);
    for (const given of [[body, signed(body)], [{ body, headers: signed(body) }]]) {
      assert.equal((await charter.afterPaymentWebhook(...given)).data.received, 'payment.completed');
    }
    for (const given of [[body, {}], [{ body, headers: {} }], [JSON.parse(body)], [{ body: JSON.parse(body), headers: {} }]]) {
      assert.equal((await charter.afterPaymentWebhook(...given)).code, 'invalid_signature');
    }
    assert.equal((await post({}, JSON.stringify({ args: [body, signed(body)] }))).status, 403);
  });
});
