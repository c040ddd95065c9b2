import cloudProviderFetchAdapter from '@wix/cloud-provider-fetch-adapter';
import react from '@astrojs/react';
import wix from '@wix/astro';
import { defineConfig } from 'astro/config';

export default defineConfig({
  output: 'server',
  adapter: cloudProviderFetchAdapter({}),
  integrations: [wix(), react()],
  devToolbar: { enabled: false },
});
