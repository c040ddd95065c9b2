// What a page will look like, before there is anything to show, and what is left to do until there is.
import type { ReactNode } from 'react';

import { Notice } from './Notice';

interface StepsProps {
  /** What there is none of yet, such as "No payments yet". */
  title: string;
  steps: readonly [ReactNode, ReactNode];
  children?: ReactNode;
}

export function Steps({ title, steps, children }: StepsProps) {
  return (
    <Notice kind="standard" title={`${title}: two steps are left`}>
      <ol className="steps">
        {steps.map((step, place) => (
          <li key={place}>{step}</li>
        ))}
      </ol>
      {children}
    </Notice>
  );
}

export function Example({ title, steps, children }: StepsProps) {
  return (
    <>
      <Steps title={title} steps={steps}>
        Until then you see example data.
      </Steps>
      <div className="example" role="group" aria-label="Example data">
        <p className="example-label">Example data</p>
        {children}
      </div>
    </>
  );
}
