// Long work that pods do for the owner: begun here, watched, cancelled, and its file taken.
import { Badge, Button, Text, TextButton } from '@wix/design-system';
import { useState } from 'react';

import { attempt } from '../api/attempt';
import { api, dataOf } from '../api/client';
import { saveFile } from '../api/files';
import type { components } from '../api/schema';
import { EXAMPLE_JOBS } from '../data/example';
import { useReloading, useResource } from '../data/resource';
import { ago, capitalized, percent } from '../format';
import { Confirm } from '../parts/Confirm';
import { Example } from '../parts/Example';
import { JobResult } from '../parts/JobResult';
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
          {items.length > 0 ? (
            <List jobs={items} />
          ) : (
            <Example
              title="No jobs yet"
              steps={['Start a job above.', 'Wait for its result here. You can close the page meanwhile.']}
            >
              <List jobs={EXAMPLE_JOBS} isExample />
            </Example>
          )}
        </>
      )}
    </Loaded>
  );
}

function List({ jobs, isExample = false }: { jobs: readonly Job[]; isExample?: boolean }) {
  return (
    <Section title="Jobs" subtitle="Of the last seven days, newest first.">
      <ul className="jobs">
        {jobs.map((job) => (
          <Shown key={job.jobId} job={job} isExample={isExample} />
        ))}
      </ul>
    </Section>
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

function Shown({ job, isExample }: { job: Job; isExample: boolean }) {
  const name = KINDS[job.type].name;
  return (
    <li>
      <div className="job-head">
        <strong>{name}</strong>
        <Badge skin={SKINS[job.status]} size="small" uppercase={false}>
          {capitalized(job.status)}
        </Badge>
        <time dateTime={job.createdAt}>{ago(job.createdAt)}</time>
      </div>
      {isRunning(job) && (
        <>
          <Progress label={`${name}: ${percent(job.progressPercent / 100)}`} percent={job.progressPercent} />
          <Text size="small">{`${percent(job.progressPercent / 100)}: ${job.currentStep ?? 'Waits for a pod, which takes a second or two.'}`}</Text>
        </>
      )}
      {job.error && <p className="problem">{job.error}</p>}
      {job.status === 'completed' && <JobResult job={job} />}
      {!isExample && <Acts job={job} />}
    </li>
  );
}

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
