// How a member signs in: with a token that the site has handed over in the address, or that somebody pastes.
import { anchor, element, input, say } from './dom.js';
import { nameIn, takeHanded } from './members.js';

const handed = takeHanded();

/** @param {string} text empty when it is good */
export function tokenError(text) {
  element('token-error').textContent = text;
  input('token').setAttribute('aria-invalid', String(Boolean(text)));
  if (text) input('token').focus();
}

/**
 * Sign in by the form.
 * @param {import('./members.js').Member} member
 * @param {() => void} signedIn
 */
export function signsIn(member, signedIn) {
  element('sign-in').addEventListener('submit', (event) => {
    event.preventDefault();
    const token = input('token')
      .value.trim()
      .replace(/^Bearer\s+/i, '');
    if (!token) return tokenError('Enter a token.');
    tokenError('');
    member.sign(token);
    input('token').value = '';
    signedIn();
  });
}

/**
 * A token from a site that we know is used at once; from elsewhere, the person decides whether that is them.
 * @param {import('./members.js').Member} member
 * @param {import('./velo.js').Answer} config the answer to `GET /config`
 * @param {string} site
 * @returns {boolean} whether the person is asked
 */
export function takeToken(member, config, site) {
  anchor('site').href = site;
  if (!handed) return false;
  const from = document.referrer && new URL(document.referrer).origin;
  if (config.success && from !== location.origin && config.data.returnOrigins.includes(from)) {
    member.sign(handed);
    return false;
  }
  member.sign('');
  input('token').value = handed;
  say('signing-text', `A link wants to sign you in as ${nameIn(handed)}. Press “Sign in” only if that is you.`);
  return true;
}
