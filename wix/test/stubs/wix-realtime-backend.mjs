export const published = [];

// Open pages that listen, each a function that is called with what was published.
export const listeners = new Set();

export async function publish(channel, payload) {
  published.push({ channel: channel.name, payload });
  for (const hear of listeners) hear(channel.name, payload);
}
