// What narrows the list of payments.
import { Button, TextButton } from '@wix/design-system';
import { useEffect, useState } from 'react';

import { ZONE } from '../data/days';
import type { Filter } from '../data/payments';
import { ChoiceField, DayField, TextField } from './Fields';
import { currencies } from './currencies';
import { PROVIDERS, PURPOSES, STATUSES } from './words';

interface Props {
  filter: Filter;
  choose: (filter: Filter) => void;
}

// Long enough for a person to finish a word.
const TYPING_MS = 300;
const any = (words: Readonly<Record<string, string>>): [string, string][] => [['', 'Any'], ...Object.entries(words)];

export function PaymentFilters({ filter, choose }: Props) {
  const [search, setSearch] = useState(filter.search ?? '');
  const [isOpen, setOpen] = useState(false);
  const set = (name: keyof Filter) => (value: string) => choose(cleaned({ ...filter, [name]: value }));
  const text = (name: keyof Filter) => ({ value: String(filter[name] ?? ''), onChange: set(name) });
  const others = Object.keys(filter).filter((name) => !['search', 'zone'].includes(name)).length;

  useEffect(() => {
    if (search.trim() === (filter.search ?? '')) return undefined;
    const timer = setTimeout(() => choose(cleaned({ ...filter, search: search.trim() })), TYPING_MS);
    return () => clearTimeout(timer);
  }, [search, filter, choose]);

  function reset() {
    setSearch('');
    choose({});
  }

  return (
    <div className="filters" role="search" aria-label="Payments">
      <div className="fields search">
        <TextField label="Search" placeholder="An id or an e-mail address" value={search} onChange={setSearch} />
        <div className="actions">
          <Button size="small" priority="secondary" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {others > 0 ? `Filters (${others})` : 'Filters'}
          </Button>
          {(others > 0 || search !== '') && (
            <TextButton size="small" onClick={reset}>
              Show all
            </TextButton>
          )}
        </div>
      </div>
      {isOpen && (
        <div className="fields">
          <ChoiceField label="Status" choices={any(STATUSES)} {...text('status')} />
          <ChoiceField label="Paid with" choices={any(PROVIDERS)} {...text('provider')} />
          <ChoiceField label="For" choices={any(PURPOSES)} {...text('purpose')} />
          <ChoiceField label="Currency" choices={[['', 'Any'], ...currencies()]} {...text('currency')} />
          <DayField label="From" {...text('from')} />
          <DayField label="To" {...text('to')} />
          <TextField label="Smallest amount" {...text('amountFrom')} />
          <TextField label="Largest amount" {...text('amountTo')} />
        </div>
      )}
    </div>
  );
}

/** Without what is empty; days are those of the owner. */
function cleaned(filter: Filter): Filter {
  const kept = Object.entries(filter).filter(([name, value]) => value !== '' && name !== 'zone');
  const found = Object.fromEntries(kept) as Filter;
  return found.from || found.to ? { ...found, zone: ZONE } : found;
}
