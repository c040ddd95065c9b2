// A payment is looked at until nothing more can happen to it.

/** Most payments are confirmed within a second. */
const EARLY_MS = [700, 1_500];
const SOON_MS = 3_000;
const LATER_MS = 15_000;
const PATIENT_AFTER_MS = 5 * 60_000;
/** Asking again cannot help: the backend knows no such payment, or the address names none. */
export const NEVER_KNOWN = ['unknown_payment', 'unknown_session', 'not_authorized', 'invalid_request', 'invalid'];
/** A standing link brings its payer back before the provider has told the backend of the payment. */
export const KNOWN_LATER_MS = 2 * 60_000;

/** @typedef {'waiting' | 'paid' | 'failed' | 'expired' | 'returned'} Outcome */

/** @type {Record<string, Outcome>} */
const OUTCOMES = {
  creating: 'waiting',
  pending: 'waiting',
  awaiting_confirmation: 'waiting',
  unknown: 'waiting',
  open: 'waiting',
  completed: 'paid',
  paid: 'paid',
  disputed: 'paid',
  partially_refunded: 'paid',
  refunded: 'returned',
  failed: 'failed',
  error: 'failed',
  expired: 'expired',
};

/**
 * What a status means to a person.
 * @param {unknown} status
 * @returns {Outcome}
 */
export function outcomeOf(status) {
  return OUTCOMES[String(status)] ?? 'waiting';
}

/**
 * A visitor who returns to the page does not wait.
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
function seenOrAfter(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    document.addEventListener('visibilitychange', done);
  });
}

/**
 * Ask until the outcome is final: twice soon, then every 3 s while the page is seen, every 15 s after five minutes.
 * @param {() => Promise<import('./velo.js').Answer>} ask
 * @param {(outcome: Outcome | 'unknown', payment: any) => void} tell
 * @param {{isSeen?: () => boolean, now?: () => number, wait?: (milliseconds: number) => Promise<void>, knownWithin?: number}} [world]
 *   `knownWithin`: for how long a payment may be unknown to the backend
 * @returns {() => void} stops it
 */
export function follow(ask, tell, world = {}) {
  const isSeen = world.isSeen ?? (() => document.visibilityState === 'visible');
  const now = world.now ?? Date.now;
  const wait = world.wait ?? seenOrAfter;
  const knownWithin = world.knownWithin ?? 0;
  const started = now();
  const early = [...EARLY_MS];
  let isStopped = false;

  const run = async () => {
    while (!isStopped) {
      const isFinal = isSeen() && !isStopped && (await look());
      if (isFinal) return;
      await wait(early.shift() ?? (now() - started < PATIENT_AFTER_MS ? SOON_MS : LATER_MS));
    }
  };
  const look = async () => {
    const answer = await ask();
    if (isStopped) return true;
    if (!answer.success) {
      const isFinal = NEVER_KNOWN.includes(answer.code) && now() - started >= knownWithin;
      if (isFinal) tell('unknown', null);
      return isFinal;
    }
    const outcome = outcomeOf(answer.data?.status);
    tell(outcome, answer.data);
    return outcome !== 'waiting';
  };
  run();
  return () => {
    isStopped = true;
  };
}
