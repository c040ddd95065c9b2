// What the backend tells the site: believed only with its signature.
import { SaidError } from 'backend/lib/answers';
import { positionsOf } from 'backend/lib/given';
import { secret } from 'backend/lib/secrets';
import { isOurs } from 'backend/lib/signature';

/**
 * The event in a message that the backend has signed.
 * @param {unknown} body the raw text
 * @param {unknown} headers in lower case
 * @returns {Promise<{type: string, data: any}>}
 */
export async function believed(body, headers) {
  const signed = headers !== null && typeof headers === 'object' ? /** @type {Record<string, string>} */ (headers) : {};
  if (typeof body !== 'string' || !isOurs(await secret('HC_WEBHOOK_SECRET'), signed, body)) {
    throw new SaidError('The signature is not valid.', { code: 'invalid_signature', status: 400 });
  }
  try {
    const event = JSON.parse(body);
    if (typeof event?.type === 'string') return event;
  } catch {
    // Below, in the same words as any other body that is not an event.
  }
  throw new SaidError('The body is not an event.', { code: 'invalid', status: 400 });
}

/**
 * A payment's news: (body, headers), or one object that has both.
 * @param {unknown[]} given
 */
export async function afterPaymentWebhook(...given) {
  const [body, headers] = positionsOf(given, 'body', 'headers');
  const event = await believed(body, headers);
  return { received: event.type };
}
