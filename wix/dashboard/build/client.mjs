// Prints the types of the calls that the dashboard makes, from docs/openapi.json.
import { readFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const DOCUMENT = process.env.OPENAPI ?? new URL('../../../docs/openapi.json', import.meta.url);
const OURS = '/api/v1/wix/';
const WEBHOOKS = '/api/v1/wix/webhook';
const HEADING = '// Written from docs/openapi.json by "make generate".\n\n';

const document = JSON.parse(await readFile(DOCUMENT, 'utf8'));
const paths = Object.entries(document.paths).filter(([path]) => path.startsWith(OURS) && !path.startsWith(WEBHOOKS));
const used = Object.fromEntries(paths.map(([path, calls]) => [path, withoutErrors(calls)]));
const { openapi, info } = document;
const types = await openapiTS(
  { openapi, info, paths: used, components: { schemas: schemasOf(used) } },
  { silent: true, defaultNonNullable: false },
);
process.stdout.write(HEADING + astToString(types));

/** An error is read as one, whatever the call. */
function withoutErrors(calls) {
  const found = structuredClone(calls);
  for (const call of Object.values(found)) {
    call.responses = Object.fromEntries(Object.entries(call.responses).filter(([status]) => status.startsWith('2')));
    for (const answer of Object.values(call.responses)) delete answer.headers;
    call.parameters = (call.parameters ?? []).filter((each) => each.in !== 'header' || each.required);
    delete call.security;
    delete call.description;
  }
  return plain(found);
}

/** The schemas that are named by something that is used. */
function schemasOf(part, found = {}) {
  for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    if (name in found) continue;
    found[name] = plain(document.components.schemas[name]);
    schemasOf(found[name], found);
  }
  return found;
}

/** Without examples: they are for readers of /docs. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(
    ([name, each]) => !['example', 'examples'].includes(name) || (typeof each === 'object' && 'type' in each),
  );
  return Object.fromEntries(kept.map(([name, each]) => [name, plain(each)]));
}
