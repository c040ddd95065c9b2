// Changes of what donors are offered. The backend says first what a change will do to the pages.
import { type ReactNode, useState } from 'react';

import { attempt } from '../api/attempt';
import { api, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { toast } from '../wix/frame';
import { Confirm } from './Confirm';
import { TextField } from './Fields';

type Effects = components['schemas']['EffectsAnswer'];
type Change = (preview: boolean) => Promise<Effects>;

/** What the change would do; null where that is rejected, which is shown as a message. */
async function foreseen(change: Change): Promise<ReactNode> {
  let effects: Effects | undefined;
  await attempt(async () => {
    effects = await change(true);
  });
  if (!effects) return null;
  return effects.sentences.map((sentence) => <p key={sentence}>{sentence}</p>);
}

const carriedOut = (change: Change): Promise<boolean> =>
  attempt(async () => {
    const { sentences } = await change(false);
    await toast(sentences.join(' '));
  });

interface SwitchProps {
  kind: 'currencies' | 'providers';
  name: string;
  label: string;
  isOn: boolean;
}

export function Switch({ kind, name, label, isOn }: SwitchProps) {
  const change: Change = (preview) => {
    const body = { enabled: !isOn, preview };
    return kind === 'currencies'
      ? dataOf(api.POST('/api/v1/wix/routes/currencies/{code}', { params: { path: { code: name } }, body }))
      : dataOf(api.POST('/api/v1/wix/routes/providers/{name}', { params: { path: { name } }, body }));
  };
  const word = isOn ? 'Switch off' : 'Switch on';
  return (
    <Confirm
      key={String(isOn)}
      label={word}
      about={label}
      confirm={`${word} ${label}`}
      isDestructive={isOn}
      question={() => foreseen(change)}
      act={() => carriedOut(change)}
    />
  );
}

export function Pin({ current, pinned }: { current: number; pinned: number | null }) {
  const [typed, setTyped] = useState('');
  const version = Number(typed);
  const pin =
    (to: number | null): Change =>
    (preview) =>
      dataOf(api.POST('/api/v1/wix/routes/pin', { body: { version: to, preview } }));
  if (pinned !== null)
    return (
      <Confirm
        label="Follow changes again"
        confirm="Follow changes again"
        isDestructive={false}
        question={() => foreseen(pin(null))}
        act={() => carriedOut(pin(null))}
      />
    );
  return (
    <div className="pin">
      <TextField label="Go back to version" placeholder={String(Math.max(1, current - 1))} value={typed} onChange={setTyped} />
      <Confirm
        label="Go back"
        confirm={`Go back to version ${typed}`}
        isDisabled={!Number.isInteger(version) || version < 1 || version > current}
        question={() => foreseen(pin(version))}
        act={() => carriedOut(pin(version))}
      />
    </div>
  );
}
