// Marks what was elevated: only that may read a secret.
export const elevated = Symbol('elevated');
export const elevate =
  (work) =>
  (...args) =>
    work.call({ [elevated]: true }, ...args);
