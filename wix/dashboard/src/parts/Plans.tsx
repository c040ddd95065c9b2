// The plans that the site can change to. Wix sells them: a real link leads to its checkout, in a tab of its own.
import { Badge, Button, Heading, Text } from '@wix/design-system';
import { useEffect, useRef, useState } from 'react';

import { api, ApiError, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { changed } from '../data/live';
import { useResource } from '../data/resource';
import type { Status } from '../data/site';
import { capitalized, money, number } from '../format';
import { Choices } from './Choices';
import { Loaded } from './Loaded';
import { Section } from './Section';

type Offer = components['schemas']['WixPlansAnswer'];
type Plan = components['schemas']['WixPlanAnswer'];
const CYCLES = { monthly: 'Monthly', yearly: 'Yearly' } as const;
type Cycle = keyof typeof CYCLES;

// How often the plan is asked for while the owner pays at Wix.
const ASK_EVERY_MS = 3_000;

export function Plans({ site }: { site: Status }) {
  const offer = useResource('plans', () => dataOf(api.GET('/api/v1/wix/plans')));
  const [cycle, setCycle] = useState<Cycle>(paysLonger(site) ? 'yearly' : 'monthly');
  const side = <Choices label="Billing cycle" choices={CYCLES} chosen={cycle} choose={(name) => setCycle(name as Cycle)} />;
  return (
    <Section title="Plans" subtitle="Wix sells the plans and collects the money." side={side}>
      <Loaded resource={offer} what="plans">
        {(found) => <Columns key={cycle} offer={found} site={site} cycle={cycle} />}
      </Loaded>
    </Section>
  );
}

/** Whether the site pays for a year or more at a time: Wix lets nobody change from that to monthly. */
const paysLonger = ({ billingCycle }: Status): boolean => billingCycle !== null && billingCycle !== 'monthly';

interface ColumnsProps {
  offer: Offer;
  site: Status;
  cycle: Cycle;
}

function Columns({ offer, site, cycle }: ColumnsProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const current = offer.plans.findIndex((plan) => plan.plan === site.plan);
  return (
    <>
      {cycle === 'monthly' && paysLonger(site) && <NotMonthly />}
      <ul className="plans">
        {offer.plans.map((plan, place) => (
          <li key={plan.plan} className={place === current ? 'current' : ''}>
            <Heading as="h3" size="small">
              {capitalized(plan.plan)}
            </Heading>
            <Text>{priceOf(plan, cycle, offer.currency)}</Text>
            <Text size="small" secondary>
              {plan.plan === 'free' ? `${number(plan.credits)} credits once` : `${number(plan.credits)} credits each period`}
            </Text>
            {place === current && (
              <Badge skin="neutralSuccess" uppercase={false}>
                Your plan
              </Badge>
            )}
            {canChange(site, place - current, cycle) && (
              <Way
                label={place === current ? 'Pay yearly' : `Upgrade to ${capitalized(plan.plan)}`}
                plan={plan.plan}
                cycle={cycle}
                isChosen={chosen === plan.plan}
                choose={() => setChosen(plan.plan)}
              />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Whether Wix sells a plan to the site that is so many places above its own. */
function canChange(site: Status, above: number, cycle: Cycle): boolean {
  if (paysLonger(site)) return above > 0 && cycle === 'yearly';
  return above > 0 || (above === 0 && !site.isTrial && cycle === 'yearly');
}

function NotMonthly() {
  return (
    <p className="quiet" role="status">
      You pay yearly. To pay monthly instead, cancel the plan in Wix under Subscriptions, and buy the monthly one when its period
      has ended.
    </p>
  );
}

interface WayProps {
  label: string;
  plan: string;
  cycle: Cycle;
  isChosen: boolean;
  choose: () => void;
}

/** The button of a plan; once it is chosen, Wix's checkout is in its place. */
function Way({ label, plan, cycle, isChosen, choose }: WayProps) {
  return isChosen ? <Checkout plan={plan} cycle={cycle} /> : <Button onClick={choose}>{label}</Button>;
}

function priceOf(plan: Plan, cycle: Cycle, currency: string): string {
  const amount = plan.plan === 'free' ? 0 : plan[cycle];
  if (amount === null) return 'Wix shows the price';
  return plan.plan === 'free' ? money(0, currency) : `${money(amount, currency)} a ${cycle === 'monthly' ? 'month' : 'year'}`;
}

function Checkout({ plan, cycle }: { plan: string; cycle: Cycle }) {
  const [address, setAddress] = useState<string>();
  const [rejected, setRejected] = useState<ApiError>();
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (rejected) return;
    dataOf(api.POST('/api/v1/wix/billing/checkout-url', { body: { planId: plan, cycle } })).then(
      (found) => setAddress(found.checkoutUrl),
      setRejected,
    );
  }, [plan, cycle, rejected]);
  useEffect(() => {
    if (!address) return undefined;
    link.current?.focus();
    const asking = setInterval(changed, ASK_EVERY_MS);
    return () => clearInterval(asking);
  }, [address]);
  if (rejected)
    return (
      <div role="alert">
        <p className="problem">{rejected.message}</p>
        <Button size="small" priority="secondary" onClick={() => setRejected(undefined)}>
          Try again
        </Button>
      </div>
    );
  if (!address) return <p role="status">Asking Wix for the checkout…</p>;
  return (
    <>
      <a className="main-link" href={address} target="_blank" rel="noopener" ref={link}>
        Open Wix’s checkout
      </a>
      <p className="quiet" role="status">
        It opens in a new tab. This page waits for Wix and changes when you have paid.
      </p>
    </>
  );
}
