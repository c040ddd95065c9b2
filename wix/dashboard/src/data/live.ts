// Tells what is shown that it may have changed: by the backend's event stream, and by polling while that is not there.
import { authorized } from '../api/client';

const STREAM = '/api/v1/wix/stream';
const POLL_EVERY_MS = 15_000;
// The stream tells about payments and versions of the routes; what else is shown changes seldom.
const POLL_BESIDE_MS = 60_000;
// A stream that says nothing for this long is not there any more, whatever the network says.
const SILENT_AFTER_MS = 45_000;
const RECONNECT_AFTER_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
// Many events at once, such as those of a busy hour, are one look at the backend.
const TOGETHER_MS = 500;

export type Connection = 'live' | 'polling' | 'offline';

/** What has changed: the payments with these ids; with `more`, perhaps anything. */
export interface News {
  payments: ReadonlySet<string>;
  more: boolean;
}

type Listener = () => void;
type NewsListener = (news: News) => void;

const ANYTHING: News = { payments: new Set(), more: true };

const changes = new Set<NewsListener>();
const states = new Set<Listener>();
let connection: Connection = navigator.onLine ? 'polling' : 'offline';
let gathered: News | undefined;

export function onChange(listener: NewsListener): () => void {
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
  for (const listener of states) listener();
}

/** Something may have changed; without an argument, anything. */
export function changed(news: News = ANYTHING): void {
  if (!gathered) setTimeout(tellAll, TOGETHER_MS);
  gathered = {
    payments: new Set([...(gathered?.payments ?? []), ...news.payments]),
    more: news.more || gathered?.more === true,
  };
}

function tellAll(): void {
  const news = gathered ?? ANYTHING;
  gathered = undefined;
  for (const listener of changes) listener(news);
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
  setInterval(() => poll('polling'), POLL_EVERY_MS);
  setInterval(() => poll('live'), POLL_BESIDE_MS);
  void keepReading();
}

function poll(during: Connection): void {
  if (connection === during && !document.hidden) changed();
}

async function keepReading(): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    const began = Date.now();
    const next = await read().catch((): Ending => 'again');
    if (next === 'never') return;
    if (connection === 'live') become(navigator.onLine ? 'polling' : 'offline');
    if (Date.now() - began > SILENT_AFTER_MS) failures = 0;
    await pause(RECONNECT_AFTER_MS[Math.min(failures, RECONNECT_AFTER_MS.length - 1)] as number);
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((over) => setTimeout(over, milliseconds));

/** Whether the stream is to be opened again: not where this site may never read it. */
type Ending = 'again' | 'never';

let lastId = '';

/** Reads one stream until it ends. An EventSource could not send the site's token. */
async function read(): Promise<Ending> {
  const abort = new AbortController();
  const silent = () => abort.abort(new Error('the stream is silent'));
  let timer = setTimeout(silent, SILENT_AFTER_MS);
  try {
    const headers = { Accept: 'text/event-stream', ...(lastId ? { 'Last-Event-ID': lastId } : {}) };
    const answer = await authorized(new Request(STREAM, { headers, signal: abort.signal }));
    if (answer.status === 403) return 'never';
    if (!answer.ok || !answer.body) throw new Error(`the stream answers ${answer.status}`);
    become('live');
    if (!lastId) changed();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = '', part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENT_AFTER_MS);
      const events = (rest + part.value).split('\n\n');
      rest = events.pop() ?? '';
      if (events.map(take).includes('never')) return 'never';
    }
    return 'again';
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

function take(event: string): Ending {
  const fields = new Map(event.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  lastId = fields.get('id') ?? lastId;
  if (fields.get('event') === 'changed') changed(newsOf(fields.get('data') ?? '{}'));
  return fields.get('event') === 'end' ? 'never' : 'again';
}

function newsOf(data: string): News {
  const { payments = [], more = false } = JSON.parse(data) as { payments?: string[]; more?: boolean };
  return { payments: new Set(payments), more };
}
