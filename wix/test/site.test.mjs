// The site's backend code, unmodified, against a backend that does whatever a test wants.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';

import * as charter from 'backend/charter-page-middleware.web';
import * as http from 'backend/http-functions';
import { LIMITS } from 'backend/lib/backend';
import { forgetSecrets } from 'backend/lib/secrets';
import * as mission from 'backend/mission-support-middleware.web';
import * as nowpayments from 'backend/nowpayments.api.jsw';
import * as payments from 'backend/payments.web';
import * as stripe from 'backend/stripe.api.jsw';
import { requestOf } from 'wix-http-functions';
import { kept, way } from 'wix-secrets-backend.v2';
import { permissionOf } from 'wix-web-module';

const MODULES = { charter, mission, payments, stripe, nowpayments };
const NAMES = {
  charter: 'charter_page_middleware',
  mission: 'mission_support_middleware',
  stripe: 'stripe_api',
  nowpayments: 'nowpayments_api',
};
const VISITOR = 'abcdefghijklmnopqrstuv';
const CHECKOUT = { url: 'https://checkout.stripe.com/c/pay/cs_test_1', paymentId: 'p-1', kind: 'checkout' };
const HOSTILE = [
  undefined,
  null,
  '',
  ' ',
  0,
  -1,
  NaN,
  Infinity,
  true,
  [],
  {},
  'x'.repeat(10_000),
  '<script>',
  "'; DROP TABLE",
  '../../admin',
  { toString: () => 'trap' },
  Object.create(null),
  [[[]]],
  { __proto__: { polluted: true } },
  1e308,
  '1e5',
  '٣',
  '5,00',
];

let server;
let asked;
let answer;

before(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body: body && JSON.parse(body) });
    await answer(request, response);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
});

after(() => server.closeAllConnections() ?? server.close());

beforeEach(() => {
  asked = [];
  answer = says(CHECKOUT);
  Object.assign(LIMITS, { creating: 400, other: 300 });
  way.object = true;
  kept.clear();
  kept.set('HC_BACKEND_URL', `http://127.0.0.1:${server.address().port}/`);
  kept.set('HC_VISITOR_SECRET', 'a-visitor-secret');
  kept.set('HC_WEBHOOK_SECRET', 'whsec_YS13ZWJob29rLXNlY3JldA==');
  forgetSecrets();
});

function says(data, status = 200) {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(status < 400 ? { success: true, data } : { success: false, ...data }));
  };
}

function raw(status, headers, body) {
  return (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

function wellFormed(found) {
  assert.equal(typeof found.success, 'boolean');
  if (!found.success) assert.match(found.error, /^[^<>]{5,300}[.]$/);
  return found;
}

const byHttp = (name, called, ...args) => http[`post_${name}`](requestOf([called], { body: JSON.stringify({ args }) }));

describe('every export', () => {
  for (const [module, exports] of Object.entries(MODULES)) {
    for (const [name, called] of Object.entries(exports)) {
      test(`${module}.${name} answers whatever it is given, both ways`, async () => {
        for (const first of HOSTILE) {
          for (const second of [undefined, null, {}, 'USD', HOSTILE[11]]) {
            wellFormed(await called(first, second, first));
          }
        }
        assert.equal({}.polluted, undefined);
        for (const httpModule of NAMES[module] ? [NAMES[module]] : ['stripe_api', 'nowpayments_api']) {
          const response = await byHttp(httpModule, name, null, undefined, {});
          wellFormed(JSON.parse(response.body));
        }
      });
    }
  }

  test('web methods are for anyone, and nothing is a web method by accident', () => {
    for (const called of [charter, mission, payments].flatMap(Object.values)) {
      assert.equal(permissionOf.get(called), 'Anyone');
    }
  });
});

describe('a backend that misbehaves', () => {
  const ways = {
    slow: async () => new Promise(() => undefined),
    html: raw(200, { 'Content-Type': 'text/html' }, '<html>Welcome'),
    empty: raw(200, {}, ''),
    'half a body': raw(200, { 'Content-Type': 'application/json' }, '{"success": tr'),
    'an error without words': raw(500, {}, 'Traceback (most recent call last)'),
    'a redirect': raw(302, { Location: 'https://elsewhere.example/' }, ''),
    'a reset': (request) => request.socket.destroy(),
    'success that is none': raw(200, { 'Content-Type': 'application/json' }, '{"success": "yes"}'),
  };
  for (const [what, how] of Object.entries(ways)) {
    test(`${what} is told as one sentence`, async () => {
      answer = how;
      const found = wellFormed(await mission.microPayment(5));
      assert.equal(found.success, false);
      assert.match(found.error, /cannot be reached right now/);
    });
  }

  test('its own sentence is passed on, with its code', async () => {
    answer = says({ error: 'The link has expired.', code: 'prefill_gone' }, 410);
    assert.deepEqual(await mission.getPrefill('prefill_1'), {
      success: false,
      error: 'The link has expired.',
      code: 'prefill_gone',
      requestId: asked[0].headers['x-request-id'],
    });
  });

  test('a failure is found by one id in the log of the site, of the backend, and in the answer', async (context) => {
    const logged = context.mock.method(console, 'error', () => undefined);
    answer = ways.slow;
    const { requestId } = await mission.microPayment(5);
    assert.match(requestId, /^[0-9a-f-]{36}$/);
    assert.equal(asked[0].headers['x-request-id'], requestId);
    assert.match(logged.mock.calls[0].arguments[0], new RegExp(`^timed_out: .* ${requestId}$`));
  });

  for (const url of [
    'javascript:alert(1)',
    'http://checkout.stripe.com/c/pay',
    'https://evil.example/checkout.stripe.com',
    '//x',
    '',
    null,
    7,
    'https://checkout.stripe.com.evil.example/',
    'https://user:secret@checkout.stripe.com/',
    'https://evilnowpayments.io/',
    'data:text/html,x',
  ]) {
    test(`nobody is sent to ${url}`, async () => {
      answer = says({ ...CHECKOUT, url });
      const found = wellFormed(await charter.fiatButtonClick(5, 'card', {}));
      assert.deepEqual([found.success, found.code], [false, 'unsafe_url']);
    });
  }

  test('providers and wallets are gone to', async () => {
    for (const url of ['https://buy.stripe.com/x', 'https://nowpayments.io/payment?iid=1', 'wallet:bc1qexample']) {
      answer = says({ ...CHECKOUT, url });
      assert.equal((await charter.cryptoButtonClick(5, 'BTC')).data.url, url);
    }
  });
});

describe('what the backend is told', () => {
  test('the visitor, the key and the amount of a click', async () => {
    const key = 'one-for-each-click';
    await mission.microPayment(2, { visitor: VISITOR, key });
    const [{ headers, body, url }] = asked;
    assert.deepEqual([url, body], ['/mission-support/micro-payment', { amount: 2 }]);
    assert.equal(headers['idempotency-key'], key);
    const [version, id, moment, digest] = headers['x-hc-visitor'].split(';');
    const right = createHmac('sha256', 'a-visitor-secret').update(`${version};${id};${moment}`).digest('hex');
    assert.deepEqual([version, id, digest], ['v1', `vid:${VISITOR}`, right]);
  });

  test('by HTTP, the address that Wix tells, whatever the page says of itself', async () => {
    await byHttp('mission_support_middleware', 'microPayment', 2, { visitor: VISITOR, ip: '198.51.100.1' });
    assert.match(asked[0].headers['x-hc-visitor'], /^v1;ip:203[.]0[.]113[.]7;/);
  });

  for (const [name, path, body] of [
    ['createCheckoutSession', 'stripe_api', { amount: '5', currency: 'EUR' }],
    ['createNowPaymentsInvoice', 'nowpayments_api', { amount: '30', currency: 'BTC' }],
  ]) {
    test(`the same by ${name} with positions and with one object, as the original took it`, async () => {
      const { amount, currency } = body;
      const more = { email: 'visitor@example.com', visitor: VISITOR, key: 'one-for-each-click' };
      const called = { ...stripe, ...nowpayments }[name];
      for (const work of [called, payments[name], (...args) => byHttp(path, name, ...args)]) {
        for (const args of [[amount, currency, more], [{ amount, currency, ...more }], [{ amount, currency, ...more }, null]]) {
          asked = [];
          await work(...args);
          const [{ url, body: sent, headers }] = asked;
          assert.deepEqual([url, sent], ['/charter/generate-payment', { ...body, email: more.email }]);
          assert.equal(headers['idempotency-key'], more.key);
          assert.match(headers['x-hc-visitor'], /^v1;(vid:abc|ip:203)/);
        }
      }
      await called({ amount, coin: 'ETH' });
      assert.equal(asked[asked.length - 1].body.currency, name === 'createCheckoutSession' ? 'USD' : 'ETH');
    });
  }

  test('nowhere else to come back to than the site, whatever a caller says', async () => {
    await charter.fiatButtonClick(5, 'card', { returnTo: 'embed' });
    await payments.createCheckoutSession({ amount: 5, currency: 'USD', returnTo: 'embed' });
    assert.deepEqual(
      asked.map(({ body }) => body.returnTo),
      [undefined, undefined],
    );
  });

  test('nothing of what it would refuse', async () => {
    for (const amount of [3, '5.5', 0, 'x']) assert.equal((await mission.microPayment(amount)).success, false);
    assert.deepEqual(asked, []);
  });
});

describe('secrets', () => {
  test('are read as texts and as objects', async () => {
    for (const object of [true, false]) {
      way.object = object;
      forgetSecrets();
      assert.equal((await mission.microPayment(1)).success, true);
    }
  });

  for (const name of ['HC_BACKEND_URL', 'HC_VISITOR_SECRET']) {
    test(`${name} that is missing is told to the owner, and to nobody else`, async () => {
      kept.delete(name);
      forgetSecrets();
      const found = wellFormed(await mission.microPayment(1, { visitor: VISITOR }));
      assert.deepEqual([found.success, found.code], [false, `missing_secret_${name}`]);
      assert.doesNotMatch(found.error, /HC_/);
    });
  }
});

describe('HTTP functions', () => {
  test('know only what is on their list', async () => {
    for (const called of ['toString', '__proto__', 'constructor', 'nothing', undefined, '']) {
      assert.equal((await byHttp('stripe_api', called)).status, 404);
    }
  });

  test('take only a list of arguments', async () => {
    for (const body of [
      '{',
      '[]',
      '{"args": {}}',
      'null',
      `{"args": ["${'x'.repeat(70_000)}"]}`,
      '{"args": [1,2,3,4,5,6,7,8,9]}',
    ]) {
      assert.equal((await http.post_stripe_api(requestOf(['getPaymentStatus'], { body }))).status, 400);
    }
  });

  test('let frames of other hosts call them', () => {
    for (const name of Object.values(NAMES)) {
      const found = http[`options_${name}`](requestOf([]));
      assert.equal(found.headers['Access-Control-Allow-Origin'], '*');
      assert.match(found.headers['Access-Control-Allow-Headers'], /Content-Type/);
    }
  });
});
