// Downloads of designs: a URL is asked for, and the browser saves the file behind it.
import { isLoopback } from '../../site/src/public/hingecraft-addresses.js';
import { made } from './dom.js';

/**
 * Ask for a design's file; the browser saves it, and the page stays.
 * @param {import('./members.js').Member} member
 * @param {string} designId
 * @returns {Promise<import('./velo.js').Answer>} never a throw
 */
export async function download(member, designId) {
  const answer = await member.call('GET', `/api/v1/downloads/${encodeURIComponent(designId)}`);
  if (!answer.success) return answer;
  const { href, protocol } = new URL(answer.data.url, member.backend);
  if (protocol !== 'https:' && !isLoopback(href)) {
    return { success: false, code: 'unknown_address', error: 'We did not recognise the download link. Please try again.' };
  }
  const link = made('a', '');
  // Without `download`, a link that has just expired would replace the page by its error.
  Object.assign(link, { href, download: '', hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  return answer;
}
