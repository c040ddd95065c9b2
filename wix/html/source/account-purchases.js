// What a member has bought: what is open, what can be downloaded, and why something has ended.
import { dayOf } from './account-words.js';
import { element, isOff, made, say, secondButton, setButton } from './dom.js';
import { download } from './downloads.js';
import { downloadsLeft, leftOf, paidOf, standingOf, typeOf } from './product-words.js';

/** @typedef {import('./velo.js').Answer} Answer */
/** @typedef {import('./product-words.js').Purchase} Purchase */
/** @typedef {import('./product-words.js').Access} Access */

const PAGE = 20;
const PATH = '/api/v1/purchases';

export class Purchases {
  /**
   * @param {import('./members.js').Member} member
   * @param {(answer: {code: string, error: string}) => void} failed says why something did not work
   */
  constructor(member, failed) {
    this.member = member;
    this.failed = failed;
    /** @type {Purchase[]} */
    this.items = [];
    /** Access to subscribed products, by their ids. @type {Map<string, Access>} */
    this.accesses = new Map();
    this.next = '';
    /** @type {Purchase | null} */
    this.cancelling = null;
    this.#listen();
  }

  /**
   * The newest purchases, as many as are shown.
   * @returns {Promise<Answer>}
   */
  async ask() {
    const limit = Math.min(100, Math.max(PAGE, this.items.length));
    return this.#withAccess(await this.member.call('GET', `${PATH}?limit=${limit}`));
  }

  /** @param {Answer} answer */
  show(answer) {
    if (answer.success) {
      this.items = answer.data.items;
      this.next = answer.data.nextCursor ?? '';
    }
    this.#paint(answer.success ? '' : answer.error);
  }

  /** What is open may have changed elsewhere: downloads, refunds, renewals. */
  async refresh() {
    const before = this.#written();
    const answer = await this.ask();
    if (!answer.success) return;
    const focused = document.activeElement?.getAttribute('aria-label');
    const isInside = element('purchases').contains(document.activeElement);
    this.items = answer.data.items;
    this.next = answer.data.nextCursor ?? '';
    if (this.#written() === before) return;
    this.#paint('');
    if (!isInside) return;
    const again = [...document.querySelectorAll('#purchases button')].find((each) => each.ariaLabel === focused);
    /** @type {HTMLElement} */ (again ?? element('purchases-title')).focus();
  }

  #written() {
    return JSON.stringify([this.items, [...this.accesses]]);
  }

  /**
   * A paid period may have been refunded while the subscription goes on: only the access says so.
   * @param {Answer} answer
   */
  async #withAccess(answer) {
    if (!answer.success) return answer;
    /** @type {Purchase[]} */
    const items = answer.data.items;
    const running = items.filter((each) => each.productType === 'subscription' && each.status === 'active');
    await Promise.all(
      running.map(async ({ product }) => {
        const access = await this.member.call('GET', `/api/v1/access/${product.id}`);
        if (access.success) this.accesses.set(product.id, access.data);
      }),
    );
    return answer;
  }

  /** @param {string} problem */
  #paint(problem) {
    const nothing = 'No designs, courses or subscriptions yet. You find them in the shop.';
    say('purchases-text', problem || (this.items.length ? '' : nothing));
    element('purchases').replaceChildren(...this.items.map((each) => this.#row(each)));
    element('purchases').hidden = this.items.length === 0;
    element('more-purchases').hidden = !this.next;
  }

  /** @param {Purchase} purchase */
  #row(purchase) {
    const { product, productType, startsAt } = purchase;
    const access = productType === 'subscription' ? this.accesses.get(product.id) : undefined;
    const isOpen = purchase.status === 'active' && access?.allowed !== false;
    const standing = `${standingOf(purchase, access)} ${isOpen ? downloadsLeft(purchase) : ''}`.trim();
    const acts = this.#acts(purchase);
    const parts = [
      made('strong', product.name),
      made('strong', paidOf(purchase)),
      made('span', `${typeOf(productType)}, ${dayOf(startsAt)}`),
      Object.assign(made('span', standing), { className: 'standing' }),
    ];
    if (acts.length) parts.push(Object.assign(made('div', acts), { className: 'links' }));
    const row = made('li', parts);
    row.dataset.status = purchase.status;
    return row;
  }

  /** @param {Purchase} purchase */
  #acts(purchase) {
    const { product, productType, status, cancelAtPeriodEnd } = purchase;
    if (status === 'disputed') return [];
    if (status !== 'active') return [this.#again(purchase)];
    if (productType === 'design') {
      const acts = [secondButton('Download', `Download ${product.name}`, (button) => this.#download(button, purchase))];
      return leftOf(purchase) === 0 ? [...acts, this.#again(purchase)] : acts;
    }
    if (productType === 'course' || cancelAtPeriodEnd) return [];
    return [secondButton('Cancel subscription', `Cancel subscription: ${product.name}`, () => this.#ask(purchase))];
  }

  /** @param {Purchase} purchase */
  #again({ product }) {
    const link = Object.assign(made('a', 'Buy again'), { className: 'second-button', href: `/shop?product=${product.id}` });
    link.setAttribute('aria-label', `Buy again: ${product.name}`);
    return link;
  }

  /**
   * @param {HTMLElement} button
   * @param {Purchase} purchase
   */
  async #download(button, { product }) {
    setButton(button, { busy: true });
    const answer = await download(this.member, product.id);
    setButton(button);
    if (!answer.success) this.failed(answer);
    await this.refresh();
  }

  /** @param {Purchase} purchase */
  #ask(purchase) {
    this.cancelling = purchase;
    const until = purchase.endsAt ? ` It stays open until ${dayOf(purchase.endsAt)}, and` : ' It';
    say('cancelling-title', `Cancel “${purchase.product.name}”?`);
    say('cancelling-text', `You are not charged again.${until} nothing that you have paid is refunded.`);
    element('cancelling-error').textContent = '';
    this.#dialog.showModal();
  }

  get #dialog() {
    return /** @type {HTMLDialogElement} */ (element('cancelling'));
  }

  async #cancel() {
    const button = element('cancelling-yes');
    if (isOff(button) || !this.cancelling) return;
    element('cancelling-error').textContent = '';
    setButton(button, { busy: true });
    const answer = await this.member.call('POST', `${PATH}/${this.cancelling.id}/cancel`);
    setButton(button);
    if (!answer.success) {
      element('cancelling-error').textContent = answer.error;
      return;
    }
    this.#dialog.close();
    await this.refresh();
    element('purchases-title').focus();
  }

  async #more() {
    const button = element('more-purchases');
    if (isOff(button)) return;
    setButton(button, { busy: true });
    const answer = await this.#withAccess(await this.member.call('GET', `${PATH}?limit=${PAGE}&cursor=${this.next}`));
    setButton(button);
    if (!answer.success) return this.failed(answer);
    const before = this.items.length;
    this.items = [...this.items, ...answer.data.items];
    this.next = answer.data.nextCursor ?? '';
    this.#paint('');
    const first = /** @type {HTMLElement | undefined} */ (element('purchases').children[before]);
    if (first) Object.assign(first, { tabIndex: -1 }).focus();
  }

  #listen() {
    element('cancelling-no').addEventListener('click', () => this.#dialog.close());
    element('cancelling-yes').addEventListener('click', () => this.#cancel());
    element('more-purchases').addEventListener('click', () => this.#more());
  }
}
