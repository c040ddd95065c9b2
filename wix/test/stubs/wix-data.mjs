export const collections = new Map();

const items = (collection) => collections.get(collection) ?? collections.set(collection, new Map()).get(collection);

export default {
  async get(collection, id, options) {
    if (!options?.suppressAuth) throw new Error('WDE0027: permission');
    return structuredClone(items(collection).get(id) ?? null);
  },
  async save(collection, item, options) {
    if (!options?.suppressAuth) throw new Error('WDE0027: permission');
    items(collection).set(item._id, structuredClone(item));
    return item;
  },
};
