// The little that both pages do with their elements. Texts are set as texts: nothing from outside becomes markup.

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {string} id */
export const input = (id) => /** @type {HTMLInputElement} */ (element(id));

/** @param {string} id */
export const anchor = (id) => /** @type {HTMLAnchorElement} */ (element(id));

/**
 * Show a text, or hide what has none.
 * @param {string} id
 * @param {string} text
 */
export function say(id, text) {
  const told = element(id);
  told.textContent = text;
  told.hidden = !text;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string | Node[]} inside
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function made(name, inside) {
  const found = document.createElement(name);
  if (typeof inside === 'string') found.textContent = inside;
  else found.append(...inside);
  return found;
}

/**
 * A button of less weight, such as in a list.
 * @param {string} text
 * @param {string} label what it is called where the list around is not seen
 * @param {(button: HTMLElement) => void} act
 */
export function secondButton(text, label, act) {
  const button = made('button', text);
  Object.assign(button, { type: 'button', className: 'second-button' });
  button.setAttribute('aria-label', label);
  button.addEventListener('click', () => isOff(button) || act(button));
  return button;
}

/** The site and the backend that the page was made with, each empty where nobody said. */
export function toldPlaces() {
  const backend = told('backend');
  return { site: told('site'), backend: backend && new URL(backend, location.href).origin };
}

/**
 * What the page was made with.
 * @param {string} name
 */
export function told(name) {
  return document.querySelector(`meta[name="hingecraft-${name}"]`)?.getAttribute('content')?.trim() ?? '';
}

/** The person's own way to write numbers. */
export const LOCALE = navigator.languages?.[0] ?? 'en-US';

/**
 * A button that is busy, or cannot be used, keeps the focus and its name, and does nothing when clicked.
 * @param {HTMLElement} button
 * @param {{busy?: boolean, off?: boolean}} [how]
 */
export function setButton(button, { busy = false, off = false } = {}) {
  button.setAttribute('aria-busy', String(busy));
  button.setAttribute('aria-disabled', String(busy || off));
}

/** @param {HTMLElement} button */
export const isOff = (button) => button.getAttribute('aria-disabled') === 'true';

/**
 * Why something failed, and a link that helps.
 * @param {string} text empty when all is well
 * @param {{url: string, label: string} | null} [spare]
 */
export function trouble(text, spare = null) {
  element('failure').hidden = !text;
  element('failure-text').textContent = text;
  const link = anchor('spare');
  link.hidden = !spare;
  if (spare) Object.assign(link, { href: spare.url, textContent: spare.label });
}

/**
 * What is wrong with the amount, tied to its field.
 * @param {string} text empty when it is good
 * @param {boolean} [takesFocus] false while the person is on the way to something else
 */
export function amountError(text, takesFocus = true) {
  element('amount-error').textContent = text;
  const field = input('amount');
  field.setAttribute('aria-invalid', String(Boolean(text)));
  if (text && takesFocus)
    (field.checkVisibility() ? field : /** @type {HTMLElement | null} */ (document.querySelector('input:checked')))?.focus();
}

const TYPED_TOGETHER_MS = 1_000;

/**
 * A whole code that is typed picks its option. By itself a list takes the next option that begins so: USDC for "usd".
 * @param {HTMLSelectElement} select
 */
export function chooseByCode(select) {
  let typed = '';
  let last = 0;
  select.addEventListener('keydown', (event) => {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    typed = (event.timeStamp - last < TYPED_TOGETHER_MS ? typed : '') + event.key.toUpperCase();
    last = event.timeStamp;
    if (![...select.options].some((option) => option.value === typed)) return;
    event.preventDefault();
    if (select.value === typed) return;
    select.value = typed;
    for (const name of ['input', 'change']) select.dispatchEvent(new Event(name, { bubbles: true }));
  });
}

/** Says when the network is away, for as long as it is. */
export function watchNetwork() {
  const show = () => {
    element('offline').hidden = navigator.onLine;
  };
  addEventListener('online', show);
  addEventListener('offline', show);
  show();
}
