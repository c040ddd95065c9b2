// Prints an HTML page or a module made of `source`: one file, without anything from elsewhere, pages under a strict policy.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

import * as texts from './source/texts/en.js';

const SOURCE = new URL('./source/', import.meta.url);
const SITE = new URL('../site/src/', import.meta.url);
const STYLES = ['page.css', 'form.css'];
/** Pages with a style of their own, after those of all pages. */
const OWN_STYLES = {
  charter: ['donation.css'],
  'mission-support': ['donation.css'],
  account: ['account.css'],
  'account-return': ['account.css'],
  shop: ['account.css', 'shop.css'],
  'shop-return': ['account.css', 'shop.css'],
  'wix-pricing': ['wix-pricing.css'],
};

/** Pages that look like Wix's editor around them, and not like ours. */
const WITH_OWN_STYLE_ONLY = { 'wix-panel': ['wix-panel.css'] };

const hashed = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const ALIAS = {
  'backend/lib/runtime': fileURLToPath(new URL('direct-runtime.js', SOURCE)),
  backend: fileURLToPath(new URL('backend', SITE)),
  public: fileURLToPath(new URL('public', SITE)),
};

/** Wix's own monitoring, which would be half of the file, is for errors that we do not report. */
const WITHOUT_MONITORING = {
  name: 'without monitoring',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@wix\/monitoring/ }, ({ path }) => ({ path, namespace: 'nothing' }));
    onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({
      contents: 'export const getMonitoringClientFunction = () => () => undefined;',
    }));
  },
};
const MADE_SMALL = {
  'hingecraft-donate': { minify: true },
  'wix-panel': { minify: true },
  'wix-panel-editor': { minify: true, plugins: [WITHOUT_MONITORING] },
};

function built(name, format, more = {}) {
  const entryPoints = [fileURLToPath(new URL(`${name}.js`, SOURCE))];
  const how = { bundle: true, write: false, format, target: 'es2022', legalComments: 'none', alias: ALIAS };
  return build({ entryPoints, ...how, ...MADE_SMALL[name], ...more });
}

async function bundled(name, format = 'iife') {
  return `\n${(await built(name, format)).outputFiles[0].text}`;
}

/** The folders of the packages of npm that are in it. */
async function packagesOf(name) {
  const { metafile } = await built(name, FORMATS[name], { metafile: true });
  const inside = Object.keys(metafile.inputs).map((file) => /.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(inside.filter(Boolean))].map((folder) => resolve(folder)).sort();
}

/** Only what is written here may run; the calls go to the site and the backend, which differ from site to site. */
function policyFor(script, style) {
  const parts = [
    "default-src 'none'",
    `script-src ${hashed(script)}`,
    `style-src ${hashed(style)}`,
    'img-src data:',
    "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return `<meta http-equiv="Content-Security-Policy" content="${parts.join('; ')}" />`;
}

const read = (file) => readFile(new URL(file, SOURCE), 'utf8');

/** The English texts, for elements that name theirs; other languages are filled in by the script. */
const withTexts = (page) =>
  page.replace(/(<[^>]*\sdata-text="(\w+)\.(\w+)"[^>]*>)(?=<\/)/g, (_, tag, part, name) => {
    const text = texts[part]?.[name];
    if (!text) throw new Error(`there is no text ${part}.${name}`);
    return tag + text.replaceAll('{name}', 'HingeCraft');
  });

/** What several pages have is in files of its own. */
async function withParts(template) {
  const [, part] = /<!-- part: ([a-z-]+) -->/.exec(template) ?? [];
  return part
    ? withParts(template.replace(`<!-- part: ${part} -->`, await read(`${part}.html`).then((text) => text.trim())))
    : template;
}

async function pageOf(name) {
  const template = withTexts(await withParts(await read(`${name}.html`)));
  const style = `\n${(await Promise.all((WITH_OWN_STYLE_ONLY[name] ?? [...STYLES, ...(OWN_STYLES[name] ?? [])]).map(read))).join('')}`;
  const script = await bundled(name);
  if (/<\/script|<!--/i.test(script)) throw new Error(`the script of ${name} would end too early`);
  return template
    .replace('<!-- policy -->', () => policyFor(script, style))
    .replace('<!-- appearance -->', '<script type="application/json" id="appearance">{}</script>')
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace(
      '<!-- script -->',
      () => `<!-- Made of wix/html/source by "make generate": change it there. -->\n    <script>${script}</script>`,
    );
}

/** A file that other sites load: a module, or the widget, which has to be small. */
const fileOf = async (name, format) =>
  `// Made of wix/html/source by "make generate": change it there.${await bundled(name, format)}`;
/** By name; everything else is a page. */
const FORMATS = { 'plan-session': 'esm', 'hingecraft-donate': 'iife', 'wix-panel-editor': 'esm' };

const [, , made, what] = process.argv;
const printed = async () => {
  if (what === 'packages') return JSON.stringify(await packagesOf(made));
  return made in FORMATS ? fileOf(made, FORMATS[made]) : pageOf(made);
};
process.stdout.write(await printed());
