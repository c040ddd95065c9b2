// Waits for conditions, never for a time.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';

/** Far more than a slow and busy machine needs: it is reached only where nothing happens any more. */
export const PROGRESS_MS = 60_000;
const AGAIN_MS = 50;

/**
 * Ask again until that holds; the answer.
 * @template T
 * @param {() => T | Promise<T>} ask
 * @param {(found: T) => unknown} [holds]
 * @param {string} [what] is waited for
 */
export async function until(ask, holds = Boolean, what = 'what was waited for') {
  const end = Date.now() + PROGRESS_MS;
  for (;;) {
    const found = await ask();
    if (holds(found)) return found;
    assert.ok(Date.now() < end, `${what} did not happen; the last answer: ${JSON.stringify(found)}`);
    await setTimeout(AGAIN_MS);
  }
}
