// The widget's settings: inside Wix's editor they change the widget on the canvas; anywhere else they show it, and the code
// for a page.
import { element, input, say, toldPlaces } from './dom.js';

const ATTRIBUTES = ['title', 'amounts', 'currency', 'theme', 'show-border'];
const EDITOR_ANSWERS_WITHIN_MS = 4_000;
const TYPED_MS = 400;
const AMOUNTS = /^\s*\d{1,7}([.]\d{1,2})?(\s*,\s*\d{1,7}([.]\d{1,2})?){0,5}\s*,?\s*$/;

/** What is wrong with a value, by attribute; nothing is wrong with an empty one. @type {Record<string, (value: string) => string>} */
const PROBLEMS = {
  amounts: (value) => (AMOUNTS.test(value) ? '' : 'Enter up to six amounts, such as 10, 25, 50.'),
  currency: (value) => (/^[A-Za-z]{3}$/.test(value) ? '' : 'Enter three letters, such as EUR.'),
};

/** @typedef {{getProp: (name: string) => Promise<string>, setProp: (name: string, value: string) => Promise<void>}} Canvas */
/** The widget in Wix's editor. @type {Canvas | null} */
let canvas = null;
const backend = toldPlaces().backend || location.origin;
const field = (/** @type {string} */ name) => /** @type {HTMLInputElement | HTMLSelectElement} */ (element(name));
const valueOf = (/** @type {string} */ name) => field(name).value.trim();

/** The site that the panel was opened for. The id is public, so nobody checks the token here. */
function siteId() {
  const [, data = ''] = (new URLSearchParams(location.search).get('instance') ?? '').split('.');
  try {
    return String(JSON.parse(atob(data.replace(/-/g, '+').replace(/_/g, '/'))).instanceId ?? '');
  } catch {
    return '';
  }
}

/**
 * The widget in the editor around; null where there is none.
 * @returns {Promise<Canvas | null>}
 */
async function connected() {
  if (window.parent === window) return null;
  const path = '/wix-panel/editor.js';
  try {
    const { connect } = await import(path);
    const found = connect();
    const late = new Promise((_, reject) => setTimeout(reject, EDITOR_ANSWERS_WITHIN_MS, new Error('no editor answers')));
    const values = await Promise.race([Promise.all(ATTRIBUTES.map((name) => found.getProp(name))), late]);
    for (const [at, name] of ATTRIBUTES.entries()) if (values[at]) field(name).value = String(values[at]);
    return found;
  } catch {
    // No editor around, or an older one: the panel shows the code instead.
    return null;
  }
}

/** @param {string} name */
function problemWith(name) {
  const value = valueOf(name);
  return value && name in PROBLEMS ? PROBLEMS[name](value) : '';
}

/** @param {string} name */
async function change(name) {
  const problem = problemWith(name);
  if (name in PROBLEMS) {
    element(`${name}-error`).textContent = problem;
    input(name).setAttribute('aria-invalid', String(Boolean(problem)));
  }
  if (problem) return;
  showWidget();
  if (!canvas) return;
  try {
    await canvas.setProp(name, valueOf(name));
    say('said', '');
  } catch {
    say('said', 'The editor did not take this change. Close the panel, open it again and repeat the change.');
  }
}

/** The widget with these settings, and the code that makes it. */
function showWidget() {
  const widget = element('widget');
  const attributes = [['site', siteId()], ...ATTRIBUTES.map((name) => [name, problemWith(name) ? '' : valueOf(name)])];
  for (const [name, value] of attributes) {
    if (value) widget.setAttribute(name, value);
    else widget.removeAttribute(name);
  }
  const written = attributes.filter(([, value]) => value).map(([name, value]) => ` ${name}="${escaped(value)}"`);
  const script = `<script src="${backend}/widget/hingecraft-donate.js" async></script>`;
  field('code').value = `${script}\n<hingecraft-donate${written.join('')}></hingecraft-donate>`;
}

const escaped = (/** @type {string} */ text) => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');

for (const name of ATTRIBUTES) {
  /** What is typed is not sent at every letter. @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  field(name).addEventListener('change', () => {
    clearTimeout(typing);
    change(name);
  });
  field(name).addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(change, TYPED_MS, name);
  });
}
element('form').addEventListener('submit', (event) => event.preventDefault());
element('copy').addEventListener('click', async () => {
  const code = /** @type {HTMLTextAreaElement} */ (element('code'));
  code.select();
  const isCopied = await navigator.clipboard.writeText(code.value).then(
    () => true,
    () => document.execCommand('copy'),
  );
  say('said', isCopied ? 'Copied.' : 'Copy the selected text yourself.');
});

async function begin() {
  canvas = await connected();
  if (canvas && siteId()) await canvas.setProp('site', siteId());
  if (!canvas) {
    element('preview').hidden = false;
    showWidget();
    const path = '/widget/hingecraft-donate.js';
    await import(path);
  }
  document.documentElement.dataset.ready = canvas ? 'editor' : 'page';
}

begin();
