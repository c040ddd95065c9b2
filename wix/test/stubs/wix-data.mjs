export const collections = new Map();
// What was there before the newest save, by collection: the nearest copy learns of it late, and one read is stale.
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

/** A query that is sorted by one field. */
class Query {
  constructor(collection) {
    this.collection = collection;
  }

  descending(field) {
    this.field = field;
    return this;
  }

  limit(most) {
    this.most = most;
    return this;
  }

  async find(options) {
    if (trouble.said) throw new Error(trouble.said);
    const newest = [...items(this.collection, options).values()];
    const found = (!options.consistentRead && stale.get(this.collection)) || newest;
    if (!options.consistentRead) stale.delete(this.collection);
    const sorted = [...found].sort((one, other) => other[this.field] - one[this.field]);
    return { items: structuredClone(sorted.slice(0, this.most)) };
  }
}

export default {
  query: (collection) => new Query(collection),
  async save(collection, item, options) {
    const kept = items(collection, options);
    stale.set(collection, [...kept.values()]);
    kept.set(item._id, structuredClone(item));
    return item;
  },
  async bulkRemove(collection, ids, options) {
    if (ids.length === 0) throw new Error('WDE0009: no ids');
    const kept = items(collection, options);
    for (const id of ids) kept.delete(id);
    return { removed: ids.length };
  },
};
