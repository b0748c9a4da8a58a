/**
 * Reads a pipeline's lists once more, for comparison: by the same walks that deliver, with a state of their own and into
 * nothing.
 */
import type { Sink } from '../../api/sink.ts';
import type { Range, Walk } from '../../api/walk.ts';
import type { PipelineState } from '../../state/store.ts';
import { createClaims } from '../claims.ts';
import type { Pipeline, PipelineEvents } from '../pipeline.ts';
import { createSinkGate } from '../sink-gate.ts';
import { runWalk } from '../walk.ts';

/** Takes everything, and keeps nothing. */
export const NOTHING: Sink = {
  kind: 'nothing',
  looksUp: false,
  write: async () => ({ rejections: [], receipt: null }),
  recover: async () => ({ arrived: new Set() }),
  check: async () => [],
  close: async () => {},
};

export interface Read {
  /** What could not be read, or did not settle. */
  open: { fromMs: number; toMs: number; reason: string }[];
}

/** `state` is empty; afterwards it has a row for each record. With `details` its revisions are those that are delivered. */
export async function readForComparison(
  pipeline: Pipeline,
  state: PipelineState,
  { range, details }: { range: Range; details: boolean },
  events: PipelineEvents,
  signal: AbortSignal,
): Promise<Read> {
  const reading: Pipeline = {
    ...pipeline,
    ...{ state, events, sink: NOTHING, raw: undefined, details: details && pipeline.details },
    ...{ claims: createClaims(), sinkGate: createSinkGate(), owed: new Map(), commits: 0, hardStop: signal },
  };
  const walk: Walk = { id: 'verify', kind: 'backfill', range, once: true };
  await runWalk(reading, walk, signal);
  await payOwed(reading, signal);
  const gaps = state.gaps().map(({ range: { fromMs, toMs }, reason }) => ({ fromMs, toMs, reason }));
  return owesAny(state)
    ? { open: [...gaps, { ...range, reason: 'details of some records cannot be had' }] }
    : { open: gaps };
}

/** Asks once more for details that could not be had at once. */
export async function payOwed(pipeline: Pipeline, signal: AbortSignal): Promise<void> {
  if (!owesAny(pipeline.state)) return;
  await runWalk(
    pipeline,
    { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: pipeline.now() }, once: true },
    signal,
  );
}

function owesAny(state: PipelineState): boolean {
  return state.owed(Number.MAX_SAFE_INTEGER, 1).length > 0;
}
