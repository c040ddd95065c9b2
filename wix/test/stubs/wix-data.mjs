export const collections = new Map();
// When it is set, nothing can be read at the moment.
export const trouble = { said: '' };

/** A collection that a site's owner has made. */
export function make(collection) {
  collections.set(collection, new Map());
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
    return structuredClone(items(collection, options).get(id) ?? null);
  },
  async save(collection, item, options) {
    items(collection, options).set(item._id, structuredClone(item));
    return item;
  },
};
