// The page around ours: Wix's dashboard, or none where the page is opened by itself.
import { instance, isInWix } from './place';

export type ToastKind = 'success' | 'error' | 'standard';
type Shown = (message: string, kind: ToastKind) => void;

let channel: Promise<typeof import('./channel')> | null = null;
let token = instance;
let renewing: Promise<string | null> | null = null;
let shown: Shown = () => undefined;

/** Call it after the first rendering: Wix sets the frame's height to what it is then. */
export function connect(): void {
  if (isInWix) channel ??= import('./channel');
}

export const currentToken = (): string => token;

/** Another token for one that is no longer accepted; null where nobody gives one. One request for all that wait. */
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

/** The page's own place for messages, used where Wix shows none. */
export function showToastsWith(show: Shown): void {
  shown = show;
}

export async function toast(message: string, kind: ToastKind = 'success'): Promise<void> {
  if (!channel) return shown(message, kind);
  const { wix } = await channel;
  wix.dashboard.showToast({ message, type: kind });
}
