// Wix's dashboard, played by Wix's own code: it frames the page, sets its height, shows toasts and hands out tokens.
import { handshakeCode, serve } from '@wix/communication-channel';

const asked = new URLSearchParams(location.search);
const frame = document.createElement('iframe');
const state = { heights: [], toasts: [], tokens: 0, connected: false };
window.parentState = state;

const api = {
  showToast: ({ message, type }) => {
    state.toasts.push({ message, type });
    return { remove() {} };
  },
  observeState: (tell) => {
    tell({ location: { pathname: '' } }, { locale: asked.get('locale') ?? 'en' });
    return { disconnect() {} };
  },
  getAccessToken: async () => {
    state.tokens += 1;
    return (await fetch('/fresh-token')).text();
  },
  updateHeight: (height) => {
    state.heights.push(height);
    frame.style.height = `${height}px`;
  },
  onBeforeUnload: () => ({ remove() {} }),
};

addEventListener('message', ({ data }) => {
  if (data?.code !== handshakeCode) return;
  state.connected = true;
  serve({ api, port: data.port });
});

const query = new URLSearchParams({
  instance: asked.get('instance') ?? '',
  locale: asked.get('locale') ?? 'en',
  viewMode: 'dashboard',
  siteInfo: encodeURIComponent('{}'),
  origin: location.origin,
});
frame.title = 'HingeCraft payments';
frame.src = `${asked.get('page')}?${query}${asked.get('hash') ?? ''}`;
document.body.append(frame);
