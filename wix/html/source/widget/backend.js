// The widget's calls: it asks our API directly, from whatever site it is on, without cookies.

/**
 * @typedef {object} Settings what the owner has set, and what is known of the currencies
 * @property {string | null} widgetTitle
 * @property {'light' | 'dark' | null} widgetTheme
 * @property {boolean | null} widgetBorder
 * @property {string[] | null} widgetAmounts
 * @property {string | null} defaultCurrency
 * @property {import('../appearance.js').Palette | null} light
 * @property {import('../appearance.js').Palette | null} dark
 * @property {'test' | 'live'} mode
 * @property {Record<string, import('../amounts.js').Bounds>} bounds
 */

const ANSWER_WITHIN_MS = 15_000;
/** The backend that serves this file writes its public address here. */
const TOLD = 'hingecraft-public-url';
/** Known only while the file runs. */
const SCRIPT = document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : '';

/** @type {Map<string, Promise<Settings | null>>} One answer for all widgets of a page. */
const asked = new Map();

/**
 * The origin of the backend: as the attribute says, as the file was served, or where it was loaded from.
 * @param {string | null} attribute
 */
export function backendOf(attribute) {
  for (const address of [attribute, TOLD, SCRIPT]) {
    try {
      if (address) return new URL(address).origin;
    } catch {
      // Not an address: the next one counts.
    }
  }
  return location.origin;
}

/**
 * @param {string} backend
 * @param {string | null} site
 * @returns {Promise<Settings | null>} null where they cannot be had
 */
export function settingsOf(backend, site) {
  const url = `${backend}/api/v1/appearance${site ? `?site=${encodeURIComponent(site)}` : ''}`;
  const known = asked.get(url) ?? call(url, {}).then((answer) => (answer.success ? answer.data : null));
  asked.set(url, known);
  known.then((settings) => settings || asked.delete(url));
  return known;
}

/**
 * A payment page for one gift.
 * @param {string} backend
 * @param {object} wanted
 * @param {string} key
 */
export function open(backend, wanted, key) {
  return call(`${backend}/charter/generate-payment`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify(wanted),
  });
}

/**
 * @param {string} url
 * @param {RequestInit} options
 * @returns {Promise<any>} never a throw
 */
async function call(url, options) {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const response = await fetch(url, { ...options, credentials: 'omit', signal });
    const answer = await response.json();
    if (typeof answer?.success === 'boolean') return answer;
  } catch {
    // Answered below: offline, blocked by the page's policy, too slow, or no JSON.
  }
  return { success: false, code: 'unreachable' };
}
