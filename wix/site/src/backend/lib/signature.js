// What the backend sends is signed as Standard Webhooks writes it.
import { createHmac, timingSafeEqual } from 'crypto';

const TOLERANCE_SECONDS = 300;
const PREFIX = 'whsec_';

/**
 * Whether a message is the backend's own and new.
 * @param {string} secrets one, or two with a comma while they are rotated
 * @param {Record<string, string | undefined>} headers in lower case
 * @param {string} body as it came
 * @param {number} now in seconds
 * @returns {boolean}
 */
export function isOurs(secrets, headers, body, now = Date.now() / 1000) {
  const id = headers['webhook-id'] ?? '';
  const moment = headers['webhook-timestamp'] ?? '';
  if (!id || !/^\d{1,12}$/.test(moment) || Math.abs(now - Number(moment)) > TOLERANCE_SECONDS) return false;
  const given = (headers['webhook-signature'] ?? '')
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice(3), 'base64'));
  const right = secrets
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => Buffer.from(part.startsWith(PREFIX) ? part.slice(PREFIX.length) : part, 'base64'))
    .map((key) => createHmac('sha256', key).update(`${id}.${moment}.${body}`).digest());
  return right.some((wanted) => given.some((found) => found.length === wanted.length && timingSafeEqual(found, wanted)));
}
