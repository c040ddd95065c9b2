// A bare address to send coins to: QR, an address to copy, a link that opens a wallet; network and memo where they matter.
import { anchor, element, say } from './dom.js';

const WALLET_LINK = /^(bitcoin|ethereum|solana|web\+stellar|litecoin|dogecoin|xrpl|web\+cardano):[^\s<>"]+$/;
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
  say('wallet-title', networkName ? `Send ${coin.code} on ${networkName}` : `Send ${coin.name}`);
  const sum = wallet.amount ? `${wallet.amount} ${coin.code} (about ${worth})` : `${coin.code} worth ${worth}`;
  say('wallet-text', `Send ${sum} to this address. We confirm your gift by hand when it arrives.`);
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
    ? `Use ${networkName} only. ${code} sent on another network is lost.`
    : `Send only ${name} (${code}), on its own network.`;
  return memo ? `${network} Your payment must include the memo below. Without it, the payment is lost.` : network;
}

/**
 * @param {string} qr
 * @param {string} coin
 */
function showPicture(qr, coin) {
  const picture = /** @type {HTMLImageElement} */ (element('wallet-qr'));
  picture.hidden = !QR.test(qr);
  if (!picture.hidden) Object.assign(picture, { src: qr, alt: `QR code of the ${coin} address` });
}

export function hideWallet() {
  element('wallet').hidden = true;
}

export function allowCopying() {
  for (const what of ['address', 'memo']) {
    element(`wallet-copy-${what}`).addEventListener('click', async () => {
      const text = element(`wallet-${what}`);
      const copied = await navigator.clipboard.writeText(text.textContent ?? '').then(
        () => true,
        () => copySelected(text),
      );
      const byHand = `We could not copy the ${what}. It is selected, so you can copy it yourself.`;
      say('wallet-said', copied ? `Copied the ${what}.` : byHand);
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
