// Loads the page again when one of its files is missing: while pods of two releases run, the page may come from one and its
// files from the other. This file has the same name in each release, so that it is always there.
(() => {
  const PAUSES_MS = [0, 2_000, 5_000, 10_000];
  const ASK_AGAIN_MS = 3_000;
  // A page that has lacked nothing for so long may load itself again as often as a new one.
  const COMPLETE_AFTER_MS = 60_000;
  const COUNT = 'reloaded';
  const SENTENCE = 'A new version of this page is being installed. Load it again in a minute.';
  const pause = (milliseconds) => new Promise((over) => setTimeout(over, milliseconds));
  let isRecovering = false;

  async function recover() {
    if (isRecovering) return;
    isRecovering = true;
    const times = Number(new URLSearchParams(location.search).get(COUNT) ?? 0);
    if (times >= PAUSES_MS.length) return document.body ? say() : addEventListener('DOMContentLoaded', say);
    await pause(PAUSES_MS[times]);
    // Without the network the file is not missing, and the page had better stay.
    while (!(await isReachable())) await pause(ASK_AGAIN_MS);
    again(times + 1);
  }

  const isReachable = () =>
    fetch('/wix-dashboard/recover.js', { cache: 'no-store', credentials: 'omit' }).then(
      ({ ok }) => ok,
      () => false,
    );

  /** The count makes it another address, which no cache knows. */
  function again(times) {
    const address = new URL(location.href);
    address.searchParams.set(COUNT, String(times));
    location.replace(address);
  }

  function say() {
    const message = document.createElement('p');
    const button = document.createElement('button');
    button.textContent = 'Load again';
    button.addEventListener('click', () => again(1));
    message.append(SENTENCE, ' ', button);
    message.setAttribute('role', 'alert');
    document.body.replaceChildren(message);
  }

  function forget() {
    const address = new URL(location.href);
    if (isRecovering || !address.searchParams.has(COUNT)) return;
    address.searchParams.delete(COUNT);
    history.replaceState(history.state, '', address);
  }

  const isFile = (element) => element.tagName === 'SCRIPT' || (element.tagName === 'LINK' && element.rel !== 'icon');

  // Errors of scripts and styles do not bubble.
  addEventListener('error', ({ target }) => target instanceof Element && isFile(target) && void recover(), { capture: true });
  addEventListener('missing-file', () => void recover());
  setTimeout(forget, COMPLETE_AFTER_MS);
})();
