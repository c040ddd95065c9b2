// How giving goes: what came in, how well payments work, and what needs the owner.
import { Suspense, useState } from 'react';

import { api, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { daysFrom, plusDays, today, ZONE } from '../data/days';
import { EXAMPLE } from '../data/example';
import { shownLater } from '../data/later';
import { useResource } from '../data/resource';
import { ago, day, duration, money, number, percent } from '../format';
import { Choices } from '../parts/Choices';
import { Figure } from '../parts/Figure';
import { Loaded } from '../parts/Loaded';
import { NoPayments } from '../parts/NoPayments';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import { Table } from '../parts/Table';

export type Found = components['schemas']['OverviewAnswer'];
type Period = Found['current'];

const Chart = shownLater(() => import('../parts/Chart'));

// Every amount has a value in it, whatever was given.
const VALUE = 'USD';
const PERIODS = { 7: '7 days', 30: '30 days', 90: '90 days', 365: '1 year' } as const;
type Days = keyof typeof PERIODS;

export function Overview() {
  const [days, setDays] = useState<Days>(30);
  const overview = useResource(`overview ${days}`, () => {
    const to = today();
    return dataOf(api.GET('/api/v1/wix/overview', { params: { query: { from: plusDays(to, 1 - days), to, zone: ZONE } } }));
  });
  return (
    <>
      <Choices label="Period" choices={PERIODS} chosen={days} choose={(name) => setDays(Number(name) as Days)} />
      <Loaded resource={overview} what="overview">
        {(found) =>
          isEmpty(found) ? (
            <NoPayments>
              <Figures found={EXAMPLE} />
            </NoPayments>
          ) : (
            <Figures found={found} />
          )
        }
      </Loaded>
    </>
  );
}

const isEmpty = ({ current, previous, attention }: Found): boolean =>
  [current, previous].every(({ totals, payments }) => totals.length === 0 && payments.paid + payments.failed === 0) &&
  attention.length === 0;

function Figures({ found }: { found: Found }) {
  const { current, previous, mode } = found;
  return (
    <>
      {mode === 'test' && (
        <Notice kind="warning" title="Test mode">
          The backend uses test keys: these payments moved no money.
        </Notice>
      )}
      <Attention found={found} />
      <ul className="figures">
        <Figure
          name="Received, less refunds"
          value={money(worth(current, mode), VALUE)}
          change={changeOf(worth(current, mode), worth(previous, mode))}
        />
        <Figure
          name="Payments"
          value={number(countOf(current, mode))}
          change={changeOf(countOf(current, mode), countOf(previous, mode))}
        />
        <Figure
          name="Success rate"
          hint="Of the payments that somebody tried to pay"
          value={orDash(current.payments.successRate, percent)}
          change={pointsOf(current.payments.successRate, previous.payments.successRate)}
        />
        <Figure
          name="Median time to completion"
          value={orDash(current.medianSeconds, duration)}
          change={previous.medianSeconds === null ? undefined : `${duration(previous.medianSeconds)} before`}
        />
      </ul>
      <Section title="Giving over time" subtitle={`The value in ${VALUE} of what was left of each day after refunds.`}>
        <Suspense fallback={<div className="chart" />}>
          <Chart bars={barsOf(found)} currency={VALUE} />
        </Suspense>
      </Section>
      <Totals period={current} mode={mode} />
      <Attempts period={current} />
    </>
  );
}

const orDash = (value: number | null, shown: (value: number) => string): string => (value === null ? '–' : shown(value));

const ofMode = ({ totals }: Period, mode: Found['mode']) => totals.filter((each) => each.mode === mode);

const worth = (period: Period, mode: Found['mode']): number => ofMode(period, mode).reduce((sum, { usd }) => sum + usd, 0);

const countOf = (period: Period, mode: Found['mode']): number => ofMode(period, mode).reduce((sum, { count }) => sum + count, 0);

function changeOf(now: number, before: number): string | undefined {
  if (before <= 0) return undefined;
  const share = now / before - 1;
  return `${share > 0 ? '+' : ''}${percent(share)} on the period before`;
}

function pointsOf(now: number | null, before: number | null): string | undefined {
  return now === null || before === null ? undefined : `${percent(before)} before`;
}

function barsOf({ current, days }: Found) {
  return daysFrom(current.from, current.to).map((date) => {
    const rows = days.filter((row) => row.day === date);
    return {
      day: date,
      amount: rows.reduce((sum, { usd }) => sum + usd, 0),
      count: rows.reduce((sum, { count }) => sum + count, 0),
    };
  });
}

function Attention({ found: { attention } }: { found: Found }) {
  if (attention.length === 0) return null;
  return (
    <Section title="Needs attention">
      <ul className="attention">
        {attention.map(({ kind, count, since, names, advice }) => (
          <li key={kind}>
            <strong>{`${WORDS[kind]}: ${number(count)}`}</strong>
            {since && <span className="quiet"> since {ago(since)}</span>}
            {names.length > 0 && <span className="quiet">: {names.join(', ')}</span>}
            <p>{advice}</p>
          </li>
        ))}
      </ul>
    </Section>
  );
}

const WORDS: Record<Found['attention'][number]['kind'], string> = {
  payments_in_review: 'Payments to look at',
  disputes: 'Open disputes',
  wallet_payments_to_confirm: 'Payments in coins to confirm',
  checkouts_unanswered: 'Checkouts without an answer',
  refunds_unanswered: 'Refunds without an answer',
  unknown_prices: 'Unknown prices',
  unknown_wix_products: 'Unknown plans of Wix',
  events_failing: 'Messages that can’t be processed',
  events_waiting: 'Messages that wait',
  events_given_up: 'Messages that were given up',
  deliveries_failed: 'Webhooks that didn’t arrive',
  endpoints_failing: 'Endpoints that don’t answer',
  pods_lagging: 'Pods with older routes',
};

const NUMBERS = ['Payments', 'Received', 'Refunded', 'Disputed', 'Left', `Value in ${VALUE}`];

function Totals({ period, mode }: { period: Period; mode: Found['mode'] }) {
  const totals = ofMode(period, mode);
  if (totals.length === 0) return null;
  return (
    <Section title="By currency" subtitle={`From ${day(period.from)} to ${day(period.to)}`}>
      <Table
        label="What came in, by currency"
        head={['Currency', ...NUMBERS]}
        numbers={NUMBERS}
        rows={totals.map((each) => ({
          key: each.currency,
          cells: [
            each.currency,
            number(each.count),
            money(each.received, each.currency),
            money(each.refunded, each.currency),
            money(each.disputed, each.currency),
            money(each.net, each.currency),
            money(each.usd, VALUE),
          ],
        }))}
      />
    </Section>
  );
}

function Attempts({ period: { payments } }: { period: Period }) {
  const { paid, failed, expired, abandoned } = payments;
  return (
    <Section title="How payments went" subtitle="Of those that were begun in this period, as they are now.">
      <dl className="facts">
        <dt>Paid</dt>
        <dd>{number(paid)}</dd>
        <dt>Rejected by the provider or the bank</dt>
        <dd>{number(failed)}</dd>
        <dt>Not paid after an attempt that failed</dt>
        <dd>{number(expired)}</dd>
        <dt>Left without an attempt</dt>
        <dd>{number(abandoned)}</dd>
      </dl>
    </Section>
  );
}
