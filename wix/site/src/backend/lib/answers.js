// Every exported function answers {success, data} or {success: false, error}, and never throws.

const WRONG = 'Something went wrong on our side. Try again in a minute.';

/** What a person may read. */
export class SaidError extends Error {
  /**
   * @param {string} message
   * @param {{code?: string, status?: number}} [more]
   */
  constructor(message, more = {}) {
    super(message);
    this.code = more.code ?? 'invalid';
    this.status = more.status ?? 400;
  }
}

/**
 * A function that answers as above, whatever it is given.
 * @template T
 * @param {(...args: any[]) => Promise<T>} work
 * @returns {(...args: any[]) => Promise<{success: true, data: T} | {success: false, error: string, code: string}>}
 */
export function answering(work) {
  return async (...args) => {
    try {
      return { success: true, data: await work(...args) };
    } catch (error) {
      if (error instanceof SaidError) return { success: false, error: error.message, code: error.code };
      console.error(error instanceof Error ? error.message : 'a value was thrown');
      return { success: false, error: WRONG, code: 'internal_error' };
    }
  };
}
