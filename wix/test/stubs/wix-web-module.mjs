export const Permissions = { Anyone: 'Anyone', SiteMember: 'SiteMember', Admin: 'Admin' };

// The callers that may use each function that a page gets.
export const permissionOf = new Map();

// What crosses the wire between a page and a web method is JSON, both ways.
export function webMethod(permission, work) {
  const called = async (...args) => JSON.parse(JSON.stringify((await work(...JSON.parse(JSON.stringify(args)))) ?? null));
  permissionOf.set(called, permission);
  return called;
}
