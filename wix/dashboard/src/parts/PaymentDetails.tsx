// Everything about one payment, in its place in the list.
import { api, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { useResource } from '../data/resource';
import { momentInZone, money } from '../format';
import { Loaded } from './Loaded';
import { Refund } from './Refund';

type History = components['schemas']['PaymentHistoryAnswer'];

export function PaymentDetails({ id }: { id: string }) {
  const history = useResource(`payment ${id}`, () => dataOf(api.GET('/api/v1/wix/payments/{id}', { params: { path: { id } } })));
  return (
    <Loaded resource={history} what="history of this payment">
      {(found) => (
        <div className="history">
          <p className="quiet">
            Payment <code>{id}</code>
          </p>
          <Refunds refunds={found.refunds} />
          <h3>History</h3>
          <ol className="trail">
            {found.trail.map((entry) => (
              <li key={entry.id}>
                <time dateTime={entry.createdAt}>{momentInZone(entry.createdAt)}</time>
                <p>{entry.text}</p>
              </li>
            ))}
          </ol>
          <Refund id={id} refundable={found.refundable} />
        </div>
      )}
    </Loaded>
  );
}

const STATES = {
  asked: 'Stripe has not answered yet',
  pending: 'on its way to the payer’s bank',
  succeeded: 'sent back',
  failed: 'failed',
} as const;

function Refunds({ refunds }: { refunds: History['refunds'] }) {
  if (refunds.length === 0) return null;
  return (
    <>
      <h3>Refunds</h3>
      <ul className="trail">
        {refunds.map((refund) => (
          <li key={refund.refundId}>
            <time dateTime={refund.createdAt}>{momentInZone(refund.createdAt)}</time>{' '}
            {`${money(refund.amount, refund.currency)}: ${STATES[refund.status]}`}
            {refund.failure && <span className="problem"> {refund.failure}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}
