// What a page shows of the backend: it is remembered between pages, and read again when it may have changed.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';

import { ApiError } from '../api/client';
import { type Connection, currentConnection, onChange, onConnection } from './live';

export interface Resource<T> {
  /** The newest answer; undefined until there is one. */
  data: T | undefined;
  /** When it came, in milliseconds. */
  at: number;
  /** Why the newest attempt failed; undefined when it did not. */
  error: ApiError | undefined;
  isLoading: boolean;
  reload: () => Promise<void>;
}

interface State {
  data?: unknown;
  at: number;
  error?: ApiError | undefined;
}

const remembered = new Map<string, State>();
const NOTHING: State = { at: 0 };

/** `load` is called for each new `key`, and again when something has changed. */
export function useResource<T>(key: string, load: () => Promise<T>): Resource<T> {
  const [, redraw] = useState(0);
  const [isLoading, setLoading] = useState(true);
  const current = useRef({ key, load });
  current.current = { key, load };

  const reload = useCallback(async () => {
    const asked = current.current;
    setLoading(true);
    const before = remembered.get(asked.key) ?? NOTHING;
    try {
      remembered.set(asked.key, { data: await asked.load(), at: Date.now() });
    } catch (error) {
      remembered.set(asked.key, { ...before, error: asError(error) });
    }
    // Another key may have been chosen meanwhile: its own answer follows.
    if (asked.key === current.current.key) {
      setLoading(false);
      redraw((count) => count + 1);
    }
  }, []);

  useEffect(() => {
    void reload();
    return onChange(() => void reload());
  }, [key, reload]);

  const { data, at, error } = remembered.get(key) ?? NOTHING;
  return { data: data as T | undefined, at, error, isLoading, reload };
}

function asError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/** Reads it again and again while something is on its way that nobody tells about. */
export function useReloading({ reload }: Resource<unknown>, isOnItsWay: boolean, everyMs = 1_000): void {
  useEffect(() => {
    if (!isOnItsWay) return undefined;
    const timer = setInterval(() => void reload(), everyMs);
    return () => clearInterval(timer);
  }, [reload, isOnItsWay, everyMs]);
}

export function useConnection(): Connection {
  return useSyncExternalStore(onConnection, currentConnection);
}
