// Wix goes to web addresses and to pages of the site, and to nothing else.
export default {
  baseUrl: location.origin,
  query: Object.fromEntries(new URLSearchParams(location.search)),
  to(url) {
    const target = new URL(url, location.origin);
    if (['http:', 'https:'].includes(target.protocol)) location.assign(target);
  },
};
