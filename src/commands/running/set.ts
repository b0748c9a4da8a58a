/** Pipelines of one state that run together, and what goes on beside them: jobs, pauses, heartbeats, summaries. */
import { isAbort, messageOf, messageWithAdvice, SluiceError } from '../../api/errors.ts';
import { startTelling } from '../../engine/alerts/telling.ts';
import { isHeld, isOver } from '../../engine/jobs/control.ts';
import { givesWay } from '../../engine/jobs/hold-up.ts';
import { openSwitches, type Switches } from '../../engine/jobs/switches.ts';
import { runPipeline } from '../../engine/runner.ts';
import { finishJobs, walkOf } from '../../engine/schedule.ts';
import { plural, showCount } from '../../observe/show.ts';
import type { Statistics } from '../../observe/statistics.ts';
import type { StatusModel } from '../../observe/status/status.ts';
import type { JobRow, StateStore } from '../../state/store.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { startHeartbeats } from '../shared/heartbeats.ts';
import type { Opened, Running } from '../shared/pipelines.ts';
import { tellStates } from '../shared/status.ts';

const SUMMARY_MS = 60_000;
const JOBS_MS = 1000;

/** Until the signal of `cli` is aborted; with `once`, until everything that is due was read. */
export async function runPipelines(
  cli: Cli,
  context: CommandContext,
  opened: Opened,
  status: StatusModel,
  once: boolean,
): Promise<void> {
  const { store, running } = opened;
  const timer = setInterval(() => {
    try {
      followJobs(store, running);
    } catch (error) {
      context.log.warn(`the jobs cannot be looked at for now: ${messageOf(error)}`);
    }
  }, JOBS_MS);
  const switches = openSwitches(store, { now: cli.now, log: context.log });
  const telling = startTelling(
    { ...opened, log: context.log, hardStop: context.tools.hardStop, now: cli.now },
    cli.signal,
  );
  const heartbeats = startHeartbeats(cli, context, opened, status, once);
  try {
    await Promise.all(running.map((one) => runOne(cli, store, one, once, switches)));
    if (once && !cli.signal.aborted) await heartbeats.last();
  } finally {
    await Promise.all([heartbeats.stop(), telling.stop()]);
    clearInterval(timer);
    switches.close();
    followJobs(store, running, true);
  }
}

/** Tells of what runs, until it is stopped, and once then. */
export function startSummaries(
  cli: Cli,
  context: CommandContext,
  status: StatusModel,
  running: () => readonly Running[],
): () => void {
  const timer = setInterval(() => summarize(cli, context, status, 'debug'), SUMMARY_MS);
  const stopTelling = tellStates(status, running);
  return () => {
    clearInterval(timer);
    stopTelling();
    summarize(cli, context, status, 'info');
  };
}

/** Never throws: a pipeline that stops is reported and leaves the others alone. */
async function runOne(
  cli: Cli,
  store: StateStore,
  { pipeline, plan, statistics }: Running,
  once: boolean,
  switches: Switches,
): Promise<void> {
  const { reading } = plan.source;
  try {
    await runPipeline(pipeline, { schedule: reading, store, signal: cli.signal, once, switches });
  } catch (error) {
    if (isAbort(error) && cli.signal.aborted) return;
    const advice = error instanceof SluiceError ? error.advice : undefined;
    statistics.stopped = { message: messageOf(error), advice };
    const unexpected = error instanceof SluiceError ? {} : { err: error };
    pipeline.log.error(unexpected, `${statistics.name} has stopped: ${messageWithAdvice(error)}`);
  }
}

/** Writes into the state what becomes of jobs, for the commands that follow them. */
function followJobs(store: StateStore, running: Running[], ending = false): void {
  finishJobs(store);
  const byPipeline = new Map(running.map(({ statistics }) => [statistics.name, statistics]));
  for (const job of store.jobs()) {
    if (isOver(job) || isHeld(job)) continue;
    const foreign = job.pipelines.find((name) => !byPipeline.has(name));
    const why =
      foreign === undefined
        ? job.pipelines.map((name) => failureOf(byPipeline.get(name), job)).find((reason) => reason !== undefined)
        : `the running Sluice does not have the pipeline ${foreign}`;
    const status = why !== undefined ? 'failed' : ending ? 'waiting' : 'running';
    const said = why ?? (ending ? undefined : holdUp(job, running));
    if (job.status !== status || job.message !== said) store.setJob(job.id, status, said);
  }
}

/** What holds a job up that is worked on: trouble of the vendor or the sink in one of its pipelines, or the live edge. */
function holdUp(job: JobRow, running: Running[]): string | undefined {
  const { id, pipelines } = job;
  const ours = running.filter(({ statistics: { name, paused } }) => paused === undefined && pipelines.includes(name));
  const trouble = ours.find(({ statistics }) => statistics.waiting !== undefined)?.statistics.waiting;
  if (trouble !== undefined) return trouble;
  const open = ours.filter(({ pipeline: { state } }) => state.walk(walkOf(job).id)?.finishedAtMs === undefined);
  const each = open.map(({ pipeline, plan }) => givesWay(pipeline.state.jobParts(id), plan.traffic, pipeline.now()));
  return each.every((one) => one !== undefined) ? each[0] : undefined;
}

function failureOf(statistics: Statistics | undefined, job: JobRow): string | undefined {
  return statistics?.refused.get(walkOf(job).id) ?? statistics?.stopped?.message;
}

/** What each pipeline has done since the start: by the minute for who wants to see it, and once at the end. */
function summarize(cli: Cli, { log }: CommandContext, status: StatusModel, level: 'debug' | 'info'): void {
  const lost = cli.lost?.();
  if (lost !== undefined)
    log.warn({ 'sluice.lines': lost.lines, 'sluice.why': lost.why }, 'log lines could not be written since the start');
  if (!log.isLevelEnabled(level)) return;
  for (const { watched, verdict } of status.judged()) {
    const { name, delivered, rejected, unsettled, owed, gaps, windows, unchangedWindows } = watched.statistics;
    const counts = { delivered, rejected, windows, unchanged_windows: unchangedWindows, unsettled, owed };
    const fields = prefixed({ ...counts, gaps: gaps.count, state: verdict.state, why: verdict.reason || undefined });
    log[level]({ 'sluice.pipeline': name, ...fields }, 'summary');
  }
}

function prefixed(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`sluice.${name}`, value]));
}

export function toJson({ statistics }: Running): Record<string, unknown> {
  const { name, delivered, rejected, owed, windows, unchangedWindows, unsettled, gaps, unread, stopped } = statistics;
  const counts = { delivered, rejected, owed, windows, unchangedWindows, unsettled };
  return { pipeline: name, ...counts, gaps: gaps.count, unread: unread.size, stopped: stopped ?? null };
}

function undelivered({ name, delivered, rejected, unread }: Statistics): string[] {
  const all = rejected > 0 && delivered === 0 ? [`${name}: all documents were rejected (${showCount(rejected)})`] : [];
  const [first] = unread;
  if (first === undefined) return all;
  return [
    ...all,
    `${name}: ${showCount(unread.size)} could not be read, ${JSON.stringify(first)} among them; the reason is above`,
  ];
}

/** Fails for a pipeline that stopped, whatever became of the others; with `--once` also for one that delivered nothing. */
export function judge(cli: Cli, running: Running[], once: boolean): void {
  for (const what of once ? running.flatMap(({ statistics }) => undelivered(statistics)) : []) {
    cli.stderr.line(`error: ${what}`);
    cli.setExitCode(1);
  }
  const stopped = running.filter(({ statistics }) => statistics.stopped !== undefined);
  if (stopped.length === 0) return;
  const names = stopped.map(({ statistics }) => statistics.name).join(', ');
  const what =
    stopped.length === running.length ? 'no pipeline is left running' : `${plural(stopped.length, 'pipeline')} failed`;
  cli.stderr.line(`error: ${what} (${names}); the reason is above`);
  cli.setExitCode(1);
}
