// What the owner has set: texts, amounts, colours and links. The backend writes it into the pages that it serves; inside a
// site it comes with everything else.
import { anchor, element, say } from './dom.js';
import * as texts from './texts.js';

/** @typedef {{accent: string, accentInk: string, accentSoft: string}} Palette */
/**
 * @typedef {object} Appearance each null, or missing, where nothing is set
 * @property {string | null} [organizationName]
 * @property {string | null} [pageTitle]
 * @property {string | null} [pageText]
 * @property {string | null} [thankYouText]
 * @property {string[] | null} [pageAmounts]
 * @property {string | null} [defaultCurrency]
 * @property {Palette | null} [light]
 * @property {Palette | null} [dark]
 * @property {string | null} [contactEmail]
 * @property {string | null} [privacyUrl]
 * @property {string | null} [refundUrl]
 */

const COLOR = /^#[0-9a-f]{6}$/;
const LINKS = /** @type {const} */ ([
  ['contact', 'contactEmail', 'mailto:'],
  ['privacy', 'privacyUrl', ''],
  ['refunds', 'refundUrl', ''],
]);

/** @type {Appearance} */
export let appearance = JSON.parse(element('appearance').textContent || '{}');

/** Whether the page came with it. */
export const isTold = () => Object.keys(appearance).length > 0;

/**
 * Use what came later.
 * @param {Appearance | null | undefined} found
 * @param {'charter' | 'mission'} name
 */
export function useAppearance(found, name) {
  if (!found) return;
  appearance = found;
  colour(found);
  showAppearance(name);
}

/**
 * Write the owner's texts and links where they belong; the page's own texts are there already.
 * @param {'charter' | 'mission'} name of the page
 */
export function showAppearance(name) {
  const { organizationName, pageTitle, pageText } = appearance;
  if (organizationName) texts.setOrganization(organizationName);
  element('brand').textContent = organizationName || 'HingeCraft';
  texts.show();
  if (name === 'charter' && pageTitle) element('heading').textContent = pageTitle;
  if (name === 'charter' && pageText) element('lead').textContent = pageText;
  document.title = texts.page(`${name}Document`);
  for (const [id, field, prefix] of LINKS) {
    const link = anchor(id);
    link.hidden = !appearance[field];
    if (!link.hidden) link.href = `${prefix}${appearance[field]}`;
  }
  say('thank-you', appearance.thankYouText ?? '');
}

/**
 * The colours of a page that was not served with them.
 * @param {Appearance} found
 */
function colour({ light, dark }) {
  if (!light || !dark || ![light, dark].every((palette) => Object.values(palette).every((each) => COLOR.test(each)))) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:root{${declared(light)}}@media (prefers-color-scheme:dark){:root{${declared(dark)}}}`);
  document.adoptedStyleSheets = [sheet];
}

/** @param {Palette} palette */
function declared({ accent, accentInk, accentSoft }) {
  return `--accent:${accent};--accent-ink:${accentInk};--accent-soft:${accentSoft}`;
}
