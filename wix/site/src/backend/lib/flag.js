// The one thing that this site keeps: which version of the routes was announced last. The newest wins, in any order.
import wixData from 'wix-data';
import { publish } from 'wix-realtime-backend';

const COLLECTION = 'HingeCraftFlags';
const CHANNEL = 'hingecraft-routes';
const OUR_OWN = { suppressAuth: true, suppressHooks: true };
// Else the nearest copy answers, which may be some seconds old.
const NEWEST = { ...OUR_OWN, consistentRead: true };
// One is left each time; two at once leave two.
const MOST = 50;

/**
 * The versions that were announced, the newest first. What cannot be read is not taken for "nobody has told us": an older
 * version could win then.
 * @param {object} options
 * @returns {Promise<{_id: string, version: number}[]>}
 */
async function announced(options) {
  const { items } = await wixData.query(COLLECTION).descending('version').limit(MOST).find(options);
  return items.filter(({ version }) => Number.isSafeInteger(version));
}

/**
 * What a page is told, perhaps some seconds late.
 * @returns {Promise<number>} 0 when nobody has told us yet
 */
export async function routesVersion() {
  const [newest] = await announced(OUR_OWN);
  return newest?.version ?? 0;
}

/**
 * Raise the flag; an older version changes nothing. Each version is an item of its own: of two at the same moment, the older
 * cannot overwrite the newer.
 * @param {number} version
 * @returns {Promise<boolean>} whether it was news
 */
export async function raise(version) {
  const earlier = await announced(NEWEST);
  if (earlier.length > 0 && earlier[0].version >= version) return false;
  await wixData.save(COLLECTION, { _id: `routes-${version}`, version }, OUR_OWN);
  await forget(earlier.map(({ _id }) => _id));
  // Pages poll too, so a site without Realtime loses seconds and nothing else.
  await publish({ name: CHANNEL }, { version }).catch(() => undefined);
  return true;
}

/**
 * What stays is removed the next time.
 * @param {string[]} ids
 */
async function forget(ids) {
  if (ids.length > 0) await wixData.bulkRemove(COLLECTION, ids, OUR_OWN).catch(() => undefined);
}
