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
    /** @type {string | undefined} of the call to the backend that failed */
    this.requestId = undefined;
  }
}

/**
 * A function that answers as above, whatever it is given.
 * @template T
 * @param {(...args: any[]) => Promise<T>} work
 * @returns {(...args: any[]) => Promise<{success: true, data: T} | {success: false, error: string, code: string, requestId?: string}>}
 */
export function answering(work) {
  return async (...args) => {
    try {
      return { success: true, data: await work(...args) };
    } catch (error) {
      if (error instanceof SaidError) return failed(error);
      console.error(error instanceof Error ? error.message : 'a value was thrown');
      return { success: false, error: WRONG, code: 'internal_error' };
    }
  };
}

/**
 * With the id by which the people who run the backend find the call in its log.
 * @param {SaidError} error
 * @returns {{success: false, error: string, code: string, requestId?: string}}
 */
function failed({ message, code, status, requestId }) {
  const answer = { success: /** @type {const} */ (false), error: message, code };
  if (!requestId) return answer;
  if (status >= 500) console.error(`${code}: ${message} Its id in the log of the payment service: ${requestId}`);
  return { ...answer, requestId };
}
