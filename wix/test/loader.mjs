import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BACKEND = new URL('../site/src/backend/', import.meta.url);
const STUBS = new URL('./stubs/', import.meta.url);
const ENDINGS = ['', '.js', '.jsw'];

export async function resolve(specifier, context, next) {
  if (specifier.startsWith('wix-')) return { url: new URL(`${specifier}.mjs`, STUBS).href, shortCircuit: true };
  if (specifier.startsWith('backend/')) {
    const wanted = specifier.slice('backend/'.length);
    const url = ENDINGS.map((ending) => new URL(wanted + ending, BACKEND)).find((each) => existsSync(fileURLToPath(each)));
    if (!url) throw new Error(`there is no ${specifier}`);
    return { url: url.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.jsw')) return next(url, context);
  return { format: 'module', source: await readFile(fileURLToPath(url)), shortCircuit: true };
}
