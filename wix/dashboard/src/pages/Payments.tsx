// All payments in one list: found by filters and search, exported, each with its history.
import { Button } from '@wix/design-system';
import { useState } from 'react';

import { attempt } from '../api/attempt';
import { api, dataOf } from '../api/client';
import { EXAMPLE_PAYMENTS } from '../data/example';
import { type Filter, usePayments } from '../data/payments';
import { zoneName } from '../format';
import { addressOf } from '../navigation';
import { Loaded } from '../parts/Loaded';
import { NoPayments } from '../parts/NoPayments';
import { PaymentFilters } from '../parts/PaymentFilters';
import { PaymentTable } from '../parts/PaymentTable';
import { Section } from '../parts/Section';
import { toast } from '../wix/frame';

export default function Payments() {
  const [filter, setFilter] = useState<Filter>({});
  const list = usePayments(filter);
  const { items, at, error, isLoading, reload } = list;
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Loaded resource={{ data: items ?? (isFiltered ? [] : undefined), at, error, isLoading, reload }} what="payments">
      {(rows) =>
        rows.length === 0 && !isFiltered ? (
          <NoPayments>
            <Section title="Payments">
              <PaymentTable rows={EXAMPLE_PAYMENTS} isExample />
            </Section>
          </NoPayments>
        ) : (
          <Section
            title="Payments"
            subtitle={`Newest first, of all kinds. Times are in ${zoneName()}.`}
            side={<Export filter={filter} />}
          >
            <PaymentFilters filter={filter} choose={setFilter} />
            {rows.length === 0 ? (
              <p role="status">{isLoading ? 'Searching…' : 'No payments match. Change the search or remove a filter.'}</p>
            ) : (
              <PaymentTable rows={rows} hasMore={list.hasMore} loadMore={list.loadMore} />
            )}
          </Section>
        )
      }
    </Loaded>
  );
}

/** The file has what the list shows; a search is for one payment, and needs no file. */
function Export({ filter }: { filter: Filter }) {
  const [isAsking, setAsking] = useState(false);
  const { search: _, ...filters } = filter;

  async function begin() {
    setAsking(true);
    const isBegun = await attempt(() => dataOf(api.POST('/api/v1/wix/jobs', { body: { type: 'export', filters } })));
    setAsking(false);
    if (!isBegun) return;
    await toast('The export has begun. Its file will be here, under Jobs.', 'standard');
    location.hash = addressOf('jobs');
  }

  return (
    <Button size="small" priority="secondary" disabled={isAsking || filter.search !== undefined} onClick={() => void begin()}>
      {Object.keys(filters).length > 0 ? 'Export these' : 'Export all'}
    </Button>
  );
}
