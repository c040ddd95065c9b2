import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCE = new URL('../site/src/', import.meta.url);
const STUBS = new URL('./stubs/', import.meta.url);
const ENDINGS = ['', '.js'];
// Wix lets new sites make no `.jsw` files.
const LACKS_JSW = Boolean(process.env.SITE_LACKS_JSW);

export async function resolve(specifier, context, next) {
  if (specifier.startsWith('wix-')) return { url: new URL(`${specifier}.mjs`, STUBS).href, shortCircuit: true };
  if (/^(backend|public)[/]/.test(specifier)) {
    const url = ENDINGS.map((ending) => new URL(specifier + ending, SOURCE)).find((each) => existsSync(fileURLToPath(each)));
    if (!url || (LACKS_JSW && url.pathname.endsWith('.jsw'))) throw new Error(`there is no ${specifier}`);
    return { url: url.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.jsw')) return next(url, context);
  return { format: 'module', source: await readFile(fileURLToPath(url)), shortCircuit: true };
}
