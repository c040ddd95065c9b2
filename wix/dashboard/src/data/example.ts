// Example data, shown before a site has had its first payment. No person and no payment is behind them.
import type { components } from '../api/schema';
import { daysFrom, plusDays, today, ZONE } from './days';

type Overview = components['schemas']['OverviewAnswer'];
type Payment = components['schemas']['PaymentItem'];
type Job = components['schemas']['JobAnswer'];

const LAST = today();
const FIRST = plusDays(LAST, -29);
// How much was given on each of thirty days: weekends, a campaign, a quiet day.
const GIVEN = [
  60, 85, 40, 120, 95, 180, 210, 75, 50, 90, 110, 65, 240, 260, 80, 45, 0, 70, 130, 310, 420, 380, 160, 90, 75, 105, 140, 220,
  250, 115,
];
const SUM = GIVEN.reduce((sum, each) => sum + each, 0);

const period = (from: string, to: string, given: number, paid: number): Overview['current'] => ({
  from,
  to,
  totals: [
    {
      currency: 'USD',
      mode: 'live',
      count: paid,
      received: given,
      refunded: 0,
      disputed: 0,
      net: given,
      usd: given,
      withoutValue: 0,
    },
  ],
  payments: { paid, failed: 1, expired: 3, abandoned: 41, successRate: paid / (paid + 4) },
  medianSeconds: 42,
});

export const EXAMPLE: Overview = {
  zone: ZONE,
  mode: 'live',
  asOf: new Date().toISOString(),
  current: period(FIRST, LAST, SUM, 118),
  previous: period(plusDays(FIRST, -30), plusDays(FIRST, -1), 3200, 97),
  days: daysFrom(FIRST, LAST).map((day, place) => {
    const given = GIVEN[place] ?? 0;
    return { day, currency: 'USD', count: Math.ceil(given / 38), received: given, net: given, usd: given };
  }),
  attention: [],
};

const payment = (place: number, amount: number, priceCurrency: string, status: Payment['status']): Payment => {
  const began = new Date(Date.now() - place * 5_400_000).toISOString();
  const cameIn = status === 'completed' || status === 'refunded' ? amount : null;
  return {
    id: `00000000-0000-4000-8000-00000000000${place}`,
    status,
    provider: 'stripe',
    providerId: null,
    purpose: 'donation',
    amount,
    priceCurrency,
    currency: priceCurrency,
    paidAmount: cameIn,
    paidCurrency: priceCurrency,
    wentBack: status === 'refunded' ? amount : 0,
    source: 'charter',
    mode: 'live',
    createdAt: began,
    updatedAt: began,
  };
};

export const EXAMPLE_PAYMENTS: readonly Payment[] = [
  payment(1, 25, 'USD', 'completed'),
  payment(2, 50, 'EUR', 'completed'),
  payment(3, 10, 'USD', 'expired'),
  payment(4, 100, 'CHF', 'refunded'),
  payment(5, 25, 'USD', 'completed'),
];

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

const job = (more: Partial<Job> & Pick<Job, 'jobId' | 'type' | 'status'>): Job => ({
  filters: {},
  progressPercent: 100,
  currentStep: null,
  result: null,
  error: null,
  hasFile: false,
  createdAt: minutesAgo(2),
  startedAt: minutesAgo(2),
  updatedAt: minutesAgo(1),
  finishedAt: null,
  expiresAt: null,
  ...more,
});

export const EXAMPLE_JOBS: readonly Job[] = [
  job({
    jobId: '00000000-0000-4000-8000-000000000101',
    type: 'reconcile',
    status: 'processing',
    progressPercent: 40,
    currentStep: 'Asking Stripe about open checkouts',
  }),
  job({
    jobId: '00000000-0000-4000-8000-000000000102',
    type: 'export',
    status: 'completed',
    result: { rows: 118, bytes: 16_920 },
    createdAt: minutesAgo(180),
  }),
];

type Served = Pick<components['schemas']['RoutesStateAnswer'], 'pods' | 'endpoints'>;

export const EXAMPLE_ROUTES: Served = {
  pods: [
    { name: 'api-1', version: 12, isCurrent: true, latencyMs: 14, failure: null },
    { name: 'api-2', version: 12, isCurrent: true, latencyMs: 18, failure: null },
  ],
  endpoints: [
    {
      name: 'site',
      events: ['routes.updated'],
      state: 'ok',
      deliveredVersion: 12,
      deliveredAt: minutesAgo(25),
      latencyMs: 310,
      failures: 0,
      waiting: 0,
      reason: null,
    },
  ],
};
