// The bank's page for 3-D Secure.
import { answering, posted } from './frame.js';

let payment;
let answered;

function answer({ passed }) {
  for (const button of document.querySelectorAll('button')) button.disabled = true;
  const result = posted('authenticate', { ...payment, passed });
  answered(result);
  return result;
}

answering({
  begin(given) {
    payment = given;
    document.getElementById('pass').focus();
    return new Promise((resolve) => (answered = resolve));
  },
  answer,
});
document.getElementById('pass').addEventListener('click', () => answer({ passed: true }));
document.getElementById('fail').addEventListener('click', () => answer({ passed: false }));
