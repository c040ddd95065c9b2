// What the client of the backend takes from the place that it runs in. Pages that the backend serves run it with
// their own: wix/html/source/direct-runtime.js.
import { secret } from 'backend/lib/secrets';

export { randomUUID as newRequestId } from 'crypto';
export { fetch } from 'wix-fetch';
export { visitorHeader } from 'backend/lib/visitor';

/** The backend's public address. */
export async function backendUrl() {
  return secret('HC_BACKEND_URL');
}
