/** Backfills as jobs: found again, run to their end, and summed up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf } from '../../api/errors.ts';
import { whenHostsAreKnown } from '../../engine/change/when-known.ts';
import { isOver } from '../../engine/jobs/control.ts';
import type { Switches } from '../../engine/jobs/switches.ts';
import { learnNewest } from '../../engine/rebuild.ts';
import { recover } from '../../engine/recover.ts';
import { pause } from '../../engine/runner.ts';
import { walkOf } from '../../engine/schedule.ts';
import { runWalk } from '../../engine/walk.ts';
import type { TimeArgument } from '../../observe/show.ts';
import type { JobRow, LedgerRow, PipelineState, StateStore } from '../../state/store.ts';
import type { Running } from './pipelines.ts';

/** An age means another time at every call: jobs that were asked for with the same age differ by less than this. */
const AGE_TOLERANCE_MS = 2000;

const PAUSED_POLL_MS = 500;

export interface Wanted {
  from: TimeArgument;
  /** Undefined: until now, or what the unfinished job says. */
  to: TimeArgument | undefined;
  pipelines: string[];
  as: 'event' | undefined;
  kind: JobRow['kind'];
}

/** The job that is asked for: an unfinished one that is the same is resumed rather than doubled. */
export function unfinishedOrNew(store: StateStore, wanted: Wanted, nowMs: number): { job: JobRow; resumed: boolean } {
  const unfinished = findUnfinished(store, wanted);
  if (unfinished !== undefined) return { job: unfinished, resumed: true };
  const { from, to, pipelines, as, kind } = wanted;
  const id = store.addJob({ kind, range: { fromMs: from.ms, toMs: to?.ms ?? nowMs }, pipelines, as });
  return { job: store.jobs().find((job) => job.id === id) as JobRow, resumed: false };
}

function findUnfinished(store: StateStore, wanted: Wanted): JobRow | undefined {
  const same = (argument: TimeArgument, ms: number, createdAtMs: number) =>
    argument.ageMs === undefined ? argument.ms === ms : Math.abs(createdAtMs - argument.ageMs - ms) < AGE_TOLERANCE_MS;
  return store.jobs().find((job) => {
    if (isOver(job) || job.as !== wanted.as || job.kind !== wanted.kind) return false;
    if ([...job.pipelines].sort().join() !== [...wanted.pipelines].sort().join()) return false;
    const { from, to } = wanted;
    return (
      same(from, job.range.fromMs, job.createdAtMs) && (to === undefined || same(to, job.range.toMs, job.createdAtMs))
    );
  });
}

function isFinished(state: PipelineState, job: JobRow): boolean {
  return state.walk(walkOf(job).id)?.finishedAtMs !== undefined;
}

/** What a person may do meanwhile. */
interface Switched {
  switches?: Switches;
  isHeld?: () => boolean;
}

/** Runs the job's walk in one pipeline. Trouble that may pass is waited for, as in `run`; returns early when told to stop. */
export async function runJob(
  running: Running,
  job: JobRow,
  signal: AbortSignal,
  switched: Switched = {},
): Promise<void> {
  try {
    await untilDone(running, job, signal, switched);
  } finally {
    const { registered, hostGate } = running.pipeline;
    if (registered.stream.describesHosts) hostGate.gone();
  }
}

async function untilDone(
  { pipeline, statistics }: Running,
  job: JobRow,
  signal: AbortSignal,
  { switches, isHeld = () => false }: Switched,
): Promise<void> {
  while (!signal.aborted && !isHeld() && !isFinished(pipeline.state, job)) {
    const paused = switches?.pauseOf(pipeline.name);
    statistics.events.paused(paused);
    if (paused !== undefined) {
      await sleep(PAUSED_POLL_MS, undefined, { signal }).catch(() => {});
      continue;
    }
    let isRecovered = false;
    const watched = switches?.watch(pipeline.name, walkOf(job));
    const leave = watched?.signal;
    try {
      await learnNewest(pipeline, signal);
      await recover(pipeline, signal);
      pipeline.rejections.require();
      isRecovered = true;
      await whenHostsAreKnown(pipeline, signal);
      const isWhole = await runWalk(pipeline, walkOf(job), signal, { leave });
      if (isWhole) statistics.events.walked(walkOf(job));
    } catch (error) {
      if (signal.aborted) return;
      // A command does not wait for a sink; `run` does.
      if (actionOf(error) !== 'retry' || !isRecovered || pipeline.sinkGate.failure !== undefined) throw error;
      await pause(pipeline, error, leave === undefined ? signal : AbortSignal.any([signal, leave]));
    } finally {
      watched?.release();
    }
  }
}

export interface JobResult {
  pipeline: string;
  windows: number;
  records: number;
  delivered: number;
  unchanged: number;
  rejected: number;
  /** By rules of the config. */
  dropped: number;
  unsettled: number;
  seconds: number;
}

/** The outcome of a job in one pipeline, from the ledger; only from `sinceMs` on. */
export function resultOf(
  pipeline: string,
  state: PipelineState,
  job: JobRow,
  sinceMs: number,
  nowMs: number,
): JobResult {
  const { id } = walkOf(job);
  const rows = state.ledger(100_000).filter((row) => row.walk === id && row.atMs >= sinceMs);
  const last = new Map<string, LedgerRow>();
  for (const row of rows.reverse()) last.set(`${row.range.fromMs} ${row.range.toMs} ${row.filter}`, row);
  const windows = [...last.values()];
  const sum = (of: readonly LedgerRow[], member: 'distinct' | 'documents' | 'rejected' | 'dropped') =>
    of.reduce((total, row) => total + row[member], 0);
  const counts = {
    records: sum(windows, 'distinct'),
    delivered: sum(rows, 'documents'),
    rejected: sum(rows, 'rejected'),
    dropped: sum(rows, 'dropped'),
  };
  return {
    pipeline,
    windows: windows.length,
    ...counts,
    unchanged: Math.max(0, counts.records - counts.delivered - counts.rejected - counts.dropped),
    unsettled: windows.filter((row) => !row.settled).length,
    seconds: Math.round((nowMs - sinceMs) / 100) / 10,
  };
}
