// Which page is shown: the part of the address after the #, so that "back" and links work.
import { useSyncExternalStore } from 'react';

export const PAGES = {
  overview: 'Overview',
  payments: 'Payments',
  routes: 'Routes',
  credits: 'Credits and plan',
  jobs: 'Jobs',
  settings: 'Settings',
} as const;

export type PageName = keyof typeof PAGES;

export interface Place {
  page: PageName;
  /** What follows the page's name, such as a payment's id. */
  detail: string | undefined;
}

function placeOf(hash: string): Place {
  const [name = '', detail] = hash.replace(/^#\/?/, '').split('/');
  return { page: name in PAGES ? (name as PageName) : 'overview', detail };
}

const listen = (changed: () => void): (() => void) => {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
};

export function usePlace(): Place {
  return placeOf(useSyncExternalStore(listen, () => location.hash));
}

export const addressOf = (page: PageName, detail?: string): string => `#/${page}${detail ? `/${detail}` : ''}`;
