// What a job has done, in a sentence.
import { Text } from '@wix/design-system';

import type { components } from '../api/schema';
import { counted, fileSize, number } from '../format';

type Job = components['schemas']['JobAnswer'];
type Numbers = Readonly<Record<string, number>>;

const SENTENCES: Record<Job['type'], (found: Numbers) => string> = {
  export: ({ rows = 0, bytes = 0 }) => `${counted(rows, 'payment')}, ${fileSize(bytes)}`,
  reconcile: (found) => {
    const changed = Object.entries(found).filter(([, value]) => value > 0);
    return changed.map(([name, value]) => `${wordsOf(name)}: ${number(value)}`).join(', ') || 'Nothing was open.';
  },
  resync: ({ version = 0, pods = 0, endpoints = 0 }) =>
    `Version ${number(version)} is at ${counted(pods, 'pod')}${endpoints ? ` and ${counted(endpoints, 'Wix endpoint')}` : ''}.`,
};

export function JobResult({ job }: { job: Job }) {
  const numbers = Object.entries(job.result ?? {}).filter(([, value]) => typeof value === 'number');
  if (numbers.length === 0) return null;
  return <Text size="small">{SENTENCES[job.type](Object.fromEntries(numbers) as Numbers)}</Text>;
}

/** A name such as `eventsRead`, as words. */
const wordsOf = (name: string): string => name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
