// The texts of all languages, and which of them a visitor gets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { currencyFor, directionOf, filled, languageFor, LANGUAGES, localeFor } from '../html/source/languages.js';

const CATALOGUES = Object.fromEntries(
  await Promise.all(Object.keys(LANGUAGES).map(async (code) => [code, await import(`../html/source/texts/${code}.js`)])),
);

/** Each text by its part and name, with the places that are filled in. */
function described(catalogue) {
  const entries = Object.entries(catalogue).flatMap(([part, texts]) =>
    Object.entries(texts).map(([name, text]) => [`${part}.${name}`, text.match(/\{\w+\}/g)?.sort() ?? []]),
  );
  return Object.fromEntries(entries);
}

describe('the texts', () => {
  for (const [code, catalogue] of Object.entries(CATALOGUES)) {
    test(`in ${LANGUAGES[code]} have the names and places of the English ones`, () => {
      assert.deepEqual(described(catalogue), described(CATALOGUES.en));
      for (const part of Object.values(catalogue)) for (const text of Object.values(part)) assert.ok(text.trim());
    });
  }

  test('of two languages are not the same', () => {
    const flat = (catalogue) => Object.values(catalogue).flatMap(Object.values);
    const english = flat(CATALOGUES.en);
    for (const [code, catalogue] of Object.entries(CATALOGUES)) {
      if (code === 'en') continue;
      const same = flat(catalogue).filter((text, at) => text === english[at]);
      assert.ok(same.length < 10, `${code} has English texts: ${same.join(' | ')}`);
    }
  });
});

describe('a visitor', () => {
  for (const [preferred, language, locale] of [
    [['de-AT', 'en'], 'de', 'de-AT'],
    [['sv-SE', 'fr-CA', 'en'], 'fr', 'fr-CA'],
    [['sv-SE'], 'en', 'sv-SE'],
    [['AR'], 'ar', 'AR'],
    [[], 'en', 'en-US'],
  ]) {
    test(`with ${preferred} reads ${language}, and numbers as in ${locale}`, () =>
      assert.deepEqual(languageFor(preferred), { language, locale }));
  }

  test('who chooses a language keeps their own way to write numbers in it', () => {
    assert.equal(localeFor('en', ['de-DE', 'en-GB']), 'en-GB');
    assert.equal(localeFor('es', ['de-DE']), 'es');
    assert.deepEqual(['ar', 'de'].map(directionOf), ['rtl', 'ltr']);
  });

  for (const [locale, currency] of [
    ['de-DE', 'EUR'],
    ['de', 'EUR'],
    ['de-CH', 'CHF'],
    ['en-GB', 'GBP'],
    ['en', 'USD'],
    ['ar', 'EGP'],
    ['fr-CA', 'CAD'],
    ['es-419', 'USD'],
    ['sv', 'SEK'],
    ['not a locale', 'USD'],
  ]) {
    test(`of ${locale} begins with ${currency}`, () => assert.equal(currencyFor(locale), currency));
  }
});

test('a place without a value stays, so that the mistake is seen', () => {
  assert.equal(filled('{a} and {b}', { a: 1 }), '1 and {b}');
});
