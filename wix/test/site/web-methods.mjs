// What page code imports from `backend/...` is a proxy: the function itself runs on the server, and only what may be called.
import { permissionOf } from 'wix-web-module';

import { withinWixsLimit } from './limit.mjs';

async function methodsOf(module) {
  const exported = await import(`backend/${module}`);
  const names = Object.keys(exported).filter((name) => typeof exported[name] === 'function');
  // Of a `.web` module, a plain export cannot be called.
  const callable = module.endsWith('.web') ? names.filter((name) => permissionOf.has(exported[name])) : names;
  return Object.fromEntries(callable.map((name) => [name, exported[name]]));
}

export async function proxyOf(module) {
  const names = Object.keys(await methodsOf(module));
  const lines = names.map((name) => `export const ${name} = methodOf('${module}', '${name}');`);
  const body = [`import { methodOf } from '/_site/browser/web-methods.mjs';`, ...lines].join('\n');
  return { headers: { 'Content-Type': 'text/javascript' }, body };
}

export async function callMethod([module, name], body) {
  const { [name]: called } = await methodsOf(module);
  const work = called(...JSON.parse(body.toString('utf8'))).then((answer) => JSON.stringify(answer ?? null));
  const answer = await withinWixsLimit(work);
  return typeof answer === 'string' ? { headers: { 'Content-Type': 'application/json' }, body: answer } : answer;
}
