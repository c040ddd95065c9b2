// Tells what is shown that it may have changed: by the backend's event stream, and by polling while that is not there.
import { authorized } from '../api/client';

const STREAM = '/api/v1/wix/stream';
const POLL_EVERY_MS = 15_000;
// A stream that says nothing for this long is not there any more, whatever the network says.
const SILENT_AFTER_MS = 45_000;
const RECONNECT_AFTER_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
// Many events at once, such as those of a busy hour, are one look at the backend.
const TOGETHER_MS = 500;

export type Connection = 'live' | 'polling' | 'offline';

type Listener = () => void;

const changes = new Set<Listener>();
const states = new Set<Listener>();
let connection: Connection = navigator.onLine ? 'polling' : 'offline';
let gathering: ReturnType<typeof setTimeout> | undefined;

export function onChange(listener: Listener): () => void {
  changes.add(listener);
  return () => changes.delete(listener);
}

export function onConnection(listener: Listener): () => void {
  states.add(listener);
  return () => states.delete(listener);
}

export const currentConnection = (): Connection => connection;

function become(next: Connection): void {
  if (next === connection) return;
  connection = next;
  for (const tell of states) tell();
}

/** Something may have changed. */
export function changed(): void {
  gathering ??= setTimeout(() => {
    gathering = undefined;
    for (const tell of changes) tell();
  }, TOGETHER_MS);
}

/** Starts once, for as long as the page is open. */
export function startLive(): void {
  addEventListener('online', () => {
    become('polling');
    changed();
  });
  addEventListener('offline', () => become('offline'));
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) changed();
  });
  setInterval(() => {
    if (connection === 'polling' && !document.hidden) changed();
  }, POLL_EVERY_MS);
  void keepReading();
}

async function keepReading(): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    try {
      await read(() => {
        failures = -1;
        become('live');
      });
    } catch {
      // The next attempt follows below; meanwhile the page polls.
    }
    if (connection === 'live') become(navigator.onLine ? 'polling' : 'offline');
    await pause(RECONNECT_AFTER_MS[Math.min(Math.max(failures, 0), RECONNECT_AFTER_MS.length - 1)] as number);
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((over) => setTimeout(over, milliseconds));

/** Reads one stream until it ends. An EventSource could not send the site's token. */
async function read(opened: () => void): Promise<void> {
  const abort = new AbortController();
  const silent = () => abort.abort(new Error('the stream is silent'));
  let timer = setTimeout(silent, SILENT_AFTER_MS);
  try {
    const headers = { Accept: 'text/event-stream' };
    const answer = await authorized(new Request(STREAM, { headers, signal: abort.signal }));
    if (!answer.ok || !answer.body) throw new Error(`the stream answers ${answer.status}`);
    opened();
    changed();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENT_AFTER_MS);
      // A comment keeps the connection open and says nothing.
      if (/^data:/m.test(part.value)) changed();
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}
