const answered =
  (status) =>
  (options = {}) => ({ status, headers: options.headers ?? {}, body: options.body });

export const ok = answered(200);
export const created = answered(201);
export const badRequest = answered(400);
export const forbidden = answered(403);
export const notFound = answered(404);
export const serverError = answered(500);

const LONGEST = 512 * 1024;

// A request as Wix hands it over: lower-case headers, a path without the function's name, at most 512 KB.
export function requestOf(path, { body = '', headers = {}, ip = '203.0.113.7' } = {}) {
  if (Buffer.byteLength(body) > LONGEST) throw new Error('413 before any of our code runs');
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { path, headers: lower, ip, query: {}, body: { text: async () => body, json: async () => JSON.parse(body) } };
}
