// The only part of the site that is public over HTTP: /_functions/<name>/<function>.
import { badRequest, forbidden, notFound, ok, serverError } from 'wix-http-functions';
import { answering, SaidError } from 'backend/lib/answers';
import { raise, routesVersion } from 'backend/lib/flag';
import { called, callerIn, isFunction } from 'backend/lib/functions';
import { believed } from 'backend/lib/news';

/** @typedef {import('wix-http-functions').WixHttpFunctionRequest} Request */

const LONGEST_BODY = 64 * 1024;
const HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  // The HTML components are in frames of hosts that nobody knows beforehand, and send no credentials.
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'POST, OPTIONS',
  'Access-Control-Allow-Headers': 'Content-Type, Idempotency-Key, X-HC-Page-Load',
};

/**
 * @param {string} module
 * @param {Request} request
 */
async function dispatch(module, request) {
  const name = String(request.path?.[0] ?? '');
  if (!isFunction(module, name)) {
    return notFound(
      answer({ success: false, error: `Unknown function: ${module}/${name.slice(0, 50)}.`, code: 'unknown_function' }),
    );
  }
  const args = await argumentsOf(request);
  if (!args) return badRequest(answer({ success: false, error: 'The body must be {"args": [...]}.', code: 'invalid' }));
  const { key, pageLoad } = callerIn(args);
  const { ip, headers = {} } = request;
  const caller = { ip, key: key ?? headers['idempotency-key'], pageLoad: pageLoad ?? headers['x-hc-page-load'] };
  return ok(answer(await called(module, name, args, caller)));
}

/** @param {Request} request */
async function argumentsOf(request) {
  try {
    const text = await request.body.text();
    if (text.length > LONGEST_BODY) return null;
    const { args } = JSON.parse(text || '{"args": []}');
    return Array.isArray(args) && args.length <= 8 ? args : null;
  } catch {
    return null;
  }
}

/** @param {object} body */
function answer(body) {
  return { headers: HEADERS, body: JSON.stringify(body) };
}

/** @param {Request} request */
export function post_charter_page_middleware(request) {
  const isEvent = request.path?.[0] === 'afterPaymentWebhook';
  return isEvent ? told(request, async () => ({})) : dispatch('charter_page_middleware', request);
}

export function options_charter_page_middleware() {
  return allowed();
}

/** @param {Request} request */
export function post_mission_support_middleware(request) {
  return dispatch('mission_support_middleware', request);
}

export function options_mission_support_middleware() {
  return allowed();
}

/** @param {Request} request */
export function post_stripe_api(request) {
  return dispatch('stripe_api', request);
}

export function options_stripe_api() {
  return allowed();
}

/** @param {Request} request */
export function post_nowpayments_api(request) {
  return dispatch('nowpayments_api', request);
}

export function options_nowpayments_api() {
  return allowed();
}

/**
 * The backend announces new routes.
 * @param {Request} request
 */
export function post_hingecraftRoutesUpdate(request) {
  return told(request, async (event) => {
    const version = event.data?.version;
    if (!Number.isSafeInteger(version) || version < 1) throw new SaidError('The event has no version.');
    return { version, news: await raise(version) };
  });
}

/** Pages, and `hingecraft site check`, ask which version the site knows. */
export async function get_hingecraftRoutesUpdate() {
  const found = await answering(async () => ({ version: await routesVersion() }))();
  return (found.success ? ok : serverError)(answer(found));
}

function allowed() {
  return ok({ headers: HEADERS, body: '' });
}

/**
 * @param {Request} request
 * @param {(event: {type: string, data: any}) => Promise<object>} use
 */
async function told(request, use) {
  const done = await answering(async () => {
    const event = await believed(await request.body.text(), request.headers);
    return use(event);
  })();
  if (done.success) return ok(answer(done));
  if (done.code === 'internal_error' || done.code.startsWith('missing_secret_')) return serverError(answer(done));
  return (done.code === 'invalid_signature' ? forbidden : badRequest)(answer(done));
}
