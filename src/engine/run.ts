/** Keeps a pipeline going: the live edge, what it left unread, the sweeps behind it, the refresh of open details, and jobs, side by side. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, messageOf, messageWithAdvice, SluiceError } from '../api/errors.ts';
import type { Walk } from '../api/walk.ts';
import { isGapDue } from '../reading/gaps.ts';
import type { StateStore } from '../state/store.ts';
import { dueDetails, type Pipeline, recover, runWalk } from './pipeline.ts';

export interface Schedule {
  /** How far back the first run reads. */
  lookbackMs: number;
  pollMs: number;
  /** Every poll reads at least this far back, for records that arrive a little late. */
  liveRangeMs: number;
  sweeps: readonly { rangeMs: number; everyMs: number }[];
  /** How often what knows no time is read, whole each time. */
  snapshotMs: number;
}

export interface RunOptions {
  schedule: Schedule;
  store: StateStore;
  signal: AbortSignal;
  /** Every walk once, whether it is due or not, and then return. */
  once: boolean;
}

const CATCH_UP = 'catch-up';
/** A poll that takes longer than this, and than the time between two, leaves the rest to the catch-up. */
const SHORTEST_TURN_MS = 2000;
const REFRESH_POLL_MS = 5000;
const JOB_POLL_MS = 1000;
const RESTART_MS = 5000;
/** A vendor that asks for a longer pause than this is asked again all the same. */
const LONGEST_PAUSE_MS = 3_600_000;
/** Who says so often what it waits for is not taken for stuck (`health.ts`). */
const SAY_AGAIN_MS = 10_000;

/** Runs until the signal aborts (or, with `once`, until every walk has run). Throws what only a person can mend. */
export async function runPipeline(pipeline: Pipeline, options: RunOptions): Promise<void> {
  const refused = new Set<string>();
  for (;;) {
    try {
      await recover(pipeline, options.signal);
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
 * The first loop that fails ends the others: then the sink is asked anew what arrived. `refused` has the jobs that the
 * vendor refused; the next process tries them again.
 */
async function runLoops(pipeline: Pipeline, options: RunOptions, refused: Set<string>): Promise<void> {
  const ends = new AbortController();
  const abort = () => ends.abort();
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort(); // while the sink was asked: that event does not come again
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
  /** Takes a walk that the vendor refuses; without it, that stops the pipeline. */
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
    const startedAt = pipeline.now();
    const walk = next();
    // With `once`: a sweep that was interrupted ends its old range first, and there may be another job.
    const isMore = walk?.kind === 'backfill' || (walk?.kind === 'sweep' && isInterrupted(pipeline, walk));
    // What failed goes on when it has been waited for: the next time of an hourly list may be far away.
    if (walk !== undefined && !(await tryWalk(pipeline, walk, options, signal, choices))) continue;
    if (options.once && (walk === undefined || !isMore)) return;
    if (options.once) continue;
    // A clock that is set back must not put the next walk off.
    const pauseMs = Math.min(everyMs, Math.max(0, everyMs - (pipeline.now() - startedAt)));
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

function isInterrupted(pipeline: Pipeline, walk: Walk): boolean {
  const row = pipeline.state.walk(walk.id);
  return row !== undefined && row.finishedAtMs === undefined;
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
 * Vendor trouble holds up this walk only; it goes on from its cursor. What is wrong with the sink concerns all walks.
 * Resolves to false when the walk was waited for, and is to go on.
 */
async function tryWalk(
  pipeline: Pipeline,
  walk: Walk,
  options: RunOptions,
  signal: AbortSignal,
  { doWithout, turnMs }: LoopChoices,
): Promise<boolean> {
  try {
    const isWhole = await runWalk(pipeline, options.once ? { ...walk, once: true } : walk, signal, turnMs);
    if (isWhole) pipeline.events.walked(walk);
  } catch (error) {
    if (signal.aborted) return true;
    const isSaidAtOnce = pipeline.sinkFailure !== undefined || options.once;
    const action = isSaidAtOnce ? 'stop' : isLockedOut(error) ? 'retry' : actionOf(error);
    if (action === 'retry' || action === 'reject') pipeline.events.walkFailed(walk, messageOf(error));
    if (action === 'retry' || (action === 'reject' && doWithout === undefined)) {
      await pause(pipeline, error, signal);
      return action === 'reject';
    }
    if (action !== 'reject' || doWithout === undefined) throw error;
    doWithout(walk);
    pipeline.events.refused(walk, messageOf(error));
    pipeline.log.error(`${walk.id} is given up, everything else goes on: ${messageWithAdvice(error)}`);
  }
  return true;
}

/** Nobody is let in until a person mends it, at the vendor's or in the file of the secret: no restart is needed for either. */
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

/** From the live range before the end of the last poll, however long ago, but not beyond what was ever asked for. The first looks back, and one whose last poll lies in the future: the clock was wrong. */
export function liveWalk(pipeline: Pipeline, schedule: Schedule): Walk {
  const nowMs = pipeline.now();
  const last = pipeline.state.walk('live');
  if (last === undefined || last.range.fromMs > nowMs)
    return { id: 'live', kind: 'live', range: { fromMs: nowMs - schedule.lookbackMs, toMs: nowMs } };
  const fromMs = Math.min(last.range.toMs, nowMs) - schedule.liveRangeMs;
  const earliest = pipeline.state.coveredFromMs() ?? fromMs;
  return { id: 'live', kind: 'live', range: { fromMs: Math.max(fromMs, Math.min(earliest, nowMs)), toMs: nowMs } };
}

/** The newest first: what an earlier poll left unread, because it was interrupted or took too long, is read beside it. */
export function newestWalk(pipeline: Pipeline, schedule: Schedule): Walk {
  const nowMs = pipeline.now();
  const last = pipeline.state.walk('live');
  if (last === undefined || last.finishedAtMs !== undefined || last.range.fromMs > nowMs)
    return liveWalk(pipeline, schedule);
  pipeline.state.handOver('live', CATCH_UP, CATCH_UP, nowMs);
  return { id: 'live', kind: 'live', range: { fromMs: Math.min(last.range.toMs, nowMs), toMs: nowMs } };
}

/** What polls left unread. */
function catchUpWalk(pipeline: Pipeline): Walk | undefined {
  const row = pipeline.state.walk(CATCH_UP);
  return row !== undefined && row.finishedAtMs === undefined
    ? { id: CATCH_UP, kind: CATCH_UP, range: row.range }
    : undefined;
}

/** A sweep reaches back over its range, but not beyond what was ever asked for. */
function sweepWalk(pipeline: Pipeline, sweep: { rangeMs: number; everyMs: number }, once: boolean): Walk | undefined {
  const nowMs = pipeline.now();
  const id = `sweep-${Math.round(sweep.rangeMs / 1000)}s`;
  const last = pipeline.state.walk(id);
  const sinceMs = nowMs - (last?.finishedAtMs ?? 0); // negative: the clock was wrong then
  if (!once && sinceMs >= 0 && sinceMs < sweep.everyMs) return undefined;
  const earliest = pipeline.state.coveredFromMs();
  if (earliest === undefined) return undefined;
  return { id, kind: 'sweep', range: { fromMs: Math.max(nowMs - sweep.rangeMs, earliest), toMs: nowMs } };
}

/** What was not read, and is to be asked for again by now, however old it is. */
function gapWalk(pipeline: Pipeline): Walk | undefined {
  if (pipeline.registered.stream.mode !== 'windows') return undefined; // the next look reads such a list whole
  const gap = pipeline.state.gaps().find(({ nextAtMs }) => isGapDue(nextAtMs, pipeline.now()));
  return gap && { id: 'gaps', kind: 'sweep', range: gap.range, gap };
}

function refreshWalk(pipeline: Pipeline, once: boolean): Walk | undefined {
  const nowMs = pipeline.now();
  const dueMs = once ? Number.MAX_SAFE_INTEGER : nowMs;
  const isDue = dueDetails(pipeline, nowMs, 1).length > 0 || pipeline.state.owed(dueMs, 1).length > 0;
  if (!pipeline.details || !isDue) return undefined;
  return { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: nowMs } };
}

/** The oldest job that this pipeline has not finished yet, and that was not refused. */
export function jobWalk(pipeline: Pipeline, store: StateStore, refused: ReadonlySet<string>): Walk | undefined {
  for (const job of store.jobs()) {
    if (job.status === 'done' || !job.pipelines.includes(pipeline.name)) continue;
    const walk: Walk = { id: `backfill-${job.id}`, kind: 'backfill', range: job.range, as: job.as };
    if (!refused.has(walk.id) && pipeline.state.walk(walk.id)?.finishedAtMs === undefined) return walk;
  }
  return undefined;
}

/** Marks jobs as done whose last walk has finished. */
export function settleJobs(store: StateStore): void {
  for (const job of store.jobs()) {
    if (job.status === 'done') continue;
    const finished = job.pipelines.every(
      (name) => store.pipeline(name).walk(`backfill-${job.id}`)?.finishedAtMs !== undefined,
    );
    if (finished) store.setJob(job.id, 'done');
  }
}
