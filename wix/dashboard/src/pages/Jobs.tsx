// Long work that pods do for the owner: begun here, watched, cancelled, and its file taken.
import { Badge, Button, Text, TextButton } from '@wix/design-system';
import { useState } from 'react';

import { attempt } from '../api/attempt';
import { api, dataOf } from '../api/client';
import { saveFile } from '../api/files';
import type { components } from '../api/schema';
import { useReloading, useResource } from '../data/resource';
import { ago, capitalized, number } from '../format';
import { Confirm } from '../parts/Confirm';
import { Loaded } from '../parts/Loaded';
import { Progress } from '../parts/Progress';
import { Section } from '../parts/Section';

type Job = components['schemas']['JobAnswer'];
type JobType = components['schemas']['JobInput']['type'];

const KINDS: Record<JobType, { name: string; what: string }> = {
  export: { name: 'Export payments', what: 'A CSV file of all payments. The Payments page exports a selection.' },
  reconcile: { name: 'Check with the providers', what: 'Asks Stripe, NOWPayments and Wix about everything that is open.' },
  resync: { name: 'Publish the routes again', what: 'Waits until all pods and Wix endpoints serve the newest version.' },
};
const SKINS = {
  queued: 'neutralStandard',
  processing: 'general',
  completed: 'neutralSuccess',
  failed: 'neutralDanger',
  cancelled: 'neutralLight',
} as const;

export default function Jobs() {
  const jobs = useResource('jobs', () => dataOf(api.GET('/api/v1/wix/jobs')));
  useReloading(jobs, jobs.data?.items.some(isRunning) ?? false);
  return (
    <Loaded resource={jobs} what="jobs">
      {({ items }) => (
        <>
          <Section title="Start a job">
            <ul className="starts">
              {(Object.keys(KINDS) as JobType[]).map((kind) => (
                <Start key={kind} kind={kind} />
              ))}
            </ul>
          </Section>
          <Section title="Jobs" subtitle="Of the last seven days, newest first.">
            {items.length === 0 ? (
              <Text secondary>
                No job yet. Start one above; its progress is shown here, and you may close the page meanwhile.
              </Text>
            ) : (
              <ul className="jobs">
                {items.map((job) => (
                  <Shown key={job.jobId} job={job} />
                ))}
              </ul>
            )}
          </Section>
        </>
      )}
    </Loaded>
  );
}

function Start({ kind }: { kind: JobType }) {
  const [isStarting, setStarting] = useState(false);
  const { name, what } = KINDS[kind];

  async function start() {
    setStarting(true);
    await attempt(() => dataOf(api.POST('/api/v1/wix/jobs', { body: { type: kind } })));
    setStarting(false);
  }

  return (
    <li>
      <div>
        <strong>{name}</strong>
        <Text size="small" secondary>
          {what}
        </Text>
      </div>
      <Button size="small" priority="secondary" disabled={isStarting} aria-label={`Start: ${name}`} onClick={() => void start()}>
        Start
      </Button>
    </li>
  );
}

const isRunning = (job: Job): boolean => job.status === 'queued' || job.status === 'processing';

function Shown({ job }: { job: Job }) {
  const name = KINDS[job.type].name;
  return (
    <li>
      <div className="job-head">
        <strong>{name}</strong>
        <Badge skin={SKINS[job.status]} size="small">
          {capitalized(job.status)}
        </Badge>
        <time dateTime={job.createdAt}>{ago(job.createdAt)}</time>
      </div>
      {isRunning(job) && (
        <>
          <Progress label={`${name}: ${job.progressPercent} %`} percent={job.progressPercent} />
          <Text size="small">{`${number(job.progressPercent)} %  ${job.currentStep ?? 'Waits for a pod, which takes a second or two.'}`}</Text>
        </>
      )}
      {job.error && <p className="problem">{job.error}</p>}
      {job.status === 'completed' && <Result job={job} />}
      <Acts job={job} />
    </li>
  );
}

function Result({ job }: { job: Job }) {
  const numbers = Object.entries(job.result ?? {}).filter(([, value]) => typeof value === 'number');
  if (numbers.length === 0) return null;
  return <Text size="small">{numbers.map(([name, value]) => `${number(value as number)} ${wordsOf(name)}`).join(' · ')}</Text>;
}

/** A name such as `eventsRead`, as words. */
const wordsOf = (name: string): string => name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);

function Acts({ job }: { job: Job }) {
  const path = { params: { path: { id: job.jobId } } };
  if (isRunning(job))
    return (
      <Confirm
        label="Cancel"
        question="The job stops within a few seconds. What it has done stays done."
        confirm="Cancel the job"
        act={() => attempt(() => dataOf(api.DELETE('/api/v1/wix/jobs/{id}', path)))}
      />
    );
  if (job.hasFile)
    return (
      <TextButton size="small" onClick={() => void attempt(() => saveFile(`/api/v1/wix/jobs/${job.jobId}/result`))}>
        Download the file
      </TextButton>
    );
  return null;
}
