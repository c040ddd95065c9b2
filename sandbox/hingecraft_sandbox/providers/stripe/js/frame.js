// What the frames of the sandbox have in common: they answer the page that holds them, and ask the sandbox.

const INTENTS = '/stripe.js/payment_intents';

/** Answers the methods that the page calls; `tell` reports something that it did not ask for. */
export function answering(methods) {
  let port = null;
  addEventListener('message', (event) => {
    if (event.source !== parent || event.data !== 'connect' || port) return;
    [port] = event.ports;
    port.onmessage = async ({ data: { method, number, value } }) => {
      port.postMessage({ number, value: await methods[method](value ?? {}) });
    };
  });
  return (event, value) => port?.postMessage({ event, value });
}

async function asked(path, options) {
  try {
    const response = await fetch(INTENTS + path, options);
    const answer = await response.json();
    return answer.error ? { error: answer.error } : { paymentIntent: answer };
  } catch {
    const message = 'We are experiencing issues connecting to our payments provider. Please try again.';
    return { error: { type: 'api_connection_error', message } };
  }
}

const idOf = (clientSecret) => clientSecret.split('_secret_')[0];

/** The intent as somebody may see it who has its client secret. */
export const retrieved = ({ key, clientSecret }) =>
  asked(`/${idOf(clientSecret)}?${new URLSearchParams({ key, client_secret: clientSecret })}`);

/** Confirms the intent, or says what the bank has answered. */
export const posted = (verb, { key, clientSecret, ...more }) =>
  asked(`/${idOf(clientSecret)}/${verb}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ key, client_secret: clientSecret, ...more }),
  });
