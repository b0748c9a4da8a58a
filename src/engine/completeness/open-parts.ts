/** What of a pipeline's time is not proven to be delivered: never read to an end, unsettled, or not readable. */
import type { Registered } from '../../api/stream.ts';
import type { Gap, Range } from '../../api/walk.ts';
import type { PipelineState } from '../../state/store.ts';

export interface OpenPart {
  kind: 'never' | Gap['kind'];
  range: Range;
  /** Left out of a part that was never read to an end. */
  gap?: Gap;
}

export interface OpenPartNeeds {
  state: Pick<PipelineState, 'covered' | 'gaps' | 'walks' | 'forgottenUntilMs'>;
  registered: Pick<Registered, 'stream'>;
}

/** The parts within the range, in order. Of a stream whose lists cover no time, the range is the whole part. */
export function openParts({ state, registered }: OpenPartNeeds, range: Range): OpenPart[] {
  const isTimed = registered.stream.mode === 'windows';
  const gaps = state.gaps().filter((gap) => !isTimed || overlaps(gap.range, range));
  const told = gaps.map((gap): OpenPart => ({ kind: gap.kind, range: gap.range, gap }));
  return [...told, ...neverRead({ state, registered }, range, gaps)].sort(
    (one, other) => one.range.fromMs - other.range.fromMs,
  );
}

function neverRead({ state, registered }: OpenPartNeeds, range: Range, gaps: readonly Gap[]): OpenPart[] {
  const fromMs = Math.max(range.fromMs, state.forgottenUntilMs() ?? range.fromMs); // is never read again
  if (registered.stream.mode !== 'windows') {
    const wasRead = state.walks().some((row) => row.finishedAtMs !== undefined && !row.isCancelled);
    return wasRead ? [] : [{ kind: 'never', range }];
  }
  const known = [...state.covered(), ...gaps.map((gap) => gap.range)];
  return without({ ...range, fromMs }, known).map((hole) => ({ kind: 'never', range: hole }));
}

function overlaps(one: Range, other: Range): boolean {
  return one.fromMs < other.toMs && one.toMs > other.fromMs;
}

/** The parts of a range that none of the others has. */
export function without(range: Range, others: readonly Range[]): Range[] {
  const parts: Range[] = [];
  let { fromMs } = range;
  for (const other of [...others].sort((one, another) => one.fromMs - another.fromMs)) {
    if (other.toMs <= fromMs) continue;
    if (other.fromMs >= range.toMs) break;
    if (other.fromMs > fromMs) parts.push({ fromMs, toMs: other.fromMs });
    fromMs = other.toMs;
  }
  if (fromMs < range.toMs) parts.push({ fromMs, toMs: range.toMs });
  return parts;
}

/** Since when the live edge reads, which `run` answers for without being asked. */
const LIVE_SINCE = 'live since';

/** Since when the stream is watched: what the vendor had before is history, however soon it was read. */
const WATCHED_SINCE = 'watched since';

/** Remembers where the live edge began, and when. A poll that begins later changes nothing. */
export function noteLive(state: Pick<PipelineState, 'fact' | 'setFact'>, { fromMs, toMs }: Range): void {
  const before = state.fact(LIVE_SINCE);
  if (before === undefined) state.setFact(WATCHED_SINCE, toMs);
  if (typeof before !== 'number' || fromMs < before) state.setFact(LIVE_SINCE, fromMs);
}

/** In a state of an earlier version: always. */
export function watchedSinceMs(state: Pick<PipelineState, 'fact'>): number {
  const since = state.fact(WATCHED_SINCE);
  return typeof since === 'number' ? since : 1;
}

type HoleNeeds = OpenPartNeeds & {
  state: Pick<PipelineState, 'fact' | 'walk' | 'coveredFromMs'>;
  now: () => number;
};

/** The oldest part behind the live edge that was never read to an end, and that no walk under way reads. */
export function firstHole(pipeline: HoleNeeds): Range | undefined {
  const { state, registered } = pipeline;
  const live = state.walk('live');
  const since = state.fact(LIVE_SINCE);
  if (registered.stream.mode !== 'windows' || live === undefined || typeof since !== 'number') return undefined;
  const endMs = Math.min(pipeline.now(), live.finishedAtMs === undefined ? live.range.fromMs : live.range.toMs);
  const fromMs = Math.max(since, state.coveredFromMs() ?? since);
  const underWay = state.walks().filter(({ finishedAtMs }) => finishedAtMs === undefined);
  const taken = underWay.filter(({ walk }) => walk !== HOLES).map((row) => row.range);
  const holes = openParts(pipeline, { fromMs, toMs: endMs }).filter(({ kind }) => kind === 'never');
  return holes.flatMap(({ range }) => without(range, taken))[0];
}

/** The walk that closes holes. */
export const HOLES = 'holes';
