import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

import { compressed } from './build/compress.ts';
import { purged } from './build/purge.ts';

const folder = process.env.DASHBOARD_BUILT ?? fileURLToPath(new URL('built', import.meta.url));

export default defineConfig({
  base: '/wix-dashboard/',
  plugins: [react(), purged(), compressed(folder)],
  build: {
    outDir: folder,
    emptyOutDir: true,
    target: 'es2022',
    // The policy admits files, and neither inline scripts nor fonts in addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Read by build/licenses.mjs.
    license: { fileName: 'licenses.json' },
  },
});
