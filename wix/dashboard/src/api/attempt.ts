// Acts of the owner, whose failure is said in a message.
import { changed } from '../data/live';
import { toast } from '../wix/frame';
import { ApiError } from './client';

/** Whether it worked. What is shown is read again in both cases. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    await toast(error.message, 'error');
    return false;
  } finally {
    changed();
  }
}
