// What the HTML components reckon with, apart from a browser.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { amountToEdit, problemOf, readAmount, writeAmount } from '../html/source/amounts.js';
import { Keys, UNKNOWN_OUTCOMES } from '../html/source/memory.js';
import { offerOf, presetsOf } from '../html/source/offers.js';
import { follow, KNOWN_LATER_MS, NEVER_KNOWN, outcomeOf } from '../html/source/payments.js';
import * as en from '../html/source/texts/en.js';
import { isLocalPath, mayBeGoneTo } from '../site/src/public/hingecraft-addresses.js';

describe('an amount that somebody types', () => {
  const read = {
    'en-US': {
      37.5: '37.5',
      '37.50': '37.5',
      '37,50': '37.5',
      '1,234': '1234',
      '1,234.5': '1234.5',
      '1.234,5': '1234.5',
      ' 5 ': '5',
      '007': '7',
      '.5': null,
      '5.': null,
      '1,23,4': null,
      '1.2.3': null,
      '1,234,567': '1234567',
      '-5': null,
      '1e3': null,
      0: null,
      '0.00': null,
      '': null,
      abc: null,
      ['9'.repeat(13)]: null,
      '<b>5': null,
      12.345: '12.345',
      $25: '25',
      '25$': '25',
      '2$5': null,
    },
    'de-DE': { '37,50': '37.5', 1.234: '1234', '1.234,5': '1234.5', '1,234': '1.234', 12.5: '12.5' },
    'fr-FR': { '1 234,5': '1234.5', '1\u202f234,5': '1234.5' },
    'de-CH': { "1'234.50": '1234.5', '1’234.50': '1234.5' },
    'ar-EG': { '٣٧٫٥': '37.5', '١٬٢٣٤': '1234', '۵': '5' },
    'hi-IN': { '३७.५': '37.5' },
    'en-IN': { '1,00,000': '100000', '12,34,567.5': '1234567.5', '₹500': '500' },
  };
  for (const [locale, cases] of Object.entries(read)) {
    test(`is read in ${locale}`, () => {
      for (const [typed, amount] of Object.entries(cases)) assert.equal(readAmount(typed, locale), amount, typed);
    });
  }

  test('is written back so that it is read the same', () => {
    for (const locale of Object.keys(read)) {
      for (const amount of ['37.5', '1234', '0.01', '99999.99', '5']) {
        assert.equal(readAmount(amountToEdit(amount, locale), locale), amount, locale);
      }
    }
  });

  test('stands with its currency as the locale writes it', () => {
    assert.equal(writeAmount('37.5', 'USD', 'en-US'), '$37.50');
    assert.equal(writeAmount('1000', 'JPY', 'en-US'), '¥1,000');
    assert.match(writeAmount('37.5', 'EUR', 'de-DE'), /^37,50\s€$/);
    assert.equal(writeAmount('5', 'no currency', 'en-US'), '5 no currency');
    assert.ok(writeAmount('25', 'USD', 'ar').includes('\u2068US$\u2069'), 'its sign stays whole from right to left');
  });
});

describe('an amount that cannot be given', () => {
  const bounds = { least: 1, most: 100000, digits: 2 };
  for (const [amount, currency, known, locale, said] of [
    [null, 'USD', bounds, 'en-US', 'Enter an amount, for example 37.50.'],
    ['12.345', 'USD', bounds, 'en-US', 'Use at most two decimals, such as 12.34.'],
    ['12.345', 'EUR', bounds, 'de-DE', 'Use at most two decimals, such as 12,34.'],
    ['1.5', 'ISK', { ...bounds, digits: 0 }, 'en-US', 'Use a whole number, such as 12.'],
    ['1.2345', 'KWD', { ...bounds, digits: 3 }, 'en-US', 'Use at most three decimals, such as 12.345.'],
    ['0.3', 'USD', bounds, 'en-US', 'Give at least $1 and at most $100,000.'],
    ['1.5', 'JPY', undefined, 'en-US', 'Use a whole number, such as 12.'],
    ['12.345', 'USD', { least: 1, most: 5 }, 'en-US', 'Use at most two decimals, such as 12.34.'],
  ]) {
    test(`${amount} ${currency} in ${locale}: ${said}`, () =>
      assert.equal(problemOf(amount, currency, known, locale, en.amounts), said));
  }

  test('is told from one that can', () => {
    for (const amount of ['1', '12.34', '100000']) assert.equal(problemOf(amount, 'USD', bounds, 'en-US'), '');
    assert.equal(problemOf('1000000', 'USD', undefined, 'en-US'), '', 'the backend knows its bounds');
  });
});

describe('the main button', () => {
  const safe = (url) => mayBeGoneTo(url);
  const route = (more) => ({ currency: 'USD', available: true, url: null, wallet: null, ...more });
  const link = 'https://buy.stripe.com/x';

  test('goes to a link for that very amount at once, and to no other', () => {
    assert.deepEqual(offerOf(route({ url: link, amount: 25 }), '25', safe), { way: 'link', url: link });
    assert.deepEqual(offerOf(route({ url: link, amount: 25 }), '25.5', safe), { way: 'ask', spare: null, wallet: null });
    assert.deepEqual(offerOf(route({ url: link, amount: 25 }), null, safe), { way: 'ask', spare: null, wallet: null });
  });

  test('asks where the donor would have to type the amount again, and keeps that link for bad days', () => {
    assert.deepEqual(offerOf(route({ url: link }), '25', safe), { way: 'ask', spare: link, wallet: null });
  });

  test('forgets a link that is over', () => {
    const over = route({ url: link, amount: 25, expiresAt: '2020-01-01T00:00:00Z' });
    assert.deepEqual(offerOf(over, '25', safe), { way: 'ask', spare: null, wallet: null });
  });

  test('asks for a payment page where the link in the data leads to none of our providers', () => {
    const wallet = { address: 'a', uri: 'bitcoin:a' };
    for (const url of ['http://buy.stripe.com/x', 'javascript:x', 'https://example.com/give']) {
      for (const more of [{}, { amount: 25 }])
        assert.deepEqual(offerOf(route({ url, wallet, ...more }), '25', safe), { way: 'ask', spare: null, wallet });
    }
  });

  test('says that it cannot', () => {
    for (const bad of [undefined, route({ available: false })]) {
      const offer = offerOf(bad, '25', safe);
      assert.equal(offer.way, 'none');
    }
  });

  test('has presets that suit what a currency is worth', () => {
    assert.deepEqual(presetsOf(1), [10, 25, 50, 100]);
    assert.deepEqual(presetsOf(100), [1000, 2500, 5000, 10000]);
    assert.deepEqual(presetsOf(5), [50, 125, 250, 500]);
    assert.deepEqual(presetsOf(0.5), [2, 5, 10, 20]);
  });
});

describe('where one may go', () => {
  test('to providers by https, to this machine only in development', () => {
    for (const good of [
      'https://checkout.stripe.com/c',
      'https://nowpayments.io/payment/?iid=1',
      'https://pay.nowpayments.io/x',
    ]) {
      assert.equal(mayBeGoneTo(good), true, good);
    }
    for (const bad of [
      'http://checkout.stripe.com',
      'https://stripe.com.evil.example',
      'https://a:b@buy.stripe.com',
      '',
      null,
      {},
      'blob:https://buy.stripe.com/x',
    ]) {
      assert.equal(mayBeGoneTo(bad, { development: true }), false, String(bad));
    }
    assert.equal(mayBeGoneTo('http://127.0.0.1:8092/pay'), false);
    assert.equal(mayBeGoneTo('http://127.0.0.1:8092/pay', { development: true }), true);
    assert.equal(mayBeGoneTo('ftp://127.0.0.1/', { development: true }), false);
  });

  test('and to pages of the site itself', () => {
    assert.equal(isLocalPath('/charter?prefill=x'), true);
    for (const bad of ['//evil.example', '/\\evil.example', '/a b', 'charter', 'https://evil.example', null])
      assert.equal(isLocalPath(bad), false);
  });
});

describe('a payment', () => {
  const answers = (...statuses) => {
    const left = [...statuses];
    return async () => ({ success: true, data: { status: left.shift() ?? 'pending' } });
  };

  /** Time that passes as fast as it is waited for; `seen` says whether the page is looked at. */
  async function followed(ask, { until = 400_000, seen = () => true, knownWithin = 0 } = {}) {
    let now = 0;
    const waits = [];
    const told = [];
    await new Promise((done) => {
      const wait = async (milliseconds) => {
        waits.push(milliseconds);
        now += milliseconds;
        if (now > until) await new Promise(() => done());
      };
      follow(
        ask,
        (outcome) => {
          told.push(outcome);
          if (outcome !== 'waiting') setImmediate(done);
        },
        { now: () => now, wait, isSeen: () => seen(now), knownWithin },
      );
    });
    return { waits, told };
  }

  test('is asked for twice soon, then every three seconds, every fifteen after five minutes, and no more once it is final', async () => {
    const { waits } = await followed(answers());
    assert.deepEqual(waits.slice(0, 3), [700, 1_500, 3_000]);
    assert.equal(waits.filter((each) => each === 3_000).length, 100);
    assert.ok(waits.slice(102).every((each) => each === 15_000));
    const { told, waits: few } = await followed(answers('pending', 'creating', 'completed', 'pending'));
    assert.deepEqual([told, few.length], [['waiting', 'waiting', 'paid'], 2]);
  });

  test('is not asked for while nobody looks', async () => {
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return { success: true, data: { status: 'pending' } };
    };
    await followed(ask, { until: 60_000, seen: (now) => now > 30_000 });
    assert.equal(asked, 10);
  });

  test('that nobody knows is given up, and a backend that is away is not', async () => {
    const away = [
      { success: false, code: 'timed_out' },
      { success: false, code: 'backend_unreachable' },
      { success: false, code: 'unknown_payment' },
    ];
    const { told, waits } = await followed(async () => away.shift());
    assert.deepEqual([told, waits.length], [['unknown'], 2]);
  });

  test('of a standing link may be unknown for a while, since the provider reports it after its payer is back', async () => {
    const unknown = { success: false, code: 'unknown_payment' };
    const late = [unknown, unknown, { success: true, data: { status: 'completed' } }];
    assert.deepEqual((await followed(async () => late.shift(), { knownWithin: KNOWN_LATER_MS })).told, ['paid']);
    const never = await followed(async () => unknown, { knownWithin: KNOWN_LATER_MS });
    assert.deepEqual([never.told, never.waits.length], [['unknown'], 42]);
  });

  test('of a status that this page does not know yet is waited for', () => {
    assert.equal(outcomeOf('something new'), 'waiting');
    assert.equal(outcomeOf('partially_refunded'), 'paid');
  });
});

test('a key stays while the same is asked for and nobody knows the answer', () => {
  const keys = new Keys();
  const first = keys.of('25', 'USD');
  assert.equal(keys.of('25', 'USD'), first);
  const other = keys.of('26', 'USD');
  assert.notEqual(other, first);
  keys.forget();
  assert.notEqual(keys.of('26', 'USD'), other);
});

/** Codes that the site's own code answers, without asking the backend. */
async function codesOfTheSite() {
  const folder = new URL('../site/src/', import.meta.url);
  const files = (await readdir(folder, { recursive: true })).filter((name) => /[.]jsw?$/.test(name));
  const texts = await Promise.all([...files.map((name) => new URL(name, folder)), velo].map((file) => readFile(file, 'utf8')));
  return texts.flatMap((text) => [...text.matchAll(/(?:code: |failure\()'(\w+)'/g)].map(([, code]) => code));
}
const velo = new URL('../html/source/velo.js', import.meta.url);

test('the codes that pages wait for are those that the backend and the site answer', async () => {
  const { components } = JSON.parse(await readFile(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
  const documented = codesIn(components.schemas);
  assert.ok(documented.includes('unknown_payment'));
  const known = new Set([...documented, ...(await codesOfTheSite())]);
  const waitedFor = [...NEVER_KNOWN, ...UNKNOWN_OUTCOMES, 'prefill_gone'];
  assert.deepEqual(
    waitedFor.filter((code) => !known.has(code)),
    [],
  );
});

/** Every value of an enum that a property `code` may have. */
function codesIn(schema) {
  if (schema === null || typeof schema !== 'object') return [];
  const own = schema.properties?.code;
  return [...(own?.enum ?? []), ...Object.values(schema).flatMap(codesIn)];
}
