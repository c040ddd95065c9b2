// On Wix's servers there is an address, and nowhere to go.
export default { baseUrl: 'https://www.example.com', query: {}, to: () => undefined };
