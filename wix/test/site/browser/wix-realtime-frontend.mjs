export default {
  subscribe(channel, hear) {
    new EventSource('/_site/realtime').addEventListener('message', ({ data }) => {
      const told = JSON.parse(data);
      if (told.channel === channel.name) hear({ payload: told.payload }, channel);
    });
    return Promise.resolve('subscription');
  },
};
