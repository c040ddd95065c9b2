export default { subscribe: async () => 'subscription' };
