// Stands for a published Wix site: its HTTP functions at /_functions, as Wix calls them. Prints its address.
import { createServer } from 'node:http';

import * as functions from 'backend/http-functions';
import { requestOf } from 'wix-http-functions';
import { kept } from 'wix-secrets-backend.v2';

const LIMIT_MS = 14_000;
const LONGEST = 512 * 1024;

for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('HC_') && value) kept.set(name, value);
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const [root, name, ...path] = new URL(request.url, 'http://site').pathname.split('/').slice(1);
  const called = functions[`${request.method.toLowerCase()}_${name}`];
  if (root !== '_functions' || !called) return end(response, { status: 404, body: '<html>Not found' });
  if (body.length > LONGEST) return end(response, { status: 413, body: '' });
  const given = requestOf(path, { body: body.toString('utf8'), headers: request.headers, ip: '203.0.113.7' });
  const late = new Promise((done) => setTimeout(done, LIMIT_MS, { status: 504, body: '' }).unref());
  return end(response, await Promise.race([called(given), late]));
});

function end(response, { status, headers = {}, body = '' }) {
  response.writeHead(status, headers);
  response.end(body);
}

server.listen(Number(process.env.SITE_PORT ?? 0), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
