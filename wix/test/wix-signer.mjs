// Wix's tokens and messages as Node reads and signs them. Reads from the environment what Python has signed (HC_SIGNED),
// and prints what it found in it, with the same signed here.
import { createHmac, createPrivateKey, sign, timingSafeEqual } from 'node:crypto';
import { appInstances } from '@wix/app-management';
import { AppStrategy, createClient } from '@wix/sdk';

const given = JSON.parse(process.env.HC_SIGNED);
const base64 = (text) => Buffer.from(text).toString('base64url');
const signature = (data) => createHmac('sha256', given.secret).update(data).digest('base64url');

/** The fields of an instance value, by the recipe in Wix's documentation: its packages only ask Wix about it. */
function fieldsOf(instance) {
  const [signed, data] = instance.split('.');
  if (!timingSafeEqual(Buffer.from(signed), Buffer.from(signature(data)))) throw new Error('the signature is wrong');
  return JSON.parse(Buffer.from(data, 'base64url').toString());
}

function instanceOf(fields) {
  const data = base64(JSON.stringify(fields));
  return `${signature(data)}.${data}`;
}

function messageOf(claims) {
  const text = `${base64(JSON.stringify({ alg: 'RS256', typ: 'JWT' }))}.${base64(JSON.stringify(claims))}`;
  return `${text}.${sign('sha256', text, createPrivateKey(given.privateKey)).toString('base64url')}`;
}

/** The event in a message, as Wix's packages read it. */
async function eventIn(message) {
  const auth = AppStrategy({ appId: given.appId, publicKey: given.publicKey });
  const client = createClient({ auth, modules: { appInstances } });
  let found;
  client.appInstances.onAppInstancePaidPlanPurchased((event) => {
    found = { instanceId: event.metadata.instanceId, product: event.data.vendorProductId };
  });
  await client.webhooks.process(message);
  return found;
}

/** What Wix's packages send to Token Info for an instance value. */
async function askedAbout(instance) {
  let asked;
  globalThis.fetch = async (url, how) => {
    asked = { url: String(url), body: JSON.parse(how.body) };
    return new Response(JSON.stringify({ active: true }));
  };
  await AppStrategy({ appId: given.appId, accessToken: instance }).getTokenInfo();
  return asked;
}

const asked = await askedAbout(given.instance);
process.stdout.write(
  JSON.stringify({
    fields: fieldsOf(given.instance),
    event: await eventIn(given.message),
    asked,
    instance: instanceOf(given.fields),
    message: messageOf(given.claims),
    accepted: await eventIn(messageOf(given.claims)),
  }),
);
