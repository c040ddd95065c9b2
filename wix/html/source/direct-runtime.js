// For a page that the backend serves, what site/src/backend/lib/runtime.js is at Wix: build.mjs puts it in its place.

export const fetch = (/** @type {string} */ url, /** @type {RequestInit} */ options) => window.fetch(url, options);

export const newRequestId = () => crypto.randomUUID();

/** Only the site can sign names of visitors; the backend sees this one's address itself. */
export async function visitorHeader() {
  return {};
}

export async function backendUrl() {
  return location.origin;
}
