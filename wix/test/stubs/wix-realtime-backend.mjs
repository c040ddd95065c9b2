export const published = [];

export async function publish(channel, payload) {
  published.push({ channel: channel.name, payload });
}
