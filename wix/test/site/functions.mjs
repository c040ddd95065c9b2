// HTTP functions, as Wix calls them.
import * as functions from 'backend/http-functions';
import { requestOf } from 'wix-http-functions';

import { withinWixsLimit } from './limit.mjs';

const LONGEST = 512 * 1024;

export async function callFunction(request, [name, ...path], body) {
  const called = functions[`${request.method.toLowerCase()}_${name}`];
  if (!called) return null;
  if (body.length > LONGEST) return { status: 413, headers: {}, body: '' };
  const given = requestOf(path, { body: body.toString('utf8'), headers: request.headers, ip: '203.0.113.7' });
  const answer = await withinWixsLimit(called(given));
  if (answer.status === 200 && request.headers['webhook-id']) tellOf(JSON.parse(body.toString('utf8')));
  return answer;
}

/** What the backend has told the site, for people who watch the terminal. */
function tellOf({ type, data }) {
  console.log(`told ${type} ${data.version ? `version ${data.version}` : `${data.paymentId} ${data.status}`}`);
}
