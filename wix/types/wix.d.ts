// What we use of Wix: its modules, and `$w` of a page.

interface HtmlComponent {
  postMessage(message: unknown): void;
  onMessage(handler: (event: { data: any }) => void): void;
}

declare const $w: ((selector: string) => HtmlComponent) & { onReady(work: () => unknown): void };

declare module 'wix-auth' {
  export function elevate<F extends (...args: any[]) => any>(work: F): F;
}
declare module 'wix-data' {
  interface Query {
    descending(field: string): Query;
    limit(most: number): Query;
    find(options?: object): Promise<{ items: any[] }>;
  }
  const wixData: {
    query(collection: string): Query;
    save(collection: string, item: object, options?: object): Promise<any>;
    bulkRemove(collection: string, ids: string[], options?: object): Promise<any>;
  };
  export default wixData;
}
declare module 'wix-fetch' {
  export const fetch: typeof globalThis.fetch;
}
declare module 'wix-http-functions' {
  type Options = { headers?: Record<string, string>; body?: string };
  type Answer = Options & { status: number };
  export interface WixHttpFunctionRequest {
    path: string[];
    query: Record<string, string>;
    headers: Record<string, string>;
    ip: string;
    body: { text(): Promise<string> };
  }
  export function ok(options: Options): Answer;
  export function badRequest(options: Options): Answer;
  export function forbidden(options: Options): Answer;
  export function notFound(options: Options): Answer;
  export function serverError(options: Options): Answer;
}
declare module 'wix-location-frontend' {
  const location: { baseUrl: string; query: Record<string, string>; to(url: string): void };
  export default location;
}
declare module 'wix-realtime-backend' {
  export function publish(channel: { name: string }, payload: object): Promise<void>;
}
declare module 'wix-realtime-frontend' {
  type Message = { payload?: { version?: unknown } };
  const realtime: { subscribe(channel: { name: string }, hear: (message: Message) => void): Promise<string> };
  export default realtime;
}
declare module 'wix-secrets-backend.v2' {
  export const secrets: { getSecretValue(name: string): Promise<string | { value?: string }> };
}
declare module 'wix-storage-frontend' {
  interface Kept {
    getItem(name: string): string | null;
    setItem(name: string, value: string): void;
  }
  export const local: Kept;
  export const session: Kept;
}
declare module 'wix-web-module' {
  export const Permissions: { Anyone: string; SiteMember: string; Admin: string };
  export function webMethod<F extends (...args: any[]) => Promise<any>>(permission: string, work: F): F;
}
declare module 'wix-window-frontend' {
  const view: { rendering: { env: 'backend' | 'browser' }; viewMode: 'Site' | 'Preview' | 'Editor' };
  export default view;
}
