// What a page will look like, before there is anything to show, and what is left to do until there is.
import type { ReactNode } from 'react';

import { addressOf } from '../navigation';
import { Notice } from './Notice';

export function Example({ children }: { children: ReactNode }) {
  return (
    <>
      <Notice kind="standard" title="No payments yet: two steps are left">
        <ol className="steps">
          <li>
            Put the donation widget or a donation page on your site, and choose its texts and amounts in{' '}
            <a href={addressOf('settings')}>Settings</a>.
          </li>
          <li>Give a small amount yourself. It appears here within seconds.</li>
        </ol>
        Until then you see example data.
      </Notice>
      <div className="example" role="group" aria-label="Example data">
        <p className="example-label">Example data</p>
        {children}
      </div>
    </>
  );
}
