// Stands for a published Wix site, in Node and in a browser: its pages with their page code, its web methods, its HTTP
// functions, Realtime; and on a host of its own, as at Wix, the HTML components. Prints its address, then what it is told.
import { createServer } from 'node:http';
import { collections } from 'wix-data';
import { listeners } from 'wix-realtime-backend';
import { kept } from 'wix-secrets-backend.v2';

import { componentOf } from './components.mjs';
import { callFunction } from './functions.mjs';
import { pageOf, scriptOf } from './pages.mjs';
import { callMethod, proxyOf } from './web-methods.mjs';

const NOWHERE = {
  status: 404,
  headers: { 'Content-Type': 'text/html' },
  body: '<!doctype html><title>Not found</title>Not found',
};

for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('HC_') && value) kept.set(name, value);
}

// A site whose owner has not come to that step yet.
if (process.env.SITE_LACKS_COLLECTION) collections.clear();

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function realtime(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': listening\n\n');
  const hear = (channel, payload) => response.write(`data: ${JSON.stringify({ channel, payload })}\n\n`);
  listeners.add(hear);
  response.on('close', () => listeners.delete(hear));
}

async function answerOf(request, url) {
  const [root, ...path] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (root === '_functions') return callFunction(request, path, await bodyOf(request));
  if (root === '_site') return sitePart(request, path);
  return pageOf(root, components.address().port);
}

async function sitePart(request, [part, ...path]) {
  if (part === 'web-methods' && request.method === 'POST') return callMethod(path, await bodyOf(request));
  if (part === 'web-methods') return proxyOf(path[0]);
  return scriptOf(part, path.join('/'));
}

function serving(answer) {
  return createServer(async (request, response) => {
    const url = new URL(request.url, 'http://site');
    if (url.pathname === '/_site/realtime') return realtime(response);
    const found = (await answer(request, url).catch((error) => console.error(error))) ?? NOWHERE;
    response.writeHead(found.status ?? 200, found.headers);
    response.end(found.body);
  });
}

const listening = (server, port) => new Promise((done) => server.listen(Number(port ?? 0), '127.0.0.1', done));

const components = serving((_request, url) => componentOf(url.pathname.slice(1)));
const site = serving(answerOf);
await listening(components, process.env.COMPONENTS_PORT);
await listening(site, process.env.SITE_PORT);
console.log(`http://127.0.0.1:${site.address().port}`);
process.on('SIGTERM', () => process.exit(0));
