// What an account shows. Texts are set as texts: nothing from outside becomes markup.
import {
  balanceText,
  changeOf,
  costOf,
  creditsOf,
  momentOf,
  numberOf,
  offerOf,
  planOf,
  saleOf,
  wordsOf,
} from './account-words.js';
import { element, made, say, secondButton, setButton } from './dom.js';

/** @typedef {import('./velo.js').Answer} Answer */
/** @typedef {import('./account-words.js').Offer} Offer */
/** @typedef {(button: HTMLElement, offer: Offer) => void} Choose */

/**
 * @param {Answer[]} answers to balance, transactions, packs and plan
 * @param {{buy: Choose, change: (button: HTMLElement) => void}} what
 */
export function showAccount([balance, transactions, packs, plan], { buy, change }) {
  if (balance.success) showBalance(balance.data.balance);
  say('plan-text', plan.success ? planOf(plan.data) : plan.error);
  showOffers(packs, plan.success ? plan.data : null, { buy, change });
  element('history').replaceChildren();
  showTransactions(transactions);
}

/** @param {number} balance */
export function showBalance(balance) {
  say('balance', numberOf(balance));
  say('balance-text', balanceText(balance));
}

/**
 * @param {Answer} packs
 * @param {{priceId: string | null} | null} plan the running one: others are changed to in the portal
 * @param {{buy: Choose, change: (button: HTMLElement) => void}} what
 */
function showOffers(packs, plan, { buy, change }) {
  /** @type {Offer[]} */
  const offers = packs.success ? packs.data : [];
  const nothing = packs.success ? 'Nothing is for sale right now. Come back later.' : packs.error;
  say('offers-text', offers.length > 0 ? '' : nothing);
  for (const [list, kind] of [
    ['packs', 'pack'],
    ['plans', 'subscription'],
  ]) {
    const shown = offers.filter((offer) => offer.kind === kind);
    element(`${list}-title`).hidden = element(list).hidden = shown.length === 0;
    const isChange = kind === 'subscription' && plan !== null;
    element(list).replaceChildren(
      ...shown.map((offer) => (isChange ? planItem(offer, offer.priceId === plan.priceId, change) : offerItem(offer, buy))),
    );
  }
  say('plan-hint', plan ? 'A change replaces your plan. You see what it costs before you confirm it.' : '');
}

/** @param {Offer} offer */
const textOf = (offer) => made('span', [made('strong', offerOf(offer)), made('span', costOf(offer))]);

/**
 * @param {Offer} offer
 * @param {Choose} buy
 */
function offerItem(offer, buy) {
  const verb = offer.kind === 'pack' ? 'Buy' : 'Choose';
  const button = secondButton(verb, `${verb} ${saleOf(offer)}`, () => buy(button, offer));
  return made('li', [textOf(offer), button]);
}

/**
 * @param {Offer} offer
 * @param {boolean} isMine
 * @param {(button: HTMLElement) => void} change
 */
function planItem(offer, isMine, change) {
  if (!isMine) {
    const button = secondButton('Change', `Change to ${saleOf(offer)}`, () => change(button));
    return made('li', [textOf(offer), button]);
  }
  const item = made('li', [textOf(offer), Object.assign(made('strong', 'Your plan'), { className: 'mine' })]);
  item.setAttribute('aria-current', 'true');
  return item;
}

let next = '';

/** @param {Answer} page */
function showTransactions(page) {
  const items = page.success ? page.data.items : [];
  element('history').append(...items.map(transactionItem));
  const isEmpty = element('history').childElementCount === 0;
  say('history-text', page.success ? (isEmpty ? 'Nothing yet. What you buy and use is listed here.' : '') : page.error);
  if (page.success) next = page.data.nextCursor ?? '';
  element('history').hidden = isEmpty;
  element('more').hidden = !next;
}

/** @param {{reason: string, delta: number, balanceAfter: number, createdAt: string}} row */
function transactionItem({ reason, delta, balanceAfter, createdAt }) {
  const parts = [
    made('strong', reason === 'spend' ? 'Spent' : wordsOf(reason)),
    made('strong', changeOf(delta)),
    made('span', momentOf(createdAt)),
    made('span', `${creditsOf(balanceAfter)} after`),
  ];
  return made('li', parts);
}

/** @param {import('./members.js').Member} member */
export async function showMore(member) {
  const button = element('more');
  if (button.getAttribute('aria-busy') === 'true') return;
  const before = element('history').childElementCount;
  setButton(button, { busy: true });
  showTransactions(await member.call('GET', `/api/v1/credits/transactions?limit=10&cursor=${next}`));
  setButton(button);
  // The button may be gone: the first new row is where reading goes on.
  const row = /** @type {HTMLElement | undefined} */ (element('history').children[before]);
  if (row) Object.assign(row, { tabIndex: -1 }).focus();
}
