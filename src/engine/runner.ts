/** Keeps a pipeline going: its walks side by side, each again when it is due, and a pause where something does not answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, messageOf, messageWithAdvice, SluiceError } from '../api/errors.ts';
import type { Walk } from '../api/walk.ts';
import type { StateStore } from '../state/store.ts';
import { whenHostsAreKnown } from './change/when-known.ts';
import type { Switches } from './jobs/switches.ts';
import type { Pipeline } from './pipeline.ts';
import { learnNewest } from './rebuild.ts';
import { recover } from './recover.ts';
import {
  catchUpWalk,
  gapWalk,
  holeWalk,
  isInterrupted,
  jobWalk,
  liveWalk,
  newestWalk,
  refreshWalk,
  type Schedule,
  sweepWalk,
} from './schedule.ts';
import { runWalk } from './walk.ts';

interface RunOptions {
  schedule: Schedule;
  store: StateStore;
  signal: AbortSignal;
  /** Every walk once, whether it is due or not, and then return. */
  once: boolean;
  /** What a person has paused or cancelled; without it, nothing is. */
  switches?: Switches;
}

/** A poll that takes longer than this, and than the time between two, leaves the rest to the catch-up. */
const SHORTEST_TURN_MS = 2000;

const REFRESH_POLL_MS = 5000;

const JOB_POLL_MS = 1000;

const PAUSED_POLL_MS = 500;

const RESTART_MS = 5000;

/** A vendor that asks for a longer pause than this is asked again all the same. */
const LONGEST_PAUSE_MS = 3_600_000;

/** A pipeline that reports at least this often why it waits is not considered stuck (`health.ts`). */
const SAY_AGAIN_MS = 10_000;

/** Runs until the signal aborts (or, with `once`, until every walk has run). Throws errors that only a person can mend. */
export async function runPipeline(pipeline: Pipeline, options: RunOptions): Promise<void> {
  try {
    await keepRunning(pipeline, options);
  } finally {
    if (pipeline.registered.stream.describesHosts) pipeline.hostGate.gone();
  }
}

async function keepRunning(pipeline: Pipeline, options: RunOptions): Promise<void> {
  const refused = new Set<string>();
  for (;;) {
    try {
      await learnNewest(pipeline, options.signal);
      await recover(pipeline, options.signal);
      pipeline.rejections.require(); // before the vendor is asked for what could not be sent
      await whenHostsAreKnown(pipeline, options.signal);
      await runLoops(pipeline, options, refused);
      return;
    } catch (error) {
      if (options.signal.aborted) return;
      if (options.once || actionOf(error) !== 'retry') throw error;
      await pause(pipeline, error, options.signal);
      if (options.signal.aborted) return;
    }
  }
}

/**
 * The first loop that fails ends the others: then the sink is asked anew which documents arrived. `refused` has the jobs that
 * the vendor refused; the next process tries them again.
 */
async function runLoops(pipeline: Pipeline, options: RunOptions, refused: Set<string>): Promise<void> {
  const ends = new AbortController();
  const abort = () => ends.abort();
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort(); // the abort event of a signal that is aborted already does not come again
  const { schedule } = options;
  const knowsTime = pipeline.registered.stream.mode === 'windows';
  const everyMs = knowsTime ? schedule.pollMs : schedule.snapshotMs;
  const sweeps = knowsTime ? schedule.sweeps : [];
  const nextJob = () => jobWalk(pipeline, options.store, refused);
  const nextLive = () => (knowsTime ? newestWalk(pipeline, schedule) : liveWalk(pipeline, schedule));
  const turnMs = knowsTime && !options.once ? Math.max(everyMs, SHORTEST_TURN_MS) : undefined;
  const loops = [
    () => loop(pipeline, options, ends.signal, everyMs, nextLive, { turnMs }),
    () => loop(pipeline, options, ends.signal, JOB_POLL_MS, () => catchUpWalk(pipeline)),
    () => loop(pipeline, options, ends.signal, REFRESH_POLL_MS, () => holeWalk(pipeline)),
    ...sweeps.map((sweep) => () => sweepLoop(pipeline, options, ends.signal, sweep)),
    () => loop(pipeline, options, ends.signal, REFRESH_POLL_MS, () => gapWalk(pipeline)),
    () => loop(pipeline, options, ends.signal, REFRESH_POLL_MS, () => refreshWalk(pipeline, options.once)),
    () => loop(pipeline, options, ends.signal, JOB_POLL_MS, nextJob, { doWithout: (walk) => refused.add(walk.id) }),
  ];
  try {
    const outcomes = await Promise.allSettled(
      loops.map((one) =>
        one().catch((error: unknown) => {
          if (!ends.signal.aborted) ends.abort();
          throw error;
        }),
      ),
    );
    const failed = outcomes
      .filter((outcome) => outcome.status === 'rejected')
      .map((outcome) => outcome.reason as unknown);
    const first = failed.find((error) => error instanceof SluiceError && actionOf(error) !== 'retry') ?? failed[0];
    if (first !== undefined && !options.signal.aborted) throw first;
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

interface LoopChoices {
  /** Called with a walk that the vendor refuses; without it, a refused walk stops the pipeline. */
  doWithout?: (walk: Walk) => void;
  /** How long a walk may take before it is left (`runWalk`). */
  turnMs?: number;
}

/** Runs a walk again and again; `next` returns undefined when there is nothing to do. */
async function loop(
  pipeline: Pipeline,
  options: RunOptions,
  signal: AbortSignal,
  everyMs: number,
  next: () => Walk | undefined,
  choices: LoopChoices = {},
): Promise<void> {
  while (!signal.aborted) {
    if (isPaused(pipeline, options)) {
      if (options.once) return;
      await sleep(PAUSED_POLL_MS, undefined, { signal }).catch(() => {});
      continue;
    }
    const startedAt = pipeline.now();
    const walk = next();
    // With `once`: a sweep that was interrupted ends its old range first, and there may be another job.
    const isMore = walk?.kind === 'backfill' || (walk?.kind === 'sweep' && isInterrupted(pipeline, walk));
    // A walk that failed goes on right after the pause: an hourly list would be read again in an hour only.
    if (walk !== undefined && !(await tryWalk(pipeline, walk, options, signal, choices))) continue;
    if (options.once && (walk === undefined || !isMore)) return;
    if (options.once) continue;
    // A clock that is set back must not put the next walk off.
    const pauseMs = Math.min(everyMs, Math.max(0, everyMs - (pipeline.now() - startedAt)));
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

/** Says so, so that a pipeline that waits for a person is not taken for one that is stuck. */
function isPaused({ name, events }: Pipeline, { switches }: RunOptions): boolean {
  const pause = switches?.pauseOf(name);
  events.paused(pause);
  return pause !== undefined;
}

function sweepLoop(
  pipeline: Pipeline,
  options: RunOptions,
  signal: AbortSignal,
  sweep: { rangeMs: number; everyMs: number },
): Promise<void> {
  const next = () => sweepWalk(pipeline, sweep, options.once);
  return loop(pipeline, options, signal, Math.min(sweep.everyMs, 1000), next);
}

/**
 * Trouble of the vendor holds up this walk only; it goes on from its cursor. Trouble of the sink concerns all walks.
 * Resolves to false when the walk paused and is to go on.
 */
async function tryWalk(
  pipeline: Pipeline,
  walk: Walk,
  options: RunOptions,
  signal: AbortSignal,
  { doWithout, turnMs }: LoopChoices,
): Promise<boolean> {
  const watched = options.switches?.watch(pipeline.name, walk);
  const leave = watched?.signal;
  try {
    const isWhole = await runWalk(pipeline, options.once ? { ...walk, once: true } : walk, signal, { turnMs, leave });
    if (isWhole) pipeline.events.walked(walk);
  } catch (error) {
    if (signal.aborted) return true;
    const isSaidAtOnce = pipeline.sinkGate.failure !== undefined || options.once;
    const action = isSaidAtOnce ? 'stop' : isLockedOut(error) ? 'retry' : actionOf(error);
    if (action === 'retry' || action === 'reject') pipeline.events.walkFailed(walk, messageOf(error), adviceOf(error));
    if (action === 'retry' || (action === 'reject' && doWithout === undefined)) {
      await pause(pipeline, error, leave === undefined ? signal : AbortSignal.any([signal, leave]));
      return action === 'reject';
    }
    if (action !== 'reject' || doWithout === undefined) throw error;
    doWithout(walk);
    pipeline.events.refused(walk, messageOf(error));
    pipeline.log.error(`${walk.id} is given up, everything else goes on: ${messageWithAdvice(error)}`);
  } finally {
    watched?.release();
  }
  return true;
}

function adviceOf(error: unknown): string | undefined {
  return error instanceof SluiceError ? error.advice : undefined;
}

/** The credentials are refused until a person mends them, at the vendor's or in the file of the secret; neither needs a restart. */
function isLockedOut(error: unknown): boolean {
  return error instanceof SluiceError && error.isLockedOut;
}

/** Waits as long as the other side asked for (`Retry-After`), if that is longer than usual. */
export async function pause(pipeline: Pipeline, error: unknown, signal: AbortSignal): Promise<void> {
  const asked = error instanceof SluiceError ? (error.waitMs ?? 0) : 0;
  const ms = Math.min(LONGEST_PAUSE_MS, Math.max(RESTART_MS, asked));
  const isSaid = isLockedOut(error) && isLockedOut((error as Error).cause); // by the source, once for all of its walks
  pipeline.log[isSaid ? 'debug' : 'warn'](
    `waiting ${Math.round(ms / 1000)} s, then trying again: ${messageWithAdvice(error)}`,
  );
  for (let left = ms; left > 0 && !signal.aborted; left -= SAY_AGAIN_MS) {
    pipeline.events.waiting(messageOf(error));
    await sleep(Math.min(left, SAY_AGAIN_MS), undefined, { signal }).catch(() => {});
  }
}
