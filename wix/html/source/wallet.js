// A bare address to send coins to: QR, an address to copy, a link that opens a wallet.
import { anchor, element, say } from './dom.js';

const WALLET_LINK = /^(bitcoin|ethereum|solana|web\+stellar|litecoin|dogecoin|xrpl|web\+cardano):[^\s<>"]+$/;
const QR = /^data:image\/(png|svg\+xml)[;,]/;

/**
 * @param {{address: string, uri: string, qr?: string}} wallet
 * @param {string} coin
 * @param {string} worth
 */
export function showWallet(wallet, coin, worth) {
  say('wallet-title', `Send ${coin}`);
  say(
    'wallet-text',
    `Send ${coin} worth ${worth} to this address, on its own network only. We confirm it by hand once it is seen there.`,
  );
  say('wallet-address', wallet.address);
  const picture = /** @type {HTMLImageElement} */ (element('wallet-qr'));
  picture.hidden = !QR.test(wallet.qr ?? '');
  if (!picture.hidden) Object.assign(picture, { src: wallet.qr, alt: `QR code of the ${coin} address` });
  const open = anchor('wallet-open');
  open.hidden = !WALLET_LINK.test(wallet.uri);
  if (!open.hidden) open.href = wallet.uri;
  say('wallet-said', '');
  element('wallet').hidden = false;
  element('wallet-title').focus();
}

export function hideWallet() {
  element('wallet').hidden = true;
}

export function allowCopying() {
  element('wallet-copy').addEventListener('click', async () => {
    const address = element('wallet-address');
    const copied = await navigator.clipboard.writeText(address.textContent ?? '').then(
      () => true,
      () => copySelected(address),
    );
    say('wallet-said', copied ? 'Copied.' : 'Your browser does not copy here: the address is selected, copy it by hand.');
  });
}

/**
 * A frame of another host may not write to the clipboard; what is selected it may copy.
 * @param {HTMLElement} address
 */
function copySelected(address) {
  getSelection()?.selectAllChildren(address);
  return document.execCommand('copy');
}
