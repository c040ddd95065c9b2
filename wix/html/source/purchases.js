// What a member has bought.

const PAGE = 100;
/** More than anybody buys; what is beyond it is on the account page. */
const MOST_PAGES = 10;

/**
 * All purchases of a member, the newest first; none of somebody who is not signed in.
 * @param {import('./members.js').Member} member
 * @returns {Promise<import('./velo.js').Answer>}
 */
export async function allPurchases(member) {
  /** @type {import('./product-words.js').Purchase[]} */
  const all = [];
  if (!member.token) return { success: true, data: all };
  let cursor = '';
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await member.call('GET', `/api/v1/purchases?limit=${PAGE}${cursor && `&cursor=${cursor}`}`);
    if (!answer.success) return answer;
    all.push(...answer.data.items);
    cursor = answer.data.nextCursor ?? '';
    if (!cursor) break;
  }
  return { success: true, data: all };
}
