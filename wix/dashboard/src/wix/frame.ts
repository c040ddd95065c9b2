// Wix's dashboard around this page. A page that is opened by itself has none: it shows its own messages and cannot get a new token.
import { loaded } from '../data/later';
import { instance, isInWix } from './place';

export type ToastKind = 'success' | 'error' | 'standard';
type Shown = (message: string, kind: ToastKind) => void;

let channel: Promise<typeof import('./channel')> | null = null;
let token = instance;
let renewing: Promise<string | null> | null = null;
let shown: Shown = () => undefined;

/** Call it after the first rendering: Wix sets the frame to the height that the page has then. */
export function connect(): void {
  if (isInWix) channel ??= loaded(() => import('./channel'));
}

export const currentToken = (): string => token;

/** Asks Wix for a new token, once for all calls that wait for it; null without Wix around the page. */
export function renewToken(): Promise<string | null> {
  renewing ??= renewed().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function renewed(): Promise<string | null> {
  connect();
  if (!channel) return null;
  const { wix } = await channel;
  token = await wix.dashboard.getAccessToken();
  return token;
}

/** Where messages are shown when Wix does not show them. */
export function showToastsWith(show: Shown): void {
  shown = show;
}

export async function toast(message: string, kind: ToastKind = 'success'): Promise<void> {
  if (!channel) return shown(message, kind);
  const { wix } = await channel;
  wix.dashboard.showToast({ message, type: kind });
}
