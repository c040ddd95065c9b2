// The main button: it says amount and way, is never a dead click and never sends twice.
import { mayBeGoneTo } from '../../site/src/public/hingecraft-addresses.js';
import { amountError, element, isOff, say, setButton, trouble } from './dom.js';
import { Keys, UNKNOWN_OUTCOMES } from './memory.js';
import { offerOf } from './offers.js';
import { followWallet } from './outcome.js';
import { LEFT_WITHIN_MS } from './velo.js';
import * as texts from './texts.js';
import { hideWallet, showWallet } from './wallet.js';

const AWAY = ['provider_unavailable', 'provider_busy', 'provider_disabled'];

export class MainButton {
  /**
   * @param {import('./velo.js').Velo} velo
   * @param {import('./memory.js').Memory} memory
   * @param {import('./gift.js').Gift} gift
   */
  constructor(velo, memory, gift) {
    this.velo = velo;
    this.memory = memory;
    this.gift = gift;
    this.isBusy = false;
    this.button = element('pay');
    this.keys = new Keys();
    this.prefillId = '';
    /** What is asked for is forgotten when something else is chosen meanwhile. */
    this.asked = 0;
    /** @type {() => void} */
    this.stopFollowing = () => undefined;
    element('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.pay();
    });
  }

  get offer() {
    const { route, amount } = this.gift;
    // Before the routes are known the button asks: the backend knows them.
    return route ? offerOf(route, amount, this.isSafe) : /** @type {const} */ ({ way: 'ask', spare: null, wallet: null });
  }

  isSafe = (/** @type {unknown} */ url) => mayBeGoneTo(url, { development: this.velo.development });

  /** The same is chosen, and something else is on offer: what is under way goes on. */
  refresh() {
    if (!this.isBusy) this.show(false);
  }

  /** Something else is chosen: what is under way for the choice before is forgotten. */
  update() {
    this.asked += 1;
    this.stopFollowing();
    hideWallet();
    trouble('');
    this.show(false);
  }

  /** @param {boolean} busy */
  show(busy) {
    const { offer } = this;
    this.isBusy = busy;
    this.button.textContent = busy ? texts.page('oneMoment') : this.gift.label;
    setButton(this.button, { busy, off: offer.way === 'none' });
    const note = offer.way === 'none' ? 'unavailable' : this.gift.isCrypto ? 'coinNote' : 'cardNote';
    say('pay-note', texts.page(note));
  }

  async pay() {
    if (isOff(this.button)) return;
    const { gift, offer } = this;
    amountError(gift.problem);
    if (gift.problem || gift.amount === null) return;
    gift.isTouched = true;
    this.memory.choice = { amount: gift.amount, currency: gift.currency };
    if (offer.way === 'link') return this.leave(offer.url);
    this.update();
    const asked = this.asked;
    this.show(true);
    const answer = await this.ask(gift.amount);
    if (asked !== this.asked) return;
    if (answer.success) this.open(answer.data);
    else this.fail(`${texts.said(answer)} ${this.insteadOf(answer.code)}`.trim());
  }

  /** @param {string} amount */
  async ask(amount) {
    const { currency, isCrypto } = this.gift;
    const key = this.keys.of(amount, currency, this.prefillId);
    const options = { visitor: this.memory.visitor, key, currency, prefillId: this.prefillId || undefined };
    const name = isCrypto ? 'cryptoButtonClick' : 'fiatButtonClick';
    const answer = await this.velo.callVeloFunction(
      'charter-page-middleware',
      name,
      amount,
      isCrypto ? currency : 'card',
      options,
    );
    if (answer.success || !UNKNOWN_OUTCOMES.includes(answer.code)) this.keys.forget();
    return answer;
  }

  /** @param {any} checkout */
  open(checkout) {
    if (checkout?.kind === 'wallet' && checkout.wallet?.address) {
      this.show(false);
      this.showWallet(checkout.wallet);
      if (checkout.paymentId) this.stopFollowing = followWallet(this.velo, this.memory, checkout.paymentId);
    } else if (this.isSafe(checkout?.url)) this.leave(checkout.url);
    else this.fail(texts.page('unsafe'));
  }

  /**
   * The other way to pay, while the provider of this one is away.
   * @param {string} code
   */
  insteadOf(code) {
    if (!AWAY.includes(code)) return '';
    const { isCrypto } = this.gift;
    return this.gift.offers(isCrypto ? 'fiat' : 'crypto') ? texts.page(isCrypto ? 'cardInstead' : 'coinsInstead') : '';
  }

  /**
   * Why it failed, and what there is instead: a link that is for many payers, or a bare wallet.
   * @param {string} error
   */
  fail(error) {
    this.show(false);
    const { offer } = this;
    const spare = offer.way === 'ask' ? offer.spare : null;
    trouble(error, spare ? { url: spare, label: texts.page('generalPage') } : null);
    if (!spare && offer.way === 'ask' && offer.wallet) this.showWallet(offer.wallet);
  }

  /** @param {import('./wallet.js').Wallet} wallet */
  showWallet(wallet) {
    const { gift } = this;
    const coin = { code: gift.currency, name: gift.route?.name ?? gift.currency };
    showWallet(wallet, coin, gift.written(gift.amount ?? ''));
    // No other page follows.
    say('pay-note', '');
  }

  /** @param {string} url */
  leave(url) {
    this.show(true);
    const asked = this.asked;
    if (this.velo.go(url)) {
      setTimeout(() => asked === this.asked && this.show(false), LEFT_WITHIN_MS);
      return;
    }
    this.show(false);
    trouble(texts.page('blocked'), { url, label: texts.page('openPayment') });
  }
}
