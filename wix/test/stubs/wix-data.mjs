export const collections = new Map();
// What was there before the newest save, by collection and id: the nearest copy learns of it late, and one read is stale.
const stale = new Map();
// When it is set, nothing can be read at the moment.
export const trouble = { said: '' };

/** A collection that a site's owner has made. */
export function make(collection) {
  collections.set(collection, new Map());
  stale.clear();
}

make('HingeCraftFlags');

function items(collection, options) {
  if (!options?.suppressAuth) throw new Error('WDE0027: permission');
  if (!collections.has(collection)) throw new Error(`WDE0025: The ${collection} collection does not exist.`);
  return collections.get(collection);
}

export default {
  async get(collection, id, options) {
    if (trouble.said) throw new Error(trouble.said);
    const newest = items(collection, options).get(id) ?? null;
    const place = `${collection}/${id}`;
    const found = stale.has(place) && !options.consistentRead ? stale.get(place) : newest;
    if (!options.consistentRead) stale.delete(place);
    return structuredClone(found);
  },
  async save(collection, item, options) {
    stale.set(`${collection}/${item._id}`, items(collection, options).get(item._id) ?? null);
    items(collection, options).set(item._id, structuredClone(item));
    return item;
  },
};
