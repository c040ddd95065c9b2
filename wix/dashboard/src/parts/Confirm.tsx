// A button whose act is explained before it happens, in its place: a modal could be far outside of what Wix's frame shows.
import { Button, TextButton } from '@wix/design-system';
import { type ReactNode, useEffect, useRef, useState } from 'react';

interface Props {
  label: string;
  /** What will happen. */
  question: ReactNode;
  confirm: string;
  isDestructive?: boolean;
  isDisabled?: boolean;
  /** Answers whether it worked: the question closes then. */
  act: () => Promise<boolean>;
}

export function Confirm({ label, question, confirm, isDestructive = true, isDisabled = false, act }: Props) {
  const [isAsked, setAsked] = useState(false);
  const [isActing, setActing] = useState(false);
  const asked = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isAsked) asked.current?.focus();
  }, [isAsked]);

  async function go() {
    setActing(true);
    if (await act()) setAsked(false);
    setActing(false);
  }

  if (!isAsked)
    return (
      <TextButton size="small" skin={isDestructive ? 'destructive' : 'standard'} disabled={isDisabled} onClick={() => setAsked(true)}>
        {label}
      </TextButton>
    );
  return (
    <div
      className="confirm"
      role="group"
      aria-label={confirm}
      tabIndex={-1}
      ref={asked}
      onKeyDown={(event) => event.key === 'Escape' && setAsked(false)}
    >
      <div>{question}</div>
      <div className="actions">
        <Button size="small" skin={isDestructive ? 'destructive' : 'standard'} disabled={isActing} onClick={() => void go()}>
          {isActing ? 'One moment…' : confirm}
        </Button>
        <Button size="small" priority="secondary" disabled={isActing} onClick={() => setAsked(false)}>
          Keep as it is
        </Button>
      </div>
    </div>
  );
}
