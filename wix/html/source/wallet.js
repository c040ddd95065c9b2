// A bare address to send coins to: QR, an address to copy, a link that opens a wallet; network and memo where they matter.
import { anchor, element, say } from './dom.js';
import * as texts from './texts.js';

const WALLET_LINK = /^(bitcoin|ethereum|solana|web\+stellar|litecoin|dogecoin|xrpl|web\+cardano):[^\s<>"]+$/;
/** What can be copied, and what is said then. */
const COPIED = /** @type {const} */ ([
  ['address', 'copiedAddress', 'addressByHand'],
  ['memo', 'copiedMemo', 'memoByHand'],
]);
const QR = /^data:image\/(png|svg\+xml)[;,]/;

/**
 * @typedef {object} Wallet
 * @property {string} address
 * @property {string} uri
 * @property {string} [network]
 * @property {string} [networkName] the network for people, where the coin has several
 * @property {string} [memo]
 * @property {string} [amount] how many coins the gift is worth, where somebody has said so
 * @property {string} [qr]
 */

/**
 * @param {Wallet} wallet
 * @param {{code: string, name: string}} coin
 * @param {string} worth
 */
export function showWallet(wallet, coin, worth) {
  const { networkName, memo } = wallet;
  const title = networkName
    ? texts.wallet('sendOn', { coin: coin.code, network: networkName })
    : texts.wallet('send', { coin: coin.name });
  say('wallet-title', title);
  const told = { coin: coin.code, worth };
  say('wallet-text', wallet.amount ? texts.wallet('sum', { ...told, amount: wallet.amount }) : texts.wallet('worth', told));
  say('wallet-network', warningOf(coin, networkName, memo));
  say('wallet-address', wallet.address);
  element('wallet-memo-part').hidden = !memo;
  say('wallet-memo', memo ?? '');
  showPicture(wallet.qr ?? '', coin.name);
  const open = anchor('wallet-open');
  open.hidden = !WALLET_LINK.test(wallet.uri);
  if (!open.hidden) open.href = wallet.uri;
  say('wallet-said', '');
  element('wallet').hidden = false;
  element('wallet-title').focus();
}

/**
 * @param {{code: string, name: string}} coin
 * @param {string | undefined} networkName
 * @param {string | undefined} memo
 */
function warningOf({ code, name }, networkName, memo) {
  const network = networkName
    ? texts.wallet('network', { network: networkName, coin: code })
    : texts.wallet('ownNetwork', { name, coin: code });
  return memo ? `${network} ${texts.wallet('needsMemo')}` : network;
}

/**
 * @param {string} qr
 * @param {string} coin
 */
function showPicture(qr, coin) {
  const picture = /** @type {HTMLImageElement} */ (element('wallet-qr'));
  picture.hidden = !QR.test(qr);
  if (!picture.hidden) Object.assign(picture, { src: qr, alt: texts.wallet('qr', { coin }) });
}

export function hideWallet() {
  element('wallet').hidden = true;
}

export function allowCopying() {
  for (const [what, done, byHand] of COPIED) {
    element(`wallet-copy-${what}`).addEventListener('click', async () => {
      const text = element(`wallet-${what}`);
      const copied = await navigator.clipboard.writeText(text.textContent ?? '').then(
        () => true,
        () => copySelected(text),
      );
      say('wallet-said', texts.wallet(copied ? done : byHand));
    });
  }
}

/**
 * A frame of another host may not write to the clipboard; what is selected it may copy.
 * @param {HTMLElement} text
 */
function copySelected(text) {
  getSelection()?.selectAllChildren(text);
  return document.execCommand('copy');
}
