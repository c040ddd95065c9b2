// Any amount, by card in many currencies or with crypto.
import { watchRoutes } from '../../site/src/public/hingecraft-routes.js';
import { writeAmount } from './amounts.js';
import { isTold, showAppearance, useAppearance } from './appearance.js';
import { element, say, toldPlaces, watchNetwork } from './dom.js';
import { Gift } from './gift.js';
import { MainButton } from './main-button.js';
import { Memory } from './memory.js';
import { hold, release } from './holding.js';
import { allowAfterwards, showOutcome } from './outcome.js';
import * as texts from './texts.js';
import { Velo } from './velo.js';
import { allowCopying } from './wallet.js';

const AGAIN_AFTER_MS = 4_000;
/** Before that many gifts, the total says little. */
const TOTAL_FROM = 20;
const pageLoad = crypto.randomUUID();

const velo = new Velo(toldPlaces());
const memory = new Memory(velo);
const gift = new Gift();
const mainButton = new MainButton(velo, memory, gift);
gift.onChoice = () => mainButton.update();
gift.onOffer = () => mainButton.refresh();
let version = 0;
/** @type {ReturnType<typeof watchRoutes> | null} */
let watch = null;

/** @param {{version: number, routes: Record<string, import('./offers.js').Route>}} news */
function useRoutes(news) {
  if (!(news.version > version)) return;
  version = news.version;
  gift.offer(news.routes);
  document.documentElement.dataset.routesVersion = String(version);
}

/** What the page was opened with. @type {any} */
let known = {};

/** @param {any} opened */
function showTotal({ total, count }) {
  if (typeof total !== 'number' || !(count >= TOTAL_FROM)) return;
  element('total').hidden = false;
  element('total-sum').textContent = writeAmount(Math.floor(total), 'USD', texts.locale);
  element('total-count').textContent = texts.page('total', { count: new Intl.NumberFormat(texts.locale).format(count) });
}

/**
 * The amount that a link brought, once; afterwards the address still says it, and so does this tab.
 * @param {any} opened
 * @param {Record<string, string>} query
 */
function useChoice(opened, query) {
  const kept = memory.choice;
  const said = Number(query.donationAmount) > 0 ? query.donationAmount : kept.amount;
  const amount = opened.prefill?.amount ?? said;
  say('notice', noticeOf(opened, amount));
  // What somebody has chosen while all of this was on its way stays.
  if (gift.isTouched) return;
  // An amount without a currency is in dollars.
  if (amount) gift.choose('USD');
  if (kept.currency && !query.prefill) gift.choose(kept.currency);
  for (const code of [query.currency, query.paymentMethod]) if (code && code !== 'card') gift.choose(code.toUpperCase());
  if (amount) gift.fill(String(amount));
}

/**
 * @param {any} opened
 * @param {string | number | undefined} amount
 */
function noticeOf({ prefill, prefillError }, amount) {
  if (prefill && !gift.isTouched) return texts.page('prefilled', { amount: writeAmount(prefill.amount, 'USD', texts.locale) });
  if (prefillError?.code !== 'prefill_gone') return prefillError ? texts.said(prefillError) : '';
  return amount ? '' : texts.page('linkExpired');
}

/**
 * Why the page has not learned what it needs; the form can be used all the same.
 * @param {string} text empty when all is well
 */
function unreachable(text) {
  say('notice', text);
  element('notice').className = text ? 'trouble' : 'notice';
}

/** Everything that comes from outside; the form can be used before, and without it. */
async function load() {
  const { query } = velo.hello;
  showOutcome(velo, memory);
  release();
  mainButton.prefillId = query.prefill ?? '';
  const options = { prefillId: query.prefill || undefined, pageLoad, visitor: memory.visitor, withAppearance: !isTold() };
  for (let isFirst = true; query === velo.hello.query; isFirst = false) {
    const answer = await velo.callVeloFunction('charter-page-middleware', 'onReady', options);
    if (query !== velo.hello.query) return;
    if (answer.success) return begin(answer.data, query);
    if (isFirst) unreachable(texts.said(answer));
    await new Promise((later) => setTimeout(later, AGAIN_AFTER_MS));
  }
}

/**
 * @param {any} opened
 * @param {Record<string, string>} query
 */
function begin(opened, query) {
  unreachable('');
  useAppearance(opened.appearance, 'charter');
  element('test-mode').hidden = opened.mode !== 'test';
  gift.bounds = opened.bounds ?? {};
  if (opened.appearance) gift.begin();
  useRoutes({ version: opened.routesVersion, routes: opened.routes });
  useChoice(opened, query);
  known = opened;
  showTotal(opened);
  velo.onRoutes = useRoutes;
  watch?.stop();
  watch = velo.isBridged ? null : watchRoutes(watching(opened));
}

/** Without a page around that announces new routes, this one polls for them. @param {any} opened */
function watching(opened) {
  return {
    fetch: (/** @type {string} */ url, /** @type {RequestInit} */ options) => fetch(url, options),
    routesUrl: velo.backend ? `${velo.backend}/routes` : '',
    flagUrl: velo.addressOf('hingecraftRoutesUpdate'),
    version: opened.routesVersion,
    reload: () => velo.callVeloFunction('charter-page-middleware', 'onReady', { visitor: memory.visitor }),
    tell: useRoutes,
  };
}

// A page that the browser kept, shown again by "back", must not stay locked.
addEventListener('pageshow', (event) => {
  if (event.persisted) mainButton.update();
});

texts.begin();
showAppearance('charter');
texts.onChange(() => {
  showAppearance('charter');
  gift.showAgain();
  showTotal(known);
});
watchNetwork();
allowAfterwards(velo, '/charter');
allowCopying();
gift.begin();
hold(velo);
velo.met.then(load);
velo.onLate = load;
