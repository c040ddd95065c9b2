export const local = localStorage;
export const session = sessionStorage;
