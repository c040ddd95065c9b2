// A sentence that the owner should read, and what can be done about it.
import { SectionHelper } from '@wix/design-system';
import type { ReactNode } from 'react';

interface Props {
  kind: 'standard' | 'success' | 'warning' | 'danger';
  title?: string;
  children: ReactNode;
  action?: { label: string; onClick: () => void };
}

export function Notice({ kind, title, children, action }: Props) {
  const pressed = action ? { actionText: action.label, onAction: action.onClick } : {};
  return (
    <div className="notice" role={kind === 'danger' ? 'alert' : 'status'}>
      <SectionHelper skin={kind} title={title} fullWidth {...pressed}>
        {children}
      </SectionHelper>
    </div>
  );
}
