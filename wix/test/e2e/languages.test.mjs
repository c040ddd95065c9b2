// The donation pages in each language, as their owner has set them, and for a donor who comes back from paying.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fits, judged } from './judging.mjs';
import { BACKEND, ownerSets, payAtProvider, shot, visited } from './support.mjs';

const { OWNER } = process.env;
const ready = (page) => page.locator('html[data-routes-version]').waitFor({ state: 'attached' });
const opened = async (person, path) => (await person.open(`${BACKEND}${path}`)).page;

const OWN = {
  organizationName: 'Tools for All',
  pageTitle: 'A day of tools </script><b>for</b> everyone',
  thankYouText: 'Your gift pays for a day in the workshop.',
  pageAmounts: ['5', '20', '80'],
  accentColor: '#ffe066',
  contactEmail: 'hello@example.com',
  privacyUrl: 'https://www.example.com/privacy',
  refundUrl: 'https://www.example.com/refunds',
};

/** What a visitor of that language reads, and the currency that they begin with. */
const VISITORS = {
  'de-DE': { language: 'de', title: 'Ihre Spende', button: /^25\s€ mit Karte spenden$/ },
  'fr-CH': { language: 'fr', title: 'Votre don', button: /^Donner 25\sCHF par carte$/ },
  'es-MX': { language: 'es', title: 'Su donación', button: /^Donar \$\d+ con tarjeta$/ },
  'ar-EG': { language: 'ar', title: 'تبرّعك', button: /^تبرّع بمبلغ .+ بالبطاقة$/ },
  'sv-SE': { language: 'en', title: 'Your gift', button: /^Give .+ by card$/ },
};

for (const [locale, { language, title, button }] of Object.entries(VISITORS)) {
  test(
    `a visitor with ${locale} reads ${language}, and begins with the currency of their country`,
    visited(
      async (person) => {
        const page = await opened(person, '/embed/charter');
        await ready(page);
        await page.getByRole('heading', { name: title, exact: true }).waitFor();
        await page.getByRole('button', { name: button }).waitFor();
        const { lang, dir } = await page.evaluate(() => {
          const { lang, dir } = document.documentElement;
          return { lang, dir };
        });
        assert.deepEqual([lang, dir], [language, language === 'ar' ? 'rtl' : 'ltr']);
        for (const [width, height] of [
          [375, 667],
          [1280, 900],
        ]) {
          await page.setViewportSize({ width, height });
          await fits(page, `${language} at ${width} px`);
          await shot(page, `charter-${language}-${width}`);
        }
        await judged(page, language);
      },
      { locale },
    ),
  );
}

test(
  'on a phone the form is in sight at once, and its button stays there',
  visited(
    async (person) => {
      const page = await opened(person, '/embed/charter');
      await ready(page);
      const button = page.getByRole('button', { name: /^Give/ });
      // Where a tall text pushes the button below the fold, too.
      for (const [scrolled, pushed] of [
        [0, 0],
        [0, 300],
        [250, 300],
      ]) {
        await page.locator('.field:has(#currency)').evaluate((it, px) => (it.style.marginBlockEnd = `${px}px`), pushed);
        await page.evaluate((top) => scrollTo(0, top), scrolled);
        const { y, height } = await button.boundingBox();
        assert.ok(y >= 0 && y + height <= 667, `the button is at ${y} after ${scrolled} px`);
      }
    },
    { viewport: { width: 375, height: 667 } },
  ),
);

test(
  'a language that is chosen stays, and what was entered too',
  visited(async (person) => {
    const page = await opened(person, '/embed/charter');
    await ready(page);
    const groups = await page
      .locator('#currency optgroup')
      .evaluateAll((all) => all.map(({ label, children }) => [label, ...[...children].map((each) => each.textContent)]));
    assert.deepEqual(
      groups.map(([label]) => label),
      ['Common currencies', 'All other currencies', 'Crypto'],
    );
    assert.deepEqual(groups[0].slice(1, 4), ['USD – US dollar', 'EUR – Euro', 'GBP – Pound sterling']);
    for (const [, ...names] of groups)
      for (const name of names) assert.match(name, /^[A-Z0-9]{2,10}( – .+)?$/, 'its code is first');
    await page.getByText('Card includes Apple Pay, Google Pay and Link').waitFor();
    const amber = await page.locator('#test-mode').evaluate((it) => getComputedStyle(it).backgroundColor);
    assert.equal(amber, 'rgb(253, 240, 208)', 'test mode looks like a warning');
    await page.getByLabel('$50').check();
    await page.getByLabel('Language').selectOption('es');
    await page.getByRole('button', { name: /^Donar 50\s.*con tarjeta$/ }).waitFor();
    await page.getByRole('option', { name: 'EUR – euro', exact: true }).waitFor({ state: 'attached' });
    await page.reload();
    await page.getByRole('heading', { name: 'Su donación' }).waitFor();
    const again = await opened(person, '/embed/mission-support?lang=de');
    await again.getByRole('heading', { name: 'Unterstützen Sie uns' }).waitFor();
    await again.getByText('Von 1 $ geht etwa ein Drittel für Kartengebühren ab').waitFor();
    await judged(again, 'Mission Support in German');
    await shot(again, 'mission-support-de');
  }),
);

test(
  'a donor who comes back sees no form, but amount, date and reference, and may share and print',
  visited(async (person) => {
    await person.context.addInitScript(() => {
      window.forms = 0;
      const look = () => {
        const form = document.getElementById('giving');
        if (form?.checkVisibility({ visibilityProperty: true })) window.forms += 1;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
      window.print = () => {
        window.hasPrinted = true;
      };
      Object.defineProperty(navigator, 'share', { value: undefined });
      Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => (window.copied = text) } });
    });
    const page = await opened(person, '/embed/charter');
    await page.getByRole('button', { name: 'Give $25 by card' }).click();
    await payAtProvider(page, 'Pay');
    await page.waitForURL(`${BACKEND}/embed/charter?status=success**`);
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    assert.equal(await page.locator('#outcome-title').getAttribute('aria-level'), '1', 'it is what the page is about');
    assert.equal(await page.evaluate(() => window.forms), 0, 'the form was drawn');
    const payment = new URL(page.url()).searchParams.get('payment');
    await page.getByText(payment).waitFor();
    const today = await page.evaluate(() => new Intl.DateTimeFormat('en-US', { dateStyle: 'long' }).format(new Date()));
    await page.getByText(today).waitFor();
    await page.getByText('your receipt is on its way').waitFor();
    await page.getByRole('button', { name: 'Share this page' }).click();
    await page.getByText('Copied the link.').waitFor();
    assert.equal(await page.evaluate(() => window.copied), `${BACKEND}/embed/charter`);
    await page.getByRole('button', { name: 'Print' }).click();
    assert.ok(await page.evaluate(() => window.hasPrinted));
    for (const [width, height] of [
      [320, 700],
      [1280, 800],
    ]) {
      await page.setViewportSize({ width, height });
      await fits(page, `the thanks at ${width} px`);
      await shot(page, `thank-you-${width}`);
    }
    await judged(page, 'the thanks');
    await page.getByLabel('Language').selectOption('ar');
    await page.getByRole('heading', { name: 'شكرًا لك' }).waitFor();
    await shot(page, 'thank-you-ar');
    await judged(page, 'the thanks in Arabic');
  }),
);

test(
  'what the owner has set is there before the first picture, and as a text',
  visited(async (person) => {
    await ownerSets(OWNER, OWN, (shown) => shown.pageTitle === OWN.pageTitle);
    const page = await opened(person, '/embed/charter');
    assert.equal(await page.title(), 'Give to Tools for All');
    assert.equal(await page.locator('#brand').textContent(), 'Tools for All');
    await page.getByRole('heading', { name: OWN.pageTitle, level: 1 }).waitFor();
    await ready(page);
    assert.deepEqual(await page.locator('.preset').allTextContents(), ['$5', '$20', '$80', 'Other']);
    for (const [name, href] of [
      ['Contact', 'mailto:hello@example.com'],
      ['Privacy notice', OWN.privacyUrl],
      ['Refund policy', OWN.refundUrl],
    ])
      assert.equal(await page.getByRole('link', { name }).getAttribute('href'), href);
    await page.getByText('Your gift goes to Tools for All.').waitFor();
    const color = await page.locator('#pay').evaluate((it) => getComputedStyle(it).backgroundColor);
    assert.notEqual(color, 'rgb(20, 89, 76)', 'it is the colour that the page has by itself');
    await judged(page, 'in the colours of an owner');
    await shot(page, 'charter-owner');
    await page.emulateMedia({ colorScheme: 'dark' });
    await judged(page, 'in the colours of an owner, in the dark');
    await shot(page, 'charter-owner-dark');
    await page.getByLabel('Currency').selectOption('JPY');
    assert.deepEqual(await page.locator('.preset').allTextContents(), ['¥1,000', '¥4,000', '¥16,000', 'Other']);
    await page.getByRole('button', { name: 'Give ¥4,000 by card' }).click();
    await payAtProvider(page, 'Pay');
    await page.getByText(OWN.thankYouText).waitFor();
  }),
);
