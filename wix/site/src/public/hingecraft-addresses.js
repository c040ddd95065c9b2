// Where a visitor may be sent. Pages, the HTML components and the site's backend all ask here.

/** The hosts of our payment providers' pages. */
const PAY_HOSTS = ['checkout.stripe.com', 'billing.stripe.com', 'buy.stripe.com', 'donate.stripe.com', 'nowpayments.io'];
const LOOPBACK = ['127.0.0.1', 'localhost'];

/**
 * Whether an address is this very machine's, as in development.
 * @param {string} address
 */
export function isLoopback(address) {
  const parsed = parse(address);
  return parsed !== null && LOOPBACK.includes(parsed.hostname);
}

/**
 * Whether an address is a payment page that we know: https at a provider; in development this machine's sandbox too.
 * @param {unknown} address
 * @param {{development?: boolean}} [where]
 */
export function mayBeGoneTo(address, { development = false } = {}) {
  const parsed = parse(address);
  if (!parsed || parsed.username || parsed.password) return false;
  const { hostname, protocol } = parsed;
  if (protocol === 'https:' && PAY_HOSTS.some((host) => hostname === host || hostname.endsWith(`.${host}`))) return true;
  return development && protocol.startsWith('http') && LOOPBACK.includes(hostname);
}

/**
 * Whether an address is a page of this very site, such as /charter?donationAmount=5.
 * @param {unknown} address
 * @returns {address is string}
 */
export function isLocalPath(address) {
  return typeof address === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(address);
}

/**
 * Where a site answers HTTP functions. A site in a folder, such as https://someone.wixsite.com/charity, keeps it.
 * @param {string} site its address, with or without a slash at the end
 * @param {{preview?: boolean}} where Wix's preview has functions of its own
 * @param {string[]} path
 */
export function functionsAddress(site, { preview = false }, ...path) {
  return [site.replace(/\/+$/, ''), preview ? '_functions-dev' : '_functions', ...path].join('/');
}

/**
 * @param {unknown} address
 * @returns {URL | null}
 */
function parse(address) {
  try {
    return typeof address === 'string' ? new URL(address) : null;
  } catch {
    return null;
  }
}
