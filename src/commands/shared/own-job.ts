/** Runs a job in this process, since no other one holds the state. */
import { SluiceError, stopError } from '../../api/errors.ts';
import { startTelling } from '../../engine/alerts/telling.ts';
import { isHeld } from '../../engine/jobs/control.ts';
import { factsOf } from '../../engine/jobs/estimate.ts';
import { openSwitches } from '../../engine/jobs/switches.ts';
import { finishJobs } from '../../engine/schedule.ts';
import { type Progress, type Standing, startProgress } from '../../observe/progress.ts';
import { standingsOf } from '../../observe/standing.ts';
import type { JobRow } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';
import type { Cli } from './context.ts';
import { type JobResult, resultOf, runJob } from './jobs.ts';
import { type Opened, openPipelines, type Running } from './pipelines.ts';
import { printResult } from './result.ts';

export async function ownJob(
  cli: Cli,
  context: CommandContext,
  job: JobRow,
  { json = false, adopt }: { json?: boolean; adopt?: boolean },
): Promise<void> {
  const { results, failures, done, held } = await workOn(cli, context, job, { title: 'backfill', adopt });
  if (done || results.some(({ windows, delivered }) => windows + delivered > 0))
    printResult(cli, { id: job.id, done }, results, json);
  const [first] = failures;
  if (failures.length > 1) for (const error of failures.slice(1)) context.log.error(error.message);
  if (first !== undefined) throw first;
  if (held !== undefined) throw heldUp(job.id, held);
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
  /** A person has said so meanwhile. */
  held: 'paused' | 'cancelled' | undefined;
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
    const telling = startTelling(
      { ...opened, log: context.log, hardStop: context.tools.hardStop, now: cli.now },
      cli.signal,
    );
    return await work(cli, context, opened, job, title).finally(telling.stop);
  } finally {
    await opened.close();
  }
}

async function work(
  cli: Cli,
  { talk, log }: CommandContext,
  { store, running }: Opened,
  job: JobRow,
  title: string,
): Promise<Worked> {
  const startedAtMs = cli.now();
  store.setJob(job.id, 'running');
  const facts = (name: string) => running.flatMap(({ plan }) => (plan.name === name ? factsOf(plan) : []))[0];
  const standing = withTrouble(standingsOf(store, job, { now: cli.now, facts }), running);
  const progress: Progress = startProgress({ title, cli, talk, standing });
  const switches = openSwitches(store, { now: cli.now, log });
  const choices = { switches, isHeld: () => store.jobs().some((one) => one.id === job.id && isHeld(one)) };
  const outcomes = await Promise.allSettled(running.map((one) => runJob(one, job, cli.signal, choices))).finally(() => {
    progress.stop();
    switches.close();
  });
  finishJobs(store);
  switches.look(); // now that no walk is under way
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  const status = store.jobs().find(({ id }) => id === job.id)?.status;
  const done = status === 'done';
  const held = status === 'paused' || status === 'cancelled' ? status : undefined;
  if (!done) store.setJob(job.id, failures.length > 0 ? 'failed' : 'waiting', failures[0]?.message);
  const results = running.map(({ pipeline, statistics }) => ({
    ...resultOf(pipeline.name, pipeline.state, job, startedAtMs, cli.now()),
    ...{ delivered: statistics.delivered, rejected: statistics.rejected },
  }));
  return { results, failures, done, held };
}

/** What a pipeline waits for is known here before the state says it. */
function withTrouble(standing: () => Standing, running: Running[]): () => Standing {
  const trouble = () => running.find(({ statistics }) => statistics.waiting !== undefined)?.statistics.waiting;
  return () => {
    const now = standing();
    return { ...now, note: trouble() ?? now.note };
  };
}

/** The job was paused or cancelled while this command waited for it. */
export function heldUp(id: number, held: 'paused' | 'cancelled'): SluiceError {
  return stopError(
    `backfill ${id} was ${held} before it was finished`,
    held === 'paused'
      ? `\`sluice jobs resume ${id}\`, or the same command again, goes on with it.`
      : 'What it has delivered stays; `sluice gaps` has what it did not read.',
  );
}

function missing(job: JobRow): SluiceError {
  return new SluiceError(`no pipeline of backfill ${job.id} is in the config (${job.pipelines.join(', ')})`, {
    action: 'stop',
    kind: 'usage',
    advice: 'Use the config that it was begun with.',
  });
}
