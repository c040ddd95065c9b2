// On the server nothing is kept for a visitor.
const none = { getItem: () => null, setItem: () => undefined };

export const local = none;
export const session = none;
