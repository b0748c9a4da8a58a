/** `sluice run`: keeps every pipeline going until it is told to stop. */
import type { Command } from 'commander';
import { isAbort, messageOf, messageWithAdvice, SluiceError } from '../api/errors.ts';
import { startTelling } from '../engine/alerts/telling.ts';
import { isHeld, isOver } from '../engine/jobs/control.ts';
import { givesWay } from '../engine/jobs/hold-up.ts';
import { openSwitches, type Switches } from '../engine/jobs/switches.ts';
import { runPipeline } from '../engine/runner.ts';
import { finishJobs, walkOf } from '../engine/schedule.ts';
import { plural, showCount } from '../observe/show.ts';
import type { Statistics } from '../observe/statistics.ts';
import type { StatusModel } from '../observe/status/status.ts';
import type { JobRow, StateStore } from '../state/store.ts';
import { refuse, signalsOf, startTurn, type Taken, type Turn, tellTaken } from './reload/turn.ts';
import { type CommandContext, openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { startHeartbeats } from './shared/heartbeats.ts';
import { ADOPT, type CommonOptions, withCommon } from './shared/options.ts';
import { type Opened, openPipelines, type Running } from './shared/pipelines.ts';
import { type Served, serveStatus, tellStates } from './shared/status.ts';

interface RunCommand extends CommonOptions {
  once?: boolean;
  adopt?: boolean;
}

const SUMMARY_MS = 60_000;
const JOBS_MS = 1000;

export function addRun(program: Command, cli: Cli): void {
  const command = program
    .command('run')
    .description('keep every pipeline of the config going; SIGTERM or Ctrl-C stops it cleanly')
    .option('--once', 'read everything that is due once, then end')
    .option('--adopt', ADOPT);
  withCommon(command).action((options: RunCommand) => run(cli, options));
}

/** One turn for each config: `sluice reload` begins another. */
async function run(cli: Cli, options: RunCommand): Promise<void> {
  let context = await openCommand(cli, options, true);
  let begun = await begin(cli, options, context, undefined);
  for (;;) {
    const { turn, opened, served } = begun;
    let next: Taken | undefined;
    try {
      await runAll(turn.cli, turn.context, opened, served.model, options.once ?? false);
    } finally {
      next = turn.end();
      await served.close();
      await opened.close({ keepStore: next !== undefined });
    }
    if (next === undefined) break;
    ({ begun, context } = await beginNext(cli, options, context, next, opened));
  }
  const { running } = begun.opened;
  sayEnded(cli, context, running); // now that segments are finished
  if (options.json) cli.stdout.json({ pipelines: running.map(toJson) });
  judge(cli, running, options.once ?? false);
}

interface Begun {
  turn: Turn;
  opened: Opened;
  served: Served;
}

/** With the state that is open, where it is given; it stays open when this fails. */
async function begin(
  cli: Cli,
  { once = false, adopt, ...options }: RunCommand,
  context: CommandContext,
  store: StateStore | undefined,
): Promise<Begun> {
  const signals = signalsOf(cli);
  const opened = openPipelines(signals.context(context), undefined, { adopt: adopt && store === undefined, store });
  const served = await serveStatus(cli, context, opened).catch(async (error: unknown) => {
    await opened.close({ keepStore: store !== undefined });
    throw error;
  });
  return { turn: startTurn(signals, options, context, once ? undefined : opened.store), opened, served };
}

/** The config that was there before goes on where the new one cannot be begun with. */
async function beginNext(
  cli: Cli,
  options: RunCommand,
  context: CommandContext,
  next: Taken,
  { store, running }: Opened,
): Promise<{ begun: Begun; context: CommandContext }> {
  const names = (all: Running[]) => all.map(({ plan }) => plan.name);
  try {
    const begun = await begin(cli, options, next.context, store);
    tellTaken(next, store, names(running), names(begun.opened.running));
    return { begun, context: next.context };
  } catch (error) {
    refuse(context, store, next.asked, error);
  }
  try {
    return { begun: await begin(cli, options, context, store), context };
  } catch (error) {
    store.close();
    throw error;
  }
}

async function runAll(
  cli: Cli,
  context: CommandContext,
  opened: Opened,
  status: StatusModel,
  once: boolean,
): Promise<void> {
  const { store, running } = opened;
  const pipelines = running.map(({ statistics }) => statistics.name);
  const fields = { 'sluice.version': cli.version, 'sluice.pipelines': pipelines };
  context.log.info(fields, `Sluice ${cli.version}: ${plural(running.length, 'pipeline')}`);
  const summary = () => summarize(cli, context, status, 'debug');
  const timers = [
    setInterval(summary, SUMMARY_MS),
    setInterval(() => {
      try {
        followJobs(store, running);
      } catch (error) {
        context.log.warn(`the jobs cannot be looked at for now: ${messageOf(error)}`);
      }
    }, JOBS_MS),
  ];
  const switches = openSwitches(store, { now: cli.now, log: context.log });
  const telling = startTelling(
    { ...opened, log: context.log, hardStop: context.tools.hardStop, now: cli.now },
    cli.signal,
  );
  const heartbeats = startHeartbeats(cli, context, opened, status, once);
  const stopTelling = tellStates(status, () => opened.running);
  try {
    await Promise.all(running.map((one) => runOne(cli, store, one, once, switches)));
    if (once && !cli.signal.aborted) await heartbeats.last();
  } finally {
    await Promise.all([heartbeats.stop(), telling.stop()]);
    for (const timer of timers) clearInterval(timer);
    switches.close();
    stopTelling();
    summarize(cli, context, status, 'info');
    followJobs(store, running, true);
  }
}

function sayEnded(cli: Cli, { log }: CommandContext, running: Running[]): void {
  const failed = running
    .filter(({ pipeline }) => pipeline.sinkGate.failure !== undefined)
    .map(({ statistics }) => statistics.name);
  if (!cli.signal.aborted) log.info('ended');
  else if (failed.length === 0) log.info('stopped: everything that was read is delivered and remembered');
  else
    log.warn(
      { 'sluice.pipelines': failed },
      'stopped: the last batch of these is not confirmed; the next start looks it up and sends what is missing',
    );
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

function toJson({ statistics }: Running): Record<string, unknown> {
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
function judge(cli: Cli, running: Running[], once: boolean): void {
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
