/** The attributes of <hingecraft-donate> that an owner chooses, with the values that may be chosen. */
export const ATTRIBUTES = {
  title: { label: 'Title', choices: null },
  amounts: { label: 'Amounts, separated by commas', choices: null },
  currency: { label: 'Currency, such as EUR', choices: null },
  theme: { label: 'Theme', choices: ['light', 'dark'] },
  'show-border': { label: 'Border', choices: ['true', 'false'] },
} as const;

export type Attribute = keyof typeof ATTRIBUTES;
export const NAMES = Object.keys(ATTRIBUTES) as Attribute[];
