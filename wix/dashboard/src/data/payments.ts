// The list of payments: read page by page, and kept up to date without reading all of it again.
import { useCallback, useEffect, useRef, useState } from 'react';

import { api, ApiError, dataOf } from '../api/client';
import type { components, paths } from '../api/schema';
import { type News, onChange } from './live';

export type Payment = components['schemas']['PaymentItem'];
export type Filter = Omit<NonNullable<paths['/api/v1/wix/payments']['get']['parameters']['query']>, 'cursor' | 'limit'>;

const PAGE = 100;
// As many changed payments are asked for by their id; with more, the list begins again.
const MOST_ASKED = 20;

export interface PaymentList {
  items: readonly Payment[] | undefined;
  hasMore: boolean;
  at: number;
  error: ApiError | undefined;
  isLoading: boolean;
  reload: () => Promise<void>;
  loadMore: () => Promise<void>;
}

interface State {
  items: readonly Payment[] | undefined;
  cursor: string | null;
  at: number;
  error: ApiError | undefined;
}

const EMPTY: State = { items: undefined, cursor: null, at: 0, error: undefined };

const pageOf = (filter: Filter, cursor?: string) =>
  dataOf(api.GET('/api/v1/wix/payments', { params: { query: { ...filter, limit: PAGE, ...(cursor ? { cursor } : {}) } } }));

export function usePayments(filter: Filter): PaymentList {
  const [state, setState] = useState<State>(EMPTY);
  const [isLoading, setLoading] = useState(true);
  const key = JSON.stringify(filter);
  const asked = useRef(key);
  const current = useRef(state);
  current.current = state;

  /** Runs one call after another, and drops the answer when another list was chosen meanwhile. */
  const update = useCallback(
    async (read: (before: State) => Promise<State>) => {
      setLoading(true);
      const next = await read(current.current).catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        return { ...current.current, error };
      });
      if (asked.current !== key) return;
      current.current = next;
      setState(next);
      setLoading(false);
    },
    [key],
  );

  const reload = useCallback(() => update(() => first(JSON.parse(key) as Filter)), [key, update]);
  const loadMore = useCallback(() => update((before) => more(JSON.parse(key) as Filter, before)), [key, update]);

  useEffect(() => {
    asked.current = key;
    current.current = EMPTY;
    setState(EMPTY);
    void reload();
    return onChange((news) => void update((before) => renewed(JSON.parse(key) as Filter, before, news)));
  }, [key, reload, update]);

  return { ...state, hasMore: state.cursor !== null, isLoading, reload, loadMore };
}

async function first(filter: Filter): Promise<State> {
  const { items, nextCursor } = await pageOf(filter);
  return { items, cursor: nextCursor, at: Date.now(), error: undefined };
}

async function more(filter: Filter, before: State): Promise<State> {
  if (!before.items || before.cursor === null) return before;
  const { items, nextCursor } = await pageOf(filter, before.cursor);
  return { ...before, items: [...before.items, ...items], cursor: nextCursor, error: undefined };
}

/** The newest page, and what has changed below it. */
async function renewed(filter: Filter, before: State, news: News): Promise<State> {
  const newest = await first(filter);
  const { items } = before;
  if (!items || !newest.items || items.length <= newest.items.length) return newest;
  const seen = new Set(newest.items.map(({ id }) => id));
  const overlap = items.findIndex(({ id }) => id === newest.items?.at(-1)?.id);
  const below = items.slice(overlap + 1).filter(({ id }) => !seen.has(id));
  const changed = below.filter(({ id }) => news.payments.has(id));
  if (overlap < 0 || changed.length > MOST_ASKED) return newest;
  const now = await Promise.all(changed.map(({ id }) => pageOf({ ...filter, search: id })));
  const byId = new Map(changed.map(({ id }, place) => [id, now[place]?.items[0]]));
  const kept = below.map((row) => (byId.has(row.id) ? byId.get(row.id) : row)).filter((row) => row !== undefined);
  return { ...before, items: [...newest.items, ...kept], at: Date.now(), error: undefined };
}
