// The site's pages: a frame with the HTML component, and the page code, which Wix runs on its servers first.
import { readFile } from 'node:fs/promises';

const PAGES = {
  charter: { title: 'Charter', component: 'charter-page-wix-ready.html' },
  'mission-support': { title: 'Mission Support', component: 'mission-support.html' },
  // Where somebody has pasted the component, and nothing else.
  'without-page-code': { title: 'Mission Support', component: 'mission-support.html', hasNoCode: true },
};
const FOLDERS = {
  browser: new URL('./browser/', import.meta.url),
  public: new URL('../../site/src/public/', import.meta.url),
  pages: new URL('../../site/src/pages/', import.meta.url),
};
const FRONTENDS = ['wix-fetch', 'wix-location-frontend', 'wix-realtime-frontend', 'wix-storage-frontend', 'wix-window-frontend'];
// An HTML component of Wix' may do this and no more.
const SANDBOX = 'allow-same-origin allow-forms allow-popups allow-scripts allow-pointer-lock';
const IMPORTS = {
  ...Object.fromEntries(FRONTENDS.map((name) => [name, `/_site/browser/${name}.mjs`])),
  'backend/': '/_site/web-methods/',
  'public/': '/_site/public/',
};

let loads = 0;

/** Page code runs on the server before it runs in the browser; there it must use up nothing. */
async function runOnServer(name) {
  const ready = [];
  globalThis.$w = Object.assign(() => ({ onMessage: () => undefined, postMessage: () => undefined }), {
    onReady: (work) => ready.push(work),
  });
  loads += 1;
  await import(`../../site/src/pages/${name}.js?load=${loads}`);
  for (const work of ready) await work();
}

export async function pageOf(name, componentsPort) {
  if (!name) return { status: 302, headers: { Location: '/mission-support' } };
  if (!Object.hasOwn(PAGES, name)) return null;
  if (!PAGES[name].hasNoCode) await runOnServer(name);
  return { headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: written(name, PAGES[name], componentsPort) };
}

function written(name, { title, component, hasNoCode }, port) {
  const code = `<script type="module">import { run } from '/_site/browser/velo.mjs'; run('/_site/pages/${name}.js');</script>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} | HingeCraft</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark } html, body { height: 100%; margin: 0 }
  body { display: grid; grid-template-rows: auto 1fr; font: 1rem system-ui, sans-serif }
  nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: .75rem 1.25rem } nav a { color: inherit; padding: .25rem 0 }
  iframe { border: 0; width: 100%; height: 100% }
</style>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<nav aria-label="Site"><a href="/mission-support">Mission Support</a><a href="/charter">Charter</a></nav>
<iframe id="hingecraft" title="${title}" sandbox="${SANDBOX}" src="http://localhost:${port}/${component}"></iframe>
${hasNoCode ? '' : code}
`;
}

export async function scriptOf(folder, file) {
  if (!Object.hasOwn(FOLDERS, folder) || !/^[\w-]+([.]m?js)?$/.test(file)) return null;
  const name = /[.]m?js$/.test(file) ? file : `${file}.js`;
  return { headers: { 'Content-Type': 'text/javascript' }, body: await readFile(new URL(name, FOLDERS[folder])) };
}
