// Files that only the site's token opens, so that a plain link cannot.
import { ApiError, authorized } from './client';

/** Has the browser save the file, under the name that the backend gives it. */
export async function saveFile(path: string): Promise<void> {
  const answer = await authorized(new Request(path));
  if (!answer.ok) {
    const { error, code } = (await answer.json()) as { error: string; code: string };
    throw new ApiError(error, code, answer.status);
  }
  const [, name = 'payments.csv'] = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '') ?? [];
  const address = URL.createObjectURL(await answer.blob());
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(address);
}
