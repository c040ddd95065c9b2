// One, two or five dollars in one click; any other amount goes on to Charter.
import { isLocalPath, mayBeGoneTo } from '../../site/src/public/hingecraft-addresses.js';
import { problemOf, readAmount, writeAmount } from './amounts.js';
import { isTold, showAppearance, useAppearance } from './appearance.js';
import { amountError, element, input, isOff, say, setButton, toldPlaces, trouble, watchNetwork } from './dom.js';
import { hold, release } from './holding.js';
import { Keys, Memory, UNKNOWN_OUTCOMES } from './memory.js';
import { allowAfterwards, showOutcome } from './outcome.js';
import * as texts from './texts.js';
import { LEFT_WITHIN_MS, Velo } from './velo.js';

const velo = new Velo(toldPlaces());
const memory = new Memory(velo);
const keys = new Keys();
const form = /** @type {HTMLFormElement} */ (element('form'));
const buttons = /** @type {HTMLButtonElement[]} */ ([...element('presets').querySelectorAll('button'), element('continue')]);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;
/** @type {import('./amounts.js').Bounds | undefined} */
let bounds;

/** @param {HTMLElement | null} busy */
function lock(busy) {
  clearTimeout(leaving);
  for (const button of buttons) setButton(button, { busy: button === busy, off: busy !== null });
  say('pay-note', busy ? texts.page('opening') : '');
}

/**
 * @param {HTMLElement} button
 * @param {unknown[]} wanted
 * @param {(key: string) => Promise<import('./velo.js').Answer>} ask
 * @param {(data: any) => unknown} addressOf
 */
async function open(button, wanted, ask, addressOf) {
  trouble('');
  lock(button);
  const answer = await ask(keys.of(...wanted));
  if (answer.success || !UNKNOWN_OUTCOMES.includes(answer.code)) keys.forget();
  if (!answer.success) {
    lock(null);
    return trouble(texts.said(answer));
  }
  const address = addressOf(answer.data);
  if (!isLocalPath(address) && !mayBeGoneTo(address, { development: velo.development })) {
    lock(null);
    return trouble(texts.page('unsafe'));
  }
  if (velo.go(String(address))) {
    leaving = setTimeout(lock, LEFT_WITHIN_MS, null);
    return;
  }
  lock(null);
  const url = new URL(String(address), velo.hello.site).href;
  trouble(texts.page('nextBlocked'), { url, label: texts.page('continue') });
}

for (const button of element('presets').querySelectorAll('button')) {
  button.addEventListener('click', () => {
    if (isOff(button)) return;
    amountError('');
    const amount = Number(button.value);
    const ask = (/** @type {string} */ key) =>
      velo.callVeloFunction('mission-support-middleware', 'microPayment', amount, { visitor: memory.visitor, key });
    open(button, ['micro', amount], ask, (data) => data?.url);
  });
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const button = element('continue');
  if (isOff(button)) return;
  const amount = readAmount(input('amount').value, texts.locale);
  const problem = problemOf(amount, 'USD', bounds, texts.locale, texts.amounts());
  amountError(problem);
  if (problem) return;
  const ask = (/** @type {string} */ key) =>
    velo.callVeloFunction('mission-support-middleware', 'otherAmount', amount, {}, { visitor: memory.visitor, key });
  open(button, ['other', amount], ask, (data) => data?.redirectUrl);
});

// A page that the browser kept, shown again by "back", must not stay locked.
addEventListener('pageshow', (event) => {
  if (event.persisted) lock(null);
});

/** The texts of this page, in the language of the moment. */
function show() {
  showAppearance('mission');
  for (const button of element('presets').querySelectorAll('button')) {
    button.textContent = texts.page('giveNow', { amount: writeAmount(button.value, 'USD', texts.locale) });
  }
}

texts.begin();
show();
texts.onChange(show);
watchNetwork();
allowAfterwards(velo, '/mission-support');
hold(velo);

/** The page works without what Charter begins with; it only learns the mode and the bounds from it. */
async function begin() {
  showOutcome(velo, memory);
  release();
  const options = { visitor: memory.visitor, withAppearance: !isTold() };
  const opened = await velo.callVeloFunction('charter-page-middleware', 'onReady', options);
  if (!opened.success) return;
  useAppearance(opened.data.appearance, 'mission');
  show();
  element('test-mode').hidden = opened.data.mode !== 'test';
  bounds = opened.data.bounds?.USD;
}

velo.met.then(begin);
velo.onLate = begin;
