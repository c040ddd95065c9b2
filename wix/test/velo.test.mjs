// How the HTML components reach the site or the backend, apart from a browser.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { Velo } from '../html/source/velo.js';
import { isFunction } from 'backend/lib/functions';
import { kept } from 'wix-secrets-backend.v2';

/** Each `callVeloFunction('module', 'name'` of the sources. */
async function callsOf(name) {
  const folder = new URL('../html/source/', import.meta.url);
  const read = (file) => readFile(new URL(file, folder), 'utf8');
  const shared = ['outcome.js', 'payments.js', ...(name === 'charter' ? ['main-button.js'] : [])];
  const text = (await Promise.all([`${name}.js`, ...shared].map(read))).join('\n');
  return [...text.matchAll(/callVeloFunction\('([\w.-]+)', '(\w+)'/g)].map(([, module, called]) => [module, called]);
}

describe('a call by HTTP', () => {
  const view = { location: { search: '?prefill=x', origin: 'https://www.example.com' } };
  view.parent = view;

  for (const [site, preview, address] of [
    ['https://www.example.com', false, 'https://www.example.com/_functions/stripe_api/getPaymentStatus'],
    ['https://www.example.com/', true, 'https://www.example.com/_functions-dev/stripe_api/getPaymentStatus'],
    ['https://someone.wixsite.com/charity', false, 'https://someone.wixsite.com/charity/_functions/stripe_api/getPaymentStatus'],
  ]) {
    test(`goes to ${address}`, async (context) => {
      const velo = new Velo({ site, backend: '' }, view);
      velo.hello.preview = preview;
      const asked = context.mock.method(globalThis, 'fetch', async () => Response.json({ success: true, data: 1 }));
      assert.deepEqual(await velo.callVeloFunction('stripe.api', 'getPaymentStatus', 'p-1'), { success: true, data: 1 });
      const [[url, { body }]] = asked.mock.calls.map((call) => call.arguments);
      assert.deepEqual([url, JSON.parse(body)], [address, { args: ['p-1'] }]);
      assert.deepEqual(velo.hello.query, { prefill: 'x' });
      const functions = address.replace('/stripe_api/getPaymentStatus', '');
      assert.equal(velo.addressOf('hingecraftRoutesUpdate'), `${functions}/hingecraftRoutesUpdate`, 'and so does its flag');
    });
  }

  test('that is answered with anything else is told as one sentence', async (context) => {
    const velo = new Velo({ site: 'https://www.example.com', backend: '' }, view);
    const answers = [
      () => new Response('<html>', { status: 403 }),
      () => new Response('', { status: 404 }),
      () => new Response('', { status: 500 }),
      () => Response.json('yes'),
      () => Response.json(null),
      () => Promise.reject(new TypeError('Failed to fetch')),
    ];
    for (const answer of answers) {
      context.mock.method(globalThis, 'fetch', async () => answer());
      const { success, error } = await velo.callVeloFunction('stripe.api', 'getPaymentStatus', 'p-1');
      assert.equal(success, false);
      assert.match(error, /[.]$/);
    }
    const nowhere = new Velo({ site: '', backend: '' }, view);
    assert.equal((await nowhere.callVeloFunction('stripe.api', 'getPaymentStatus')).code, 'no_site');
  });
});

describe('a page that the backend serves', () => {
  const origin = 'https://pay.example.com';
  const places = { site: 'https://www.example.com', backend: origin };

  /** A window with that page in it; `around` is the address of a page that frames it. */
  function viewOf(search, around = '') {
    const gone = [];
    const location = { search, origin, href: `${origin}/embed/charter${search}`, assign: (url) => gone.push(url) };
    const view = { location, gone, document: { referrer: around }, addEventListener: () => undefined };
    view.parent = around ? { postMessage: () => undefined } : view;
    return view;
  }

  test('calls the backend by the same functions, and never the site', async (context) => {
    kept.set('HC_BACKEND_URL', origin);
    kept.set('HC_VISITOR_SECRET', 'a-visitor-secret');
    const url = 'https://checkout.stripe.com/c/pay/cs_test_1';
    const answer = async () => Response.json({ success: true, data: { url, paymentId: 'p-1', kind: 'checkout' } });
    const asked = context.mock.method(globalThis, 'fetch', answer);
    const velo = new Velo(places, viewOf(''));
    const options = { key: 'one-for-each-click', currency: 'EUR' };
    const { data } = await velo.callVeloFunction('charter-page-middleware', 'fiatButtonClick', '25', 'card', options);
    assert.equal(data.url, url);
    const [[address, { headers, body }]] = asked.mock.calls.map((call) => call.arguments);
    assert.equal(address, `${origin}/charter/generate-payment`);
    assert.equal(headers['Idempotency-Key'], options.key);
    assert.match(headers['X-Request-Id'], /^[0-9a-f-]{36}$/);
    assert.deepEqual(JSON.parse(body), { amount: '25', currency: 'EUR', returnTo: 'embed' });
    assert.equal((await velo.callVeloFunction('stripe.api', 'nothing')).code, 'unknown_function');
    assert.equal(velo.addressOf('hingecraftRoutesUpdate'), '', 'it has no flag to look at');
    assert.equal(asked.mock.callCount(), 1);
  });

  test('goes to the pages of the backend where the site has its own', () => {
    const view = viewOf('');
    assert.equal(new Velo(places, view).go('/charter?prefill=x'), true);
    assert.equal(new Velo(places, view).go('https://checkout.stripe.com/c'), true);
    assert.deepEqual(view.gone, [`${origin}/embed/charter?prefill=x`, 'https://checkout.stripe.com/c']);
  });

  test('in a frame does not wait for one of our pages when it knows that there is none', async () => {
    const view = viewOf('?direct&prefill=x', 'https://elsewhere.example/give');
    const velo = new Velo(places, view);
    await velo.met;
    assert.equal(velo.hello.query.prefill, 'x');
    assert.equal(velo.go('https://checkout.stripe.com/c'), false, 'a payment page does not open in a frame');
    assert.equal(velo.go('/charter?prefill=y'), true);
    assert.deepEqual(view.gone, [`${origin}/embed/charter?prefill=y&direct=`]);
  });
});

describe('what a component calls', () => {
  for (const name of ['charter', 'mission-support']) {
    test(`is there for ${name}: in the page's code, and for calls by HTTP and without a site`, async () => {
      const page = await readFile(new URL(`../site/src/pages/${name}.js`, import.meta.url), 'utf8');
      const calls = [...(await callsOf(name)), ...(name === 'charter' ? [['charter-page-middleware', 'cryptoButtonClick']] : [])];
      assert.ok(calls.length >= 3, String(calls));
      for (const [given, called] of calls) {
        const module = given.replace(/[-.]/g, '_');
        // Mission Support has no wallets, and what it learns from Charter's onReady comes by HTTP.
        const isForCharter = ['getInvoiceStatus', 'onReady'].includes(called) && name === 'mission-support';
        if (!isForCharter) assert.match(page, new RegExp(`${module}: {[^}]*\\b${called}\\b`, 's'));
        assert.ok(isFunction(module, called), `${module}/${called}`);
      }
    });
  }
});
