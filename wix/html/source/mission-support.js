// One, two or five dollars in one click; any other amount goes on to Charter.
import { isLocalPath, mayBeGoneTo } from '../../site/src/public/hingecraft-addresses.js';
import { problemOf, readAmount } from './amounts.js';
import { amountError, element, input, isOff, LOCALE, say, setButton, toldPlaces, trouble, watchNetwork } from './dom.js';
import { Keys, Memory } from './memory.js';
import { allowAnother, showOutcome } from './outcome.js';
import { LEFT_WITHIN_MS, UNKNOWN_OUTCOMES, Velo } from './velo.js';

const velo = new Velo(toldPlaces());
const memory = new Memory(velo);
const keys = new Keys();
const form = /** @type {HTMLFormElement} */ (element('form'));
const buttons = /** @type {HTMLButtonElement[]} */ ([...element('presets').querySelectorAll('button'), element('other')]);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;
/** @type {import('./amounts.js').Bounds | undefined} */
let bounds;

/** @param {HTMLElement | null} busy */
function lock(busy) {
  clearTimeout(leaving);
  for (const button of buttons) setButton(button, { busy: button === busy, off: busy !== null });
  say('pay-note', busy ? 'One moment… The next page is opening.' : '');
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
    return trouble(answer.error);
  }
  const address = addressOf(answer.data);
  if (!isLocalPath(address) && !mayBeGoneTo(address, { development: velo.development })) {
    lock(null);
    return trouble('We did not recognise the payment link, so we did not open it. Please try again.');
  }
  if (velo.go(String(address))) {
    leaving = setTimeout(lock, LEFT_WITHIN_MS, null);
    return;
  }
  lock(null);
  const url = new URL(String(address), velo.hello.site).href;
  trouble('Your browser blocked the next page. Open it here:', { url, label: 'Continue' });
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
  const button = element('other');
  if (isOff(button)) return;
  const amount = readAmount(input('amount').value, LOCALE);
  const problem = problemOf(amount, 'USD', bounds, LOCALE);
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

watchNetwork();
allowAnother();

/** The page works without what Charter begins with; it only learns the mode and the bounds from it. */
async function begin() {
  showOutcome(velo, memory);
  const opened = await velo.callVeloFunction('charter-page-middleware', 'onReady', { visitor: memory.visitor });
  if (!opened.success) return;
  element('test-mode').hidden = opened.data.mode !== 'test';
  bounds = opened.data.bounds?.USD;
}

velo.met.then(begin);
velo.onLate = begin;
