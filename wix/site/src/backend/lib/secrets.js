// The three secrets that this site holds: HC_BACKEND_URL, HC_WEBHOOK_SECRET, HC_VISITOR_SECRET. No provider's key is here.
import { elevate } from 'wix-auth';
import { secrets } from 'wix-secrets-backend.v2';
import { SaidError } from 'backend/lib/answers';

const NOT_SET_UP = "This site is not connected to its payment service yet. The site's owner needs to finish the setup.";
const KEPT_FOR_MS = 60000;
const kept = new Map();

/**
 * A secret's value; Wix answers it as a text or inside an object.
 * @param {string} name
 * @returns {Promise<string>}
 */
export async function secret(name) {
  const known = kept.get(name);
  if (known && Date.now() - known.at < KEPT_FOR_MS) return known.value;
  const answered = await elevate(secrets.getSecretValue)(name).catch(() => null);
  const value = String((answered && typeof answered === 'object' ? answered.value : answered) ?? '').trim();
  if (!value) {
    console.error(`The secret ${name} is not set: add it in the site's dashboard, Developer Tools, Secrets Manager.`);
    throw new SaidError(NOT_SET_UP, { code: `missing_secret_${name}`, status: 503 });
  }
  kept.set(name, { value, at: Date.now() });
  return value;
}

/** Forget what is kept, as after a rotation. */
export function forgetSecrets() {
  kept.clear();
}
