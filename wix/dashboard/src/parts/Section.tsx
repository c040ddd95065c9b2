// A titled part of a page.
import { Card, Heading, Text } from '@wix/design-system';
import { type ReactNode, useId } from 'react';

interface Props {
  title: string;
  subtitle?: string | undefined;
  side?: ReactNode;
  children: ReactNode;
}

export function Section({ title, subtitle, side, children }: Props) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="section">
      <Card>
        <div className="section-head">
          <div>
            <Heading as="h2" size="small" id={id}>
              {title}
            </Heading>
            {subtitle && (
              <Text size="small" secondary>
                {subtitle}
              </Text>
            )}
          </div>
          {side}
        </div>
        <div className="section-body">{children}</div>
      </Card>
    </section>
  );
}
