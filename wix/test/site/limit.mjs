const LIMIT_MS = 14_000;

/** Wix answers 504 after fourteen seconds, though the code may still finish. */
export function withinWixsLimit(work) {
  let timer;
  const late = new Promise((done) => {
    timer = setTimeout(done, LIMIT_MS, { status: 504, headers: {}, body: '' });
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
