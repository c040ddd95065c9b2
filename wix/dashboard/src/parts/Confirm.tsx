// A button whose act is explained before it happens, in its place: a modal could be far outside of what Wix's frame shows.
import { Button, TextButton } from '@wix/design-system';
import { type ReactNode, useEffect, useRef, useState } from 'react';

interface Props {
  label: string;
  /** What it is done to, for those who hear the button by itself. */
  about?: string;
  /** What will happen, or how to find that out. */
  question: ReactNode | (() => Promise<ReactNode>);
  confirm: string;
  isDestructive?: boolean;
  isDisabled?: boolean;
  /** Whether something is still missing. */
  isUnready?: boolean;
  /** Answers whether it worked: the question closes then. */
  act: () => Promise<boolean>;
}

export function Confirm({
  label,
  about,
  question,
  confirm,
  isDestructive = true,
  isDisabled = false,
  isUnready = false,
  act,
}: Props) {
  const [isAsked, setAsked] = useState(false);
  const [text, setText] = useState<ReactNode>(null);
  const [isActing, setActing] = useState(false);
  const asked = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isAsked) asked.current?.focus();
  }, [isAsked]);

  async function ask() {
    const found = typeof question === 'function' ? await question() : question;
    if (found === null) return;
    setText(found);
    setAsked(true);
  }

  async function go() {
    setActing(true);
    if (await act()) setAsked(false);
    setActing(false);
  }

  if (!isAsked)
    return (
      <TextButton size="small" disabled={isDisabled} onClick={() => void ask()}>
        {label}
        {about && <span className="unseen"> {about}</span>}
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
      <div>{typeof question === 'function' ? text : question}</div>
      <div className="actions">
        <Button
          size="small"
          skin={isDestructive ? 'destructive' : 'standard'}
          disabled={isActing || isUnready}
          onClick={() => void go()}
        >
          {isActing ? 'One moment…' : confirm}
        </Button>
        <Button size="small" priority="secondary" disabled={isActing} onClick={() => setAsked(false)}>
          Keep as it is
        </Button>
      </div>
    </div>
  );
}
