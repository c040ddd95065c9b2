// Who is asking, signed: the backend's limits then apply to the visitor, and not to Wix's servers.
import { createHmac } from 'crypto';
import { secret } from 'backend/lib/secrets';

const MADE_BY_A_PAGE = /^[A-Za-z0-9_-]{22}$/;
const ADDRESS = /^[0-9a-fA-F:.]{2,45}$/;

/**
 * The header X-HC-Visitor, or nothing for somebody without a name.
 * @param {{ip?: unknown, visitor?: unknown}} caller
 * @returns {Promise<Record<string, string>>}
 */
export async function visitorHeader(caller) {
  const id = nameOf(caller);
  if (!id) return {};
  const named = `v1;${id};${Math.floor(Date.now() / 1000)}`;
  const key = (await secret('HC_VISITOR_SECRET')).split(',')[0].trim();
  return { 'X-HC-Visitor': `${named};${createHmac('sha256', key).update(named).digest('hex')}` };
}

/** @param {{ip?: unknown, visitor?: unknown}} caller */
function nameOf({ ip, visitor }) {
  if (typeof ip === 'string' && ADDRESS.test(ip)) return `ip:${ip}`;
  if (typeof visitor === 'string' && MADE_BY_A_PAGE.test(visitor)) return `vid:${visitor}`;
  return '';
}
