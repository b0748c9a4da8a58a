/** Which walk is due: the live edge, what it left unread, the sweeps behind it, gaps, the refresh of open details, jobs. */
import type { Walk } from '../api/walk.ts';
import { isGapDue } from '../reading/gaps.ts';
import type { JobRow, PipelineState, StateStore } from '../state/store.ts';
import { firstHole, HOLES, without } from './completeness/open-parts.ts';
import { type DueNeeds, dueDetails } from './due.ts';
import type { Pipeline } from './pipeline.ts';

type ScheduleNeeds = DueNeeds & Pick<Pipeline, 'name' | 'registered' | 'details'>;

export interface Schedule {
  /** How far back the first run reads. */
  lookbackMs: number;
  pollMs: number;
  /** Every poll reads at least this far back, for records that arrive a little late. */
  liveRangeMs: number;
  sweeps: readonly { rangeMs: number; everyMs: number }[];
  /** How often a list without times is read, whole each time. */
  snapshotMs: number;
}

const CATCH_UP = 'catch-up';

export function isInterrupted(pipeline: ScheduleNeeds, walk: Walk): boolean {
  const row = pipeline.state.walk(walk.id);
  return row !== undefined && row.finishedAtMs === undefined;
}

/**
 * Begins the live range before the end of the last poll, however long ago that was, but not before the oldest time that was
 * ever asked for. The first poll looks back, and so does one whose last poll lies in the future: the clock was wrong.
 */
export function liveWalk(pipeline: ScheduleNeeds, schedule: Schedule): Walk {
  const nowMs = pipeline.now();
  const last = pipeline.state.walk('live');
  if (last === undefined || last.range.fromMs > nowMs)
    return { id: 'live', kind: 'live', range: { fromMs: nowMs - schedule.lookbackMs, toMs: nowMs } };
  const fromMs = Math.min(last.range.toMs, nowMs) - schedule.liveRangeMs;
  const earliest = pipeline.state.coveredFromMs() ?? fromMs;
  return { id: 'live', kind: 'live', range: { fromMs: Math.max(fromMs, Math.min(earliest, nowMs)), toMs: nowMs } };
}

/** The newest records first: a range that an earlier poll left unread, interrupted or too slow, is read beside this one. */
export function newestWalk(pipeline: ScheduleNeeds, schedule: Schedule): Walk {
  const nowMs = pipeline.now();
  const last = pipeline.state.walk('live');
  if (last === undefined || last.finishedAtMs !== undefined || last.range.fromMs > nowMs)
    return liveWalk(pipeline, schedule);
  pipeline.state.handOver('live', CATCH_UP, CATCH_UP, nowMs);
  return { id: 'live', kind: 'live', range: { fromMs: Math.min(last.range.toMs, nowMs), toMs: nowMs } };
}

/** The range that polls left unread. */
export function catchUpWalk(pipeline: ScheduleNeeds): Walk | undefined {
  const row = pipeline.state.walk(CATCH_UP);
  return row !== undefined && row.finishedAtMs === undefined
    ? { id: CATCH_UP, kind: CATCH_UP, range: row.range }
    : undefined;
}

/** A sweep reaches back over its range, but not beyond what was ever asked for. */
export function sweepWalk(
  pipeline: ScheduleNeeds,
  sweep: { rangeMs: number; everyMs: number },
  once: boolean,
): Walk | undefined {
  const nowMs = pipeline.now();
  const id = `sweep-${Math.round(sweep.rangeMs / 1000)}s`;
  const last = pipeline.state.walk(id);
  const sinceMs = nowMs - (last?.finishedAtMs ?? 0); // negative: the clock was wrong then
  if (!once && sinceMs >= 0 && sinceMs < sweep.everyMs) return undefined;
  const earliest = pipeline.state.coveredFromMs();
  if (earliest === undefined) return undefined;
  const fromMs = Math.max(nowMs - sweep.rangeMs, earliest, cancelledUntilMs(pipeline.state));
  return { id, kind: 'sweep', range: { fromMs: Math.min(fromMs, nowMs), toMs: nowMs } };
}

/** Until where a cancelled backfill did not read, and nothing else did: a sweep would go on with it. */
function cancelledUntilMs(state: Pick<PipelineState, 'walks' | 'covered' | 'gaps'>): number {
  const cancelled = state.walks().filter(({ kind, isCancelled }) => kind === 'backfill' && isCancelled);
  if (cancelled.length === 0) return 0;
  const read = [...state.covered(), ...state.gaps().map(({ range }) => range)];
  const unread = cancelled.flatMap(({ range }) => without(range, read));
  return Math.max(0, ...unread.map(({ toMs }) => toMs));
}

/** A part behind the live edge that was never read to an end, whatever the cause: a clock that leapt, a state that was mended. */
export function holeWalk(pipeline: ScheduleNeeds): Walk | undefined {
  const row = pipeline.state.walk(HOLES);
  const range = row !== undefined && row.finishedAtMs === undefined ? row.range : firstHole(pipeline);
  return range && { id: HOLES, kind: 'catch-up', range };
}

/** A gap that is due to be read again, however old it is. */
export function gapWalk(pipeline: ScheduleNeeds): Walk | undefined {
  if (pipeline.registered.stream.mode !== 'windows') return undefined; // the next look reads such a list whole
  const gap = pipeline.state.gaps().find(({ nextAtMs }) => isGapDue(nextAtMs, pipeline.now()));
  return gap && { id: 'gaps', kind: 'sweep', range: gap.range, gap };
}

export function refreshWalk(pipeline: ScheduleNeeds, once: boolean): Walk | undefined {
  const nowMs = pipeline.now();
  const dueMs = once ? Number.MAX_SAFE_INTEGER : nowMs;
  const isDue = dueDetails(pipeline, nowMs, 1).length > 0 || pipeline.state.owed(dueMs, 1).length > 0;
  if (!pipeline.details || !isDue) return undefined;
  return { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: nowMs } };
}

/** The walk of a job, which is the same in each of its pipelines. */
export function walkOf({ id, range, as, kind }: JobRow): Walk {
  return { id: `backfill-${id}`, kind: 'backfill', range, as, closes: kind === 'gaps' };
}

/** Over, or held by a person. */
const NOT_WORKED_ON: ReadonlySet<JobRow['status']> = new Set(['done', 'cancelled', 'paused']);

/** The oldest job that this pipeline has not finished yet, and that was not refused. */
export function jobWalk(pipeline: ScheduleNeeds, store: StateStore, refused: ReadonlySet<string>): Walk | undefined {
  for (const job of store.jobs()) {
    if (NOT_WORKED_ON.has(job.status) || !job.pipelines.includes(pipeline.name)) continue;
    const walk = walkOf(job);
    if (!refused.has(walk.id) && pipeline.state.walk(walk.id)?.finishedAtMs === undefined) return walk;
  }
  return undefined;
}

/** Marks jobs as done whose last walk has finished. */
export function finishJobs(store: StateStore): void {
  for (const job of store.jobs()) {
    if (job.status === 'done' || job.status === 'cancelled') continue;
    const finished = job.pipelines.every(
      (name) => store.pipeline(name).walk(walkOf(job).id)?.finishedAtMs !== undefined,
    );
    if (finished) store.setJob(job.id, 'done');
  }
}
