/** Runs a job in this process, since no other one holds the state. */
import { SluiceError, stopError } from '../../api/errors.ts';
import { finishJobs, walkOf } from '../../engine/schedule.ts';
import { type Progress, startProgress } from '../../observe/progress.ts';
import type { JobRow } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';
import type { Cli } from './context.ts';
import { type JobResult, progressOf, resultOf, runJob } from './jobs.ts';
import { type Opened, openPipelines, type Running } from './pipelines.ts';
import { printResult } from './result.ts';

export async function ownJob(
  cli: Cli,
  context: CommandContext,
  job: JobRow,
  { json = false, adopt }: { json?: boolean; adopt?: boolean },
): Promise<void> {
  const { results, failures, done } = await workOn(cli, context, job, { title: 'backfill', adopt });
  if (done || results.some(({ windows, delivered }) => windows + delivered > 0))
    printResult(cli, { id: job.id, done }, results, json);
  const [first] = failures;
  if (failures.length > 1) for (const error of failures.slice(1)) context.log.error(error.message);
  if (first !== undefined) throw first;
  if (!done) {
    throw stopError(
      `stopped before backfill ${job.id} was finished`,
      'Give the same command again, or `sluice backfill --resume`: it goes on where it stopped.',
    );
  }
}

interface Worked {
  results: JobResult[];
  failures: Error[];
  done: boolean;
}

/** All pipelines of a job side by side, with progress on stderr. One that fails does not end the others. */
export async function workOn(
  cli: Cli,
  context: CommandContext,
  job: JobRow,
  { title, adopt }: { title: string; adopt?: boolean },
): Promise<Worked> {
  const ours = (name: string) => job.pipelines.includes(name);
  const opened = openPipelines(context, (plans) => plans.filter(({ name }) => ours(name)), { adopt });
  try {
    if (opened.running.length === 0) throw missing(job);
    return await work(cli, context, opened, job, title);
  } finally {
    await opened.close();
  }
}

async function work(
  cli: Cli,
  { talk }: CommandContext,
  { store, running }: Opened,
  job: JobRow,
  title: string,
): Promise<Worked> {
  const startedAtMs = cli.now();
  store.setJob(job.id, 'running');
  const progress: Progress = startProgress({ title, cli, talk, standing: () => standingOf(running, job) });
  const outcomes = await Promise.allSettled(running.map((one) => runJob(one, job, cli.signal))).finally(progress.stop);
  finishJobs(store);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  const done = store.jobs().find(({ id }) => id === job.id)?.status === 'done';
  if (!done) store.setJob(job.id, failures.length > 0 ? 'failed' : 'waiting', failures[0]?.message);
  const results = running.map(({ pipeline, statistics }) => ({
    ...resultOf(pipeline.name, pipeline.state, job, startedAtMs, cli.now()),
    ...{ delivered: statistics.delivered, rejected: statistics.rejected },
  }));
  return { results, failures, done };
}

function standingOf(running: Running[], job: JobRow) {
  const { id } = walkOf(job);
  const parts = running.map(({ pipeline, statistics }) => progressOf(pipeline.state, job, statistics.reached.get(id)));
  return {
    part: parts.reduce((sum, part) => sum + part, 0) / running.length,
    delivered: running.reduce((sum, { statistics }) => sum + statistics.delivered, 0),
    note: running.find(({ statistics }) => statistics.waiting !== undefined)?.statistics.waiting,
  };
}

function missing(job: JobRow): SluiceError {
  return new SluiceError(`no pipeline of backfill ${job.id} is in the config (${job.pipelines.join(', ')})`, {
    action: 'stop',
    kind: 'usage',
    advice: 'Use the config that it was begun with.',
  });
}
