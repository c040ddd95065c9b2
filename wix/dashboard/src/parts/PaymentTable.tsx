// A long list: only the rows near to what is seen are drawn. Wix's frame is as high as the list, so nothing here scrolls; the
// browser says which part of the frame is on the screen.
import { Badge, Button } from '@wix/design-system';
import { memo, useCallback, useEffect, useRef, useState } from 'react';

import type { Payment } from '../data/payments';
import { moment, money } from '../format';
import { PaymentDetails } from './PaymentDetails';
import { PROVIDERS, PURPOSES, SKINS, STATUSES } from './words';

// As few as can be drawn between two frames.
const CHUNK = 10;
const ROW_PX = 56;
const HEAD = ['Date', 'Amount', 'Status', 'Paid with', 'For', ''];

interface Props {
  rows: readonly Payment[];
  hasMore?: boolean;
  loadMore?: () => Promise<void>;
  /** There is nothing behind its rows. */
  isExample?: boolean;
}

export function PaymentTable({ rows, hasMore = false, loadMore, isExample = false }: Props) {
  const [open, setOpen] = useState<string | null>(null);
  const toggle = useCallback((id: string) => setOpen((before) => (before === id ? null : id)), []);
  const chunks = Array.from({ length: Math.ceil(rows.length / CHUNK) }, (_, place) =>
    rows.slice(place * CHUNK, (place + 1) * CHUNK),
  );
  return (
    <>
      <table className="table payments" aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <caption className="unseen">Payments, newest first</caption>
        <thead>
          <tr aria-rowindex={1}>
            {HEAD.map((name) => (
              <th key={name} scope="col">
                {name || <span className="unseen">Details</span>}
              </th>
            ))}
          </tr>
        </thead>
        {chunks.map((chunk, place) => (
          <Chunk
            key={place}
            rows={chunk}
            first={place * CHUNK}
            open={chunk.some(({ id }) => id === open) ? open : null}
            toggle={isExample ? null : toggle}
          />
        ))}
      </table>
      {hasMore && loadMore && <More loadMore={loadMore} />}
    </>
  );
}

type Toggle = (id: string) => void;

interface ChunkProps {
  rows: readonly Payment[];
  first: number;
  open: string | null;
  /** Null where there are no details. */
  toggle: Toggle | null;
}

const Chunk = memo(function Chunk({ rows, first, open, toggle }: ChunkProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [isNear, setNear] = useState(first === 0);
  const height = useRef(rows.length * ROW_PX);
  useEffect(() => watch(body.current, setNear, (drawn) => (height.current = drawn)), []);
  if (!isNear && open === null)
    return (
      <tbody ref={body} aria-hidden="true">
        <tr className="undrawn" style={{ blockSize: Math.max(height.current, rows.length * ROW_PX) }}>
          <td colSpan={HEAD.length} />
        </tr>
      </tbody>
    );
  return (
    <tbody ref={body}>
      {rows.map((row, place) => (
        <Row key={row.id} row={row} index={first + place + 2} isOpen={row.id === open} toggle={toggle} />
      ))}
    </tbody>
  );
});

// One observer for all chunks; a margin of a screen is drawn before it is seen, as far as the browser may tell.
const watched = new WeakMap<Element, (isNear: boolean, height: number) => void>();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries)
      watched.get(target)?.(isIntersecting, boundingClientRect.height);
  },
  { rootMargin: '1500px 0px' },
);

function watch(body: Element | null, setNear: (isNear: boolean) => void, keep: (height: number) => void): () => void {
  if (!body) return () => undefined;
  watched.set(body, (isNear, height) => {
    if (!isNear) keep(height);
    setNear(isNear);
  });
  observer.observe(body);
  return () => observer.unobserve(body);
}

interface RowProps {
  row: Payment;
  index: number;
  isOpen: boolean;
  toggle: Toggle | null;
}

const Row = memo(function Row({ row, index, isOpen, toggle }: RowProps) {
  const details = `details-${row.id}`;
  return (
    <>
      <tr aria-rowindex={index} className={isOpen ? 'open' : ''}>
        <td data-name="Date">
          <time dateTime={row.createdAt}>{moment(row.createdAt)}</time>
        </td>
        <td data-name="Amount" className="amount">
          {amountOf(row)}
        </td>
        <td data-name="Status">
          <span>
            <Badge size="small" skin={SKINS[row.status]} uppercase={false}>
              {STATUSES[row.status]}
            </Badge>
            {row.mode === 'test' && <span className="quiet"> test</span>}
          </span>
        </td>
        <td data-name="Paid with">{PROVIDERS[row.provider ?? ''] ?? '–'}</td>
        <td data-name="For">{PURPOSES[row.purpose] ?? row.purpose}</td>
        <td className="act">
          {toggle && (
            <button
              type="button"
              className="text-button"
              aria-expanded={isOpen}
              aria-controls={details}
              onClick={() => toggle(row.id)}
            >
              {isOpen ? 'Close' : 'Details'}
              <span className="unseen">{` of the payment of ${amountOf(row)}, ${moment(row.createdAt)}`}</span>
            </button>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr className="details" id={details}>
          <td colSpan={HEAD.length}>
            <PaymentDetails id={row.id} />
          </td>
        </tr>
      )}
    </>
  );
});

function amountOf({ amount, priceCurrency, paidAmount, paidCurrency, wentBack }: Payment): string {
  const price = amount === null || priceCurrency === null ? null : money(amount, priceCurrency);
  const shown = price ?? (paidAmount !== null && paidCurrency ? money(paidAmount, paidCurrency) : '–');
  const isPartly = Number(wentBack) > 0 && Number(wentBack) < Number(paidAmount);
  return isPartly && paidCurrency ? `${shown}, ${money(wentBack as number, paidCurrency)} back` : shown;
}

/** The next page, when the end of the list comes near; a button for those who do not scroll. */
function More({ loadMore }: { loadMore: () => Promise<void> }) {
  const end = useRef<HTMLDivElement>(null);
  const [isLoading, setLoading] = useState(false);
  const latest = useRef(loadMore);
  latest.current = loadMore;

  const load = useCallback(async () => {
    setLoading(true);
    await latest.current();
    setLoading(false);
  }, []);

  useEffect(() => {
    if (isLoading || !end.current) return undefined;
    const seen = new IntersectionObserver(([entry]) => entry?.isIntersecting && void load(), { rootMargin: '1500px 0px' });
    seen.observe(end.current);
    return () => seen.disconnect();
  }, [isLoading, load]);

  return (
    <div ref={end} className="more">
      <Button size="small" priority="secondary" disabled={isLoading} onClick={() => void load()}>
        {isLoading ? 'Loading…' : 'Show more'}
      </Button>
    </div>
  );
}
