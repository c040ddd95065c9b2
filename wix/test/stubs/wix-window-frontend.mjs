export default { rendering: { env: 'backend' }, viewMode: 'Site' };
