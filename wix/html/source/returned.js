// What all pages do that somebody comes back to: they tell an outcome, and follow the payment until it is final.
import { element, say } from './dom.js';
import { SIGNED_OUT } from './members.js';
import { follow } from './payments.js';

/** @typedef {Record<string, [title: string, text: string]>} Words for each outcome */

export class Returned {
  /**
   * @param {Words} words
   * @param {(outcome: string, payment: any) => void} [news] called when the outcome has changed
   */
  constructor(words, news = () => undefined) {
    this.words = words;
    this.news = news;
    this.shown = '';
    this.stop = () => {};
  }

  /**
   * @param {string} outcome
   * @param {any} [payment]
   * @param {string} [text] instead of the usual one
   */
  tell(outcome, payment = null, text = '') {
    const isNews = outcome !== this.shown;
    this.shown = outcome;
    const title = element('outcome-title');
    say('outcome-title', this.words[outcome][0]);
    title.setAttribute('aria-busy', String(outcome === 'waiting'));
    title.dataset.outcome = outcome;
    say('outcome-text', text || this.words[outcome][1]);
    if (!isNews) return;
    title.focus();
    this.news(outcome, payment);
  }

  /**
   * @param {import('./members.js').Member} member
   * @param {string} path of the payment
   * @param {(outcome: string, payment: any) => void} tell
   * @param {{knownWithin?: number}} [how]
   */
  follow(member, path, tell, how) {
    this.tell('waiting');
    this.stop = follow(
      async () => {
        const answer = await member.call('GET', path);
        if (!answer.success && SIGNED_OUT.includes(answer.code)) {
          this.stop();
          this.tell('signedOut');
        }
        return answer;
      },
      tell,
      how,
    );
  }
}
