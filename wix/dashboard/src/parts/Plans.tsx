// The plans that the site can change to. Wix sells them: a real link leads to its checkout, in a tab of its own.
import { Badge, Button, Heading, Text } from '@wix/design-system';
import { useEffect, useState } from 'react';

import { api, ApiError, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { changed } from '../data/live';
import { useResource } from '../data/resource';
import type { Status } from '../data/site';
import { capitalized, money, number } from '../format';
import { Choices } from './Choices';
import { Loaded } from './Loaded';
import { Notice } from './Notice';
import { Section } from './Section';

type Offer = components['schemas']['WixPlansAnswer'];
type Plan = components['schemas']['WixPlanAnswer'];
const CYCLES = { monthly: 'Monthly', yearly: 'Yearly' } as const;
type Cycle = keyof typeof CYCLES;

// How often the plan is asked for while the owner pays at Wix.
const ASK_EVERY_MS = 3_000;

export function Plans({ site }: { site: Status }) {
  const offer = useResource('plans', () => dataOf(api.GET('/api/v1/wix/plans')));
  const [cycle, setCycle] = useState<Cycle>('monthly');
  const side = <Choices label="Billing cycle" choices={CYCLES} chosen={cycle} choose={(name) => setCycle(name as Cycle)} />;
  return (
    <Section title="Plans" subtitle="Wix sells the plans and collects the money." side={side}>
      <Loaded resource={offer} what="plans">
        {(found) => <Columns offer={found} site={site} cycle={cycle} />}
      </Loaded>
    </Section>
  );
}

function Columns({ offer, site, cycle }: { offer: Offer; site: Status; cycle: Cycle }) {
  const [chosen, setChosen] = useState<Plan | null>(null);
  const current = offer.plans.findIndex((plan) => plan.plan === site.plan);
  return (
    <>
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
            {place > current && <Button onClick={() => setChosen(plan)}>{`Upgrade to ${capitalized(plan.plan)}`}</Button>}
          </li>
        ))}
      </ul>
      {chosen && <Checkout key={chosen.plan + cycle} plan={chosen.plan} cycle={cycle} before={site.plan} />}
    </>
  );
}

function priceOf(plan: Plan, cycle: Cycle, currency: string): string {
  const amount = plan.plan === 'free' ? 0 : plan[cycle];
  if (amount === null) return 'Wix shows the price';
  return plan.plan === 'free' ? money(0, currency) : `${money(amount, currency)} a ${cycle === 'monthly' ? 'month' : 'year'}`;
}

function Checkout({ plan, cycle, before }: { plan: string; cycle: Cycle; before: string }) {
  const [address, setAddress] = useState<string>();
  const [rejected, setRejected] = useState<ApiError>();
  useEffect(() => {
    dataOf(api.POST('/api/v1/wix/billing/checkout-url', { body: { planId: plan, cycle } })).then(
      (found) => setAddress(found.checkoutUrl),
      setRejected,
    );
  }, [plan, cycle]);
  useEffect(() => {
    if (!address) return undefined;
    const asking = setInterval(changed, ASK_EVERY_MS);
    return () => clearInterval(asking);
  }, [address]);
  if (before === plan) return null;
  if (rejected)
    return (
      <Notice kind="warning" title={`${capitalized(plan)} can’t be chosen`}>
        {rejected.message}
      </Notice>
    );
  if (!address) return <p role="status">Asking Wix for the checkout…</p>;
  return (
    <Notice kind="standard" title={`Pay for ${capitalized(plan)} at Wix`}>
      <a className="main-link" href={address} target="_blank" rel="noopener">
        Open Wix’s checkout
      </a>{' '}
      It opens in a new tab. This page waits for Wix and changes when you have paid.
    </Notice>
  );
}
