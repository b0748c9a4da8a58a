/** Jobs as people want to see them: how far they are, how long it takes still, and what they wait for. */
import type { Pause } from '../../state/jobs/parts.ts';
import type { JobRow, StateStore } from '../../state/store.ts';
import { walkOf } from '../schedule.ts';
import { isOver } from './control.ts';
import { type ReadingFacts, type Work, workOf } from './estimate.ts';
import { pauseOf, pauseText } from './pauses.ts';

/** A job in one of its pipelines. */
export interface JobPipeline extends Work {
  pipeline: string;
  /** What became of its walk. */
  walk: 'waiting' | 'begun' | 'done' | 'cancelled';
  /** 0 to 1: of its work, in requests. */
  part: number;
}

export interface JobView extends JobRow {
  work: JobPipeline[];
  /** The vendor's count of its records, as far as it has counted; undefined before. Of children, their number. */
  records: number | undefined;
  finished: number;
  documents: number;
  rejected: number;
  /** 0 to 1. */
  part: number;
  /** How long it takes still; undefined while nobody can tell. */
  leftMs: number | undefined;
  /** What it waits for. */
  behind: string | undefined;
}

export interface JobViewOptions {
  nowMs: number;
  /** How a pipeline of the config reads: makes the estimates better. */
  facts?: (pipeline: string) => ReadingFacts | undefined;
  /** Jobs that are over, too. */
  all?: boolean;
}

/** The jobs of the state, as it says that they stand. */
export function jobViews(
  store: Pick<StateStore, 'jobs' | 'pauses' | 'pipeline' | 'pipelines'>,
  { nowMs, facts = () => undefined, all = false }: JobViewOptions,
): JobView[] {
  const jobs = store.jobs();
  const known = new Set(store.pipelines());
  const pauses = store.pauses();
  return jobs
    .filter((job) => all || !isOver(job))
    .map((job) => {
      const work = job.pipelines.map((name) => pipelineView(store, job, name, known.has(name), facts(name)));
      const sum = (member: 'finished' | 'documents' | 'rejected') =>
        work.reduce((total, one) => total + one[member], 0);
      const counted = work.flatMap(({ records }) => records ?? []);
      return {
        ...job,
        work,
        records: counted.length === 0 ? undefined : counted.reduce((total, records) => total + records, 0),
        ...{ finished: sum('finished'), documents: sum('documents'), rejected: sum('rejected') },
        part: job.status === 'done' ? 1 : Math.min(0.999, partOf(work)),
        leftMs: isOver(job) || job.status === 'paused' ? undefined : leftMs(work, facts),
        behind: behind(jobs, job, work, pauses, nowMs),
      };
    });
}

function pipelineView(
  store: Pick<StateStore, 'pipeline'>,
  job: JobRow,
  pipeline: string,
  isKnown: boolean,
  facts: ReadingFacts | undefined,
): JobPipeline {
  if (!isKnown) return { pipeline, walk: 'waiting', part: 0, ...workOf([], facts) };
  const state = store.pipeline(pipeline);
  const row = state.walk(walkOf(job).id);
  const work = workOf(state.jobParts(job.id), facts);
  if (row?.finishedAtMs !== undefined) {
    const walk = row.isCancelled ? 'cancelled' : 'done';
    const finished = row.isCancelled ? work.finished : (work.records ?? 0);
    return { pipeline, walk, ...work, finished, requestsLeft: 0, part: 1 };
  }
  const { requests, requestsLeft } = work;
  const part = requestsLeft === undefined ? 0 : requests / Math.max(1, requests + requestsLeft);
  return { pipeline, walk: row === undefined ? 'waiting' : 'begun', ...work, part };
}

/** Of the work in requests; pipelines that have not counted yet weigh as much as the others on average. */
function partOf(work: readonly JobPipeline[]): number {
  const told = work.filter(({ requestsLeft }) => requestsLeft !== undefined);
  const requests = told.reduce((sum, one) => sum + one.requests, 0);
  const left = told.reduce((sum, one) => sum + (one.requestsLeft ?? 0), 0);
  return told.length === 0 ? 0 : (requests / Math.max(1, requests + left)) * (told.length / work.length);
}

/**
 * Pipelines of a source share its budget of requests, so what is left is summed up by source, and divided by the pace of
 * all of them; before there is one, by the budget.
 */
function leftMs(
  work: readonly JobPipeline[],
  facts: (pipeline: string) => ReadingFacts | undefined,
): number | undefined {
  if (work.some(({ requestsLeft }) => requestsLeft === undefined)) return undefined;
  const sources = Map.groupBy(work, ({ pipeline }) => pipeline.split('/', 1)[0] ?? '');
  const each = [...sources.values()].map((ones) => {
    const left = ones.reduce((sum, { requestsLeft }) => sum + (requestsLeft ?? 0), 0);
    if (left === 0) return 0;
    const pace = paceOf(ones) ?? facts(ones[0]?.pipeline ?? '')?.requestsPerSecond;
    return pace === undefined ? undefined : (left / pace) * 1000;
  });
  if (each.some((ms) => ms === undefined)) return undefined;
  return Math.max(0, ...each.map((ms) => ms ?? 0));
}

/** Of one that is alone by now, as it goes lately; else of all together. */
function paceOf(work: readonly JobPipeline[]): number | undefined {
  const open = work.filter(({ walk }) => walk === 'begun' || walk === 'waiting');
  if (open.length === 1) return open[0]?.pace;
  if (open.every(({ pace }) => pace === undefined)) return undefined;
  const requests = work.reduce((sum, one) => sum + one.requests, 0);
  const ms = Math.max(1, ...work.map(({ workedMs }) => workedMs));
  return requests / (ms / 1000);
}

function behind(
  jobs: readonly JobRow[],
  job: JobRow,
  work: readonly JobPipeline[],
  pauses: readonly Pause[],
  nowMs: number,
): string | undefined {
  if (isOver(job)) return undefined;
  if (job.status === 'paused') return `a person: \`sluice jobs resume ${job.id}\` goes on with it`;
  if (job.status === 'failed') return job.message;
  const open = work.filter(({ walk }) => walk === 'begun' || walk === 'waiting');
  const held = open.flatMap(({ pipeline }) => pauseOf(pauses, pipeline, nowMs) ?? []);
  if (held.length > 0 && held.length === open.length) {
    const [first] = held as [Pause];
    return `the pause of ${[first.source, first.stream].filter(Boolean).join('/')}: ${pauseText(first)}`;
  }
  const other = open.every(({ walk }) => walk === 'waiting')
    ? jobs.find((one) => one.id < job.id && isBefore(one) && one.pipelines.some((name) => job.pipelines.includes(name)))
    : undefined;
  if (other !== undefined) return `job ${other.id}`;
  return job.message;
}

function isBefore(job: JobRow): boolean {
  return !isOver(job) && job.status !== 'paused' && job.status !== 'failed';
}
