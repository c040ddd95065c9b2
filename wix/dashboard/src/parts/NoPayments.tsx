// The pages about payments, before the first of them.
import type { ReactNode } from 'react';

import { addressOf } from '../navigation';
import { Example } from './Example';

export function NoPayments({ children }: { children: ReactNode }) {
  const settings = <a href={addressOf('settings')}>Settings</a>;
  return (
    <Example
      title="No payments yet"
      steps={[
        <>Put the donation widget or a donation page on your site, and choose its texts and amounts in {settings}.</>,
        'Give a small amount yourself. It appears here within seconds.',
      ]}
    >
      {children}
    </Example>
  );
}
