// Parts of the page that are loaded when they are first needed.
import { type ComponentType, lazy, type LazyExoticComponent } from 'react';

interface Part<P> {
  default: ComponentType<P>;
}

/** Like React's `lazy`, for files that a new release may have replaced. */
export function shownLater<P>(load: () => Promise<Part<P>>): LazyExoticComponent<ComponentType<P>> {
  return lazy(() => loaded(load));
}

/** Never rejects: without its file the page cannot go on, and public/recover.js loads it again. */
export function loaded<T>(load: () => Promise<T>): Promise<T> {
  return load().catch(() => {
    dispatchEvent(new Event('missing-file'));
    return new Promise<never>(() => undefined);
  });
}
