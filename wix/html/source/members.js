// A member of the site: the token that proves who it is, and the calls that are made with it.

const ANSWER_WITHIN_MS = 15_000;
const KEPT_AS = 'hingecraft-token';
const HANDED = /(?:^|[#&])access_token=([^&]*)/;
/** Nothing but a new token helps. */
export const SIGNED_OUT = ['invalid_token', 'missing_token', 'role_not_allowed'];

/** @typedef {import('./velo.js').Answer} Answer */

/**
 * Take the token that a site has put into the fragment of the address, where nobody else should read it.
 * @returns {string} empty if there is none
 */
export function takeHanded() {
  const found = HANDED.exec(location.hash);
  if (!found) return '';
  const rest = location.hash.replace(found[0], '').replace(/^[#&]+/, '');
  history.replaceState(history.state, '', location.pathname + location.search + (rest && `#${rest}`));
  return found[1];
}

/**
 * Whose token it is, for people. Only the backend can tell whether it is genuine.
 * @param {string} token
 * @returns {string}
 */
export function nameIn(token) {
  try {
    const part = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
    return String(claims.email ?? claims.sub ?? '');
  } catch {
    return '';
  }
}

export class Member {
  /** @param {string} backend its origin */
  constructor(backend) {
    this.backend = backend;
    this.token = '';
    try {
      this.token = sessionStorage.getItem(KEPT_AS) ?? '';
    } catch {
      // Storage is blocked: the token is known as long as the page is open.
    }
  }

  /** @param {string} token empty to sign out */
  sign(token) {
    this.token = token;
    try {
      if (token) sessionStorage.setItem(KEPT_AS, token);
      else sessionStorage.removeItem(KEPT_AS);
    } catch {
      // See above.
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {string} [key] under which the call may be repeated
   * @returns {Promise<Answer>} never a throw
   */
  async call(method, path, body, key) {
    /** @type {Record<string, string>} */
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    if (body) headers['Content-Type'] = 'application/json';
    if (key) headers['Idempotency-Key'] = key;
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const response = await fetch(this.backend + path, { method, headers, signal, body: body && JSON.stringify(body) });
      const answer = await response.json();
      if (typeof answer?.success === 'boolean') return answer;
    } catch {
      // Answered below.
    }
    const error = navigator.onLine
      ? 'We cannot be reached right now. Try again in a minute.'
      : 'You are offline. Try again when you are back online.';
    return { success: false, code: 'unreachable', error };
  }
}
