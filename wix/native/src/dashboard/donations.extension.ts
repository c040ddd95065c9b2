import { extensions } from '@wix/astro/builders';

export const donations = extensions.dashboardPage({
  id: '3f0c6a52-8d1b-4e7a-9b64-0d2c5e8f1a11',
  title: 'Donations',
  routePath: 'donations',
  component: './dashboard/Donations.tsx',
});
