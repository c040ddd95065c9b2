// The one thing that this site keeps: which version of the routes was announced last. The newest wins, in any order.
import wixData from 'wix-data';
import { publish } from 'wix-realtime-backend';

const COLLECTION = 'HingeCraftFlags';
const ITEM = 'routes';
const CHANNEL = 'hingecraft-routes';
const OUR_OWN = { suppressAuth: true, suppressHooks: true };
// Else the nearest copy answers, which may be some seconds old.
const NEWEST = { ...OUR_OWN, consistentRead: true };
const TRIES = 3;

/**
 * What a page is told, perhaps some seconds late. What cannot be read is not taken for "nobody has told us": an older
 * version could win then.
 * @returns {Promise<number>} 0 when nobody has told us yet
 */
export async function routesVersion(options = OUR_OWN) {
  const item = await wixData.get(COLLECTION, ITEM, options);
  return Number.isSafeInteger(item?.version) ? item.version : 0;
}

/**
 * Raise the flag; an older version changes nothing. Two at once may both have read the same flag: the one that finds less
 * than it wrote writes again.
 * @param {number} version
 * @returns {Promise<boolean>} whether it was news
 */
export async function raise(version) {
  if (version <= (await routesVersion(NEWEST))) return false;
  for (let left = TRIES; left > 0 && (await routesVersion(NEWEST)) < version; left -= 1) {
    await wixData.save(COLLECTION, { _id: ITEM, version }, OUR_OWN);
  }
  // Pages poll too, so a site without Realtime loses seconds and nothing else.
  await publish({ name: CHANNEL }, { version }).catch(() => undefined);
  return true;
}
