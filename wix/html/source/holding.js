// Nothing is drawn before it is known whether the visitor comes to give, or comes back from paying.
import { element } from './dom.js';

/** The page around answers within a second, or the form is shown without it. */
const HELD_MS = 1_000;

/**
 * Show the page in its language; the form waits while the page around may still say that somebody has paid.
 * @param {import('./velo.js').Velo} velo
 */
export function hold(velo) {
  const mayComeBack = velo.isFramed && !('direct' in velo.hello.query);
  document.documentElement.toggleAttribute('data-waiting', mayComeBack);
  document.documentElement.removeAttribute('data-holding');
  if (mayComeBack) setTimeout(release, HELD_MS);
}

/** It is known. */
export function release() {
  document.documentElement.removeAttribute('data-waiting');
  element('one-moment').hidden = true;
}
