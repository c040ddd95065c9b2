// Which version of the routes each pod serves, and the switches for what donors are offered.
import { Badge } from '@wix/design-system';
import { useState } from 'react';

import { api, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { EXAMPLE_ROUTES } from '../data/example';
import { useReloading, useResource } from '../data/resource';
import { ago, duration, number } from '../format';
import { Example } from '../parts/Example';
import { Loaded } from '../parts/Loaded';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import { Pin, Switch } from '../parts/Switches';
import { Table } from '../parts/Table';
import { TextField } from '../parts/Fields';
import { isCommon } from '../parts/currencies';
import { PROVIDERS } from '../parts/words';

type Found = components['schemas']['RoutesStateAnswer'];

const STATES = {
  ok: ['neutralSuccess', 'Up to date'],
  behind: ['warningLight', 'On its way'],
  failing: ['neutralDanger', 'Doesn’t answer'],
  disabled: ['neutralLight', 'Switched off'],
} as const;

export default function Routes() {
  const routes = useResource('routes', () => dataOf(api.GET('/api/v1/wix/routes')));
  useReloading(routes, routes.data ? isOnItsWay(routes.data) : false, 2_000);
  return (
    <Loaded resource={routes} what="routes">
      {(found) => (
        <>
          {found.version ? (
            <>
              <Version version={found.version} found={found} />
              <Served served={found} />
            </>
          ) : (
            <NoRoutes />
          )}
          <Providers found={found} />
          <Currencies found={found} />
          <Problems found={found} />
        </>
      )}
    </Loaded>
  );
}

const isOnItsWay = ({ servedEverywhere, endpoints }: Found): boolean =>
  !servedEverywhere || endpoints.some(({ state }) => state === 'behind');

const took = (milliseconds: number | null): string => (milliseconds === null ? '–' : duration(milliseconds / 1000));

function NoRoutes() {
  return (
    <Example
      title="No routes yet"
      steps={[
        'Start the sync engine (hingecraft sync, or the operator): it publishes the routes when it starts.',
        'Switch on a provider and a currency below.',
      ]}
    >
      <Served served={EXAMPLE_ROUTES} />
    </Example>
  );
}

interface VersionProps {
  version: NonNullable<Found['version']>;
  found: Found;
}

function Version({ version, found: { servedEverywhere, paused, pinVersion, reportedAt, managed } }: VersionProps) {
  const skin = servedEverywhere ? 'neutralSuccess' : 'warningLight';
  return (
    <Section
      title={`Version ${number(version.version)}`}
      subtitle={`Published ${ago(version.generatedAt)}`}
      side={
        <Badge skin={skin} uppercase={false}>
          {servedEverywhere ? 'Served by every pod' : 'Not yet on every pod'}
        </Badge>
      }
    >
      {paused && (
        <Notice kind="warning" title="Publishing is paused">
          Changes wait until it is resumed with the admin API.
        </Notice>
      )}
      <p>
        {pinVersion === null
          ? 'Pages follow every change within a second.'
          : `Pages stay at version ${number(pinVersion)}, whatever changes, until you end that.`}{' '}
        {reportedAt === null ? 'The sync engine has never reported: check that one runs.' : `Last report ${ago(reportedAt)}.`}
      </p>
      {managed.includes('pinVersion') ? (
        <p className="quiet">The PaymentRoutes resource sets which version pages stay at.</p>
      ) : (
        <Pin current={version.version} pinned={pinVersion} />
      )}
    </Section>
  );
}

const SERVED = ['State', 'Version', 'After the change'];
const NUMBERS = ['Version', 'After the change'];

function Served({ served: { pods, endpoints } }: { served: Pick<Found, 'pods' | 'endpoints'> }) {
  return (
    <Section title="Who serves it">
      <div className="same-columns">
        {pods.length === 0 ? (
          <p>No pod has reported yet.</p>
        ) : (
          <Table
            label="Pods"
            head={['Pod', ...SERVED]}
            numbers={NUMBERS}
            rows={pods.map((pod) => ({
              key: pod.name,
              cells: [
                pod.name,
                <>
                  <Badge skin={pod.isCurrent ? 'neutralSuccess' : 'warningLight'} size="small" uppercase={false}>
                    {pod.isCurrent ? 'Up to date' : 'On its way'}
                  </Badge>
                  {pod.failure && !pod.isCurrent && <p className="problem">{pod.failure}</p>}
                </>,
                number(pod.version),
                took(pod.latencyMs),
              ],
            }))}
          />
        )}
        {endpoints.length > 0 && (
          <Table
            label="Wix endpoints"
            head={['Wix endpoint', ...SERVED]}
            numbers={NUMBERS}
            rows={endpoints.map((each) => {
              const [skin, word] = STATES[each.state];
              return {
                key: each.name,
                cells: [
                  each.name,
                  <>
                    <Badge skin={skin} size="small" uppercase={false}>
                      {word}
                    </Badge>
                    {each.reason && each.state !== 'ok' && <p className="problem">{each.reason}</p>}
                  </>,
                  each.deliveredVersion === null ? '–' : number(each.deliveredVersion),
                  took(each.latencyMs),
                ],
              };
            })}
          />
        )}
      </div>
    </Section>
  );
}

function Providers({ found: { providers, managed } }: { found: Found }) {
  return (
    <Section title="Providers" subtitle="Switched off, their links leave the pages. Payments that have begun can be completed.">
      <ul className="starts">
        {providers.map(({ name, enabled, configured, mode }) => (
          <li key={name}>
            <div>
              <strong>{PROVIDERS[name]}</strong>
              <p className="quiet">
                {configured ? (mode === 'test' ? 'Test payments' : 'Real payments') : 'The backend has no keys for it'}
              </p>
            </div>
            {managed.includes(`providers.${name}`) ? (
              <p className="quiet">{`${enabled ? 'On' : 'Off'}; set by the PaymentRoutes resource`}</p>
            ) : (
              <Switch kind="providers" name={name} label={PROVIDERS[name] ?? name} isOn={enabled} />
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const SHOWN_AT_FIRST = 12;

function Currencies({ found: { currencies } }: { found: Found }) {
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const sorted = [...currencies].sort((one, other) => rankOf(one) - rankOf(other));
  const fitting = sorted.filter(({ code, name }) => `${code} ${name}`.toLowerCase().includes(wanted));
  const shown = wanted ? fitting : fitting.slice(0, SHOWN_AT_FIRST);
  const offered = currencies.filter(({ available }) => available).length;
  return (
    <Section title="Currencies" subtitle={`${number(offered)} of ${number(currencies.length)} are offered now.`}>
      <TextField label="Find a currency" placeholder="A code or a name, such as CHF" value={search} onChange={setSearch} />
      <ul className="starts">
        {shown.map((each) => (
          <li key={each.code}>
            <div>
              <strong>{`${each.code}  ${each.name}`}</strong>
              <p className="quiet">{stateOf(each)}</p>
            </div>
            <Switch kind="currencies" name={each.code} label={each.code} isOn={each.enabled} />
          </li>
        ))}
      </ul>
      {shown.length < fitting.length && (
        <p className="quiet">{`And ${number(fitting.length - shown.length)} more: search for them.`}</p>
      )}
      {fitting.length === 0 && <p role="status">No currency has that code or name.</p>}
    </Section>
  );
}

/** Those that are offered first, and of these the common ones. */
const rankOf = ({ code, available }: Found['currencies'][number]): number => (available ? 0 : 2) + (isCommon(code) ? 0 : 1);

function stateOf({ enabled, available, provider, hasWallet }: Found['currencies'][number]): string {
  if (!enabled) return 'Switched off';
  if (!available) return 'Switched on, but no provider or wallet takes it';
  return `Offered: ${PROVIDERS[provider ?? ''] ?? (hasWallet ? PROVIDERS.wallet : 'on')}`;
}

function Problems({ found: { problems } }: { found: Found }) {
  if (problems.length === 0) return null;
  return (
    <Section title="Not used by pages">
      <ul className="attention">
        {problems.map((each) => (
          <li key={`${each.kind} ${each.id}`}>
            <strong>{`${each.kind === 'wallet' ? 'Wallet' : 'Link'} ${each.currency ?? ''}`}</strong>
            <p>{each.problem}</p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
