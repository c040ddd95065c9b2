export default { rendering: { env: 'browser' }, viewMode: 'Site' };
