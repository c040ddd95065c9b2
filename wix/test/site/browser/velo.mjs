// `$w` of a page, and Wix's late start: page code runs when the components are long there, and hears nothing said before.
const LATE_MS = 350;

const components = new Map();

function component(selector) {
  const frame = document.querySelector(selector);
  const origin = new URL(frame.src).origin;
  return {
    postMessage: (data) => frame.contentWindow.postMessage(data, origin),
    onMessage: (hear) =>
      addEventListener('message', (event) => {
        if (event.source === frame.contentWindow && event.origin === origin) hear({ data: event.data });
      }),
  };
}

globalThis.$w = Object.assign(
  (selector) => components.get(selector) ?? components.set(selector, component(selector)).get(selector),
  { onReady: (work) => setTimeout(work, LATE_MS) },
);

export const run = (page) => import(page);
