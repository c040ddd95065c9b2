// What the site may still spend, and the way to a larger plan.
import { Badge, Heading, Text } from '@wix/design-system';

import { type Status, useStatus } from '../data/site';
import { capitalized, day, number } from '../format';
import { Steps } from '../parts/Example';
import { Loaded } from '../parts/Loaded';
import { Notice } from '../parts/Notice';
import { Plans } from '../parts/Plans';
import { Progress } from '../parts/Progress';
import { Section } from '../parts/Section';
import { isUpgraded } from '../wix/place';

export default function Credits() {
  const status = useStatus();
  return (
    <Loaded resource={status} what="plan and credits">
      {(site) => (
        <>
          {isUpgraded && <Upgraded site={site} />}
          <Attention site={site} />
          {site.isTrial && !isUpgraded && <OnTrial />}
          <Allowance site={site} />
          <Plans site={site} />
        </>
      )}
    </Loaded>
  );
}

function Upgraded({ site }: { site: Status }) {
  if (site.isTrial)
    return (
      <Notice kind="standard" title="Thank you for upgrading">
        Wix tells us about your plan in a moment. This page changes by itself.
      </Notice>
    );
  return (
    <Notice kind="success" title={`Your ${capitalized(site.plan)} plan has started`}>
      {number(site.credits)} credits are ready to use.
    </Notice>
  );
}

function OnTrial() {
  return (
    <Steps
      title="No plan yet"
      steps={['Choose a plan below.', 'Pay at Wix, in the tab that opens. The credits are here seconds later.']}
    >
      Until then you use your trial credits, which don’t expire.
    </Steps>
  );
}

/** What the owner has to know about the payment of the plan. */
export function Attention({ site }: { site: Status }) {
  const end = site.currentPeriodEnd ? day(site.currentPeriodEnd) : null;
  if (site.paymentFailedAt)
    return (
      <Notice kind="danger" title={`The payment of your plan failed on ${day(site.paymentFailedAt)}`}>
        Check the card under Subscriptions in your Wix account.{end && ` Your plan runs until ${end}.`}
      </Notice>
    );
  if (site.cancelAtPeriodEnd && end)
    return (
      <Notice kind="warning" title={`Your plan ends on ${end}`}>
        You can renew it under Subscriptions in your Wix account. Trial and bought credits stay.
      </Notice>
    );
  return null;
}

function Allowance({ site }: { site: Status }) {
  const included = site.credits + site.creditsUsed;
  const renewal = site.currentPeriodEnd && !site.cancelAtPeriodEnd ? `Renews on ${day(site.currentPeriodEnd)}` : undefined;
  return (
    <Section
      title="Credits"
      subtitle={renewal}
      side={<Badge skin="neutralStandard" uppercase={false}>{`${capitalized(site.plan)} plan`}</Badge>}
    >
      <p className="figure">
        <Heading as="h3" size="extraLarge">
          {number(site.credits)}
        </Heading>
        <Text secondary>credits left</Text>
      </p>
      <Progress
        label={`${number(site.creditsUsed)} of ${number(included)} credits used`}
        percent={included ? (100 * site.creditsUsed) / included : 0}
      />
      <dl className="facts">
        <dt>Used in this period</dt>
        <dd>{number(site.creditsUsed)}</dd>
        <dt>Trial credits, which don’t expire</dt>
        <dd>{number(site.trialCreditsRemaining)}</dd>
      </dl>
      {site.credits === 0 && (
        <Notice kind="warning" title="No credits left">
          Choose a larger plan below. Its credits are there as soon as Wix has confirmed the payment.
        </Notice>
      )}
    </Section>
  );
}
