// The backend's calls, typed by docs/openapi.json. A call resolves to the data of the answer or throws an ApiError.
import createClient from 'openapi-fetch';

import { currentToken, renewToken } from '../wix/frame';
import type { paths } from './schema';

const ANSWER_WITHIN_MS = 15_000;
const UNREACHABLE = 'We can’t reach the payments backend. Try again in a minute.';

/** What went wrong, in a sentence for the owner. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

const withToken = (request: Request, token: string): Request => {
  request.headers.set('Authorization', `WixInstance ${token}`);
  return request;
};

/** Like fetch, with the site's token; one that has expired is renewed, and the request is sent once more. */
export async function authorized(request: Request): Promise<Response> {
  const again = request.clone();
  const used = currentToken();
  const answer = await sent(withToken(request, used));
  if (answer.status !== 401) return answer;
  // Another call may have renewed it before this answer came.
  const token = currentToken() === used ? await renewToken() : currentToken();
  return token === null ? answer : sent(withToken(again, token));
}

async function sent(request: Request): Promise<Response> {
  try {
    return await fetch(request, { credentials: 'omit', cache: 'no-store' });
  } catch (cause) {
    throw new ApiError(UNREACHABLE, 'unreachable', 0, { cause: String(cause) });
  }
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: (request) => authorized(new Request(request, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })),
});

interface Answered<T> {
  data?: { success?: boolean; data: T };
  error?: unknown;
  response: Response;
}

interface Rejection {
  error?: string;
  code?: string;
  fields?: Record<string, string>;
}

/** The data of an answer. */
export async function dataOf<T>(asked: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asked.catch(unreadable);
  if (data !== undefined) return data.data;
  const { error: sentence = UNREACHABLE, code = 'unreachable', fields = {} } = (error ?? {}) as Rejection;
  throw new ApiError(sentence, code, response.status, fields);
}

function unreadable(cause: unknown): never {
  if (cause instanceof ApiError) throw cause;
  throw new ApiError(UNREACHABLE, 'unreachable', 0, { cause: String(cause) });
}
