import { extensions } from '@wix/astro/builders';

export const donate = extensions.customElement({
  id: 'a4b7d2c9-5e36-4f08-8c71-6b9e0d3f2a22',
  name: 'Donation form',
  tagName: 'hingecraft-native-donate',
  element: './widget/Donate.ts',
  settings: './widget/DonatePanel.tsx',
  installation: { autoAdd: false },
  width: { defaultWidth: 420, allowStretch: true },
  height: { defaultHeight: 460 },
  presets: [
    {
      id: 'c81e5f70-2b94-4d6a-a3f5-7e1d9c0b4a33',
      name: 'Donation form',
      thumbnailUrl: '{{BASE_URL}}/donation-form.svg',
    },
  ],
});
