// Sends money back, once: a repeat after a lost answer is the same refund.
import { useRef, useState } from 'react';

import { attempt } from '../api/attempt';
import { api, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { money } from '../format';
import { toast } from '../wix/frame';
import { Confirm } from './Confirm';
import { ChoiceField, LongTextField, TextField } from './Fields';

type Reason = NonNullable<components['schemas']['RefundInput']['reason']>;

const REASONS: readonly [Reason, string][] = [
  ['requested_by_customer', 'The payer asked for it'],
  ['duplicate', 'It was paid twice'],
  ['fraudulent', 'It looks like fraud'],
];

interface Props {
  id: string;
  refundable: components['schemas']['RefundableAnswer'];
}

export function Refund({ id, refundable: { amount, currency, whyNot } }: Props) {
  // Changed only after a success, so that a repeat cannot send the money twice.
  const reference = useRef<string>(crypto.randomUUID());
  const [wanted, setWanted] = useState<string>();
  const [reason, setReason] = useState<Reason>('requested_by_customer');
  const [note, setNote] = useState('');
  if (amount === null || currency === null) return whyNot ? <p className="quiet">{whyNot}</p> : null;

  const typed = wanted ?? String(amount);
  const chosen = Number(typed.replace(',', '.'));
  const isPossible = chosen > 0 && chosen <= amount;

  async function refund(): Promise<boolean> {
    const body = { reference: reference.current, amount: String(chosen), reason, ...(note ? { note } : {}) };
    const path = { id };
    const isSent = await attempt(async () => {
      const sent = await dataOf(api.POST('/api/v1/wix/payments/{id}/refunds', { params: { path }, body }));
      await toast(sent.status === 'failed' ? `Stripe rejected the refund: ${sent.failure}` : 'The money is on its way back.');
    });
    if (isSent) reference.current = crypto.randomUUID();
    return isSent;
  }

  return (
    <Confirm
      label="Refund"
      confirm={isPossible ? `Refund ${money(chosen, currency)}` : 'Refund'}
      isUnready={!isPossible}
      act={refund}
      question={
        <>
          <p>
            The money goes back to the card that paid, usually within ten days. This cannot be undone, and Stripe keeps its fee.
          </p>
          <div className="fields">
            <TextField
              label={`Amount in ${currency}`}
              hint={`At most ${money(amount, currency)}`}
              error={isPossible ? undefined : `Enter an amount of at most ${money(amount, currency)}.`}
              value={typed}
              onChange={setWanted}
            />
            <ChoiceField label="Reason" choices={REASONS} value={reason} onChange={(name) => setReason(name as Reason)} />
            <LongTextField label="Note for the payment’s history" longest={500} value={note} onChange={setNote} />
          </div>
        </>
      }
    />
  );
}
