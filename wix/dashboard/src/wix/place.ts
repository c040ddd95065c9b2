// What Wix says in the address: who opens the page, in which language, and whether Wix's channel is there.
const query = new URLSearchParams(location.search);
// As @wix/dashboard accepts it: for any other origin its host() throws.
const WIX = /^https:\/\/([a-z0-9-]+\.)?manage\.wix\.com$/;

export const instance = query.get('instance') ?? '';
export const isInWix = WIX.test(query.get('origin') ?? '');
/** Wix's checkout leads back with this after a plan was bought. */
export const isUpgraded = query.get('upgrade') === 'success';

function supported(name: string | null): string | undefined {
  try {
    return name ? Intl.getCanonicalLocales(name.replace('_', '-'))[0] : undefined;
  } catch {
    return undefined;
  }
}

export const locale = supported(query.get('locale')) ?? navigator.language;

const RIGHT_TO_LEFT = new Set(['ar', 'arc', 'ckb', 'dv', 'fa', 'he', 'iw', 'ks', 'ku', 'ps', 'sd', 'ug', 'ur', 'yi']);

export const direction = RIGHT_TO_LEFT.has(new Intl.Locale(locale).language) ? 'rtl' : 'ltr';
