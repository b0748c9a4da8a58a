/** What a report says of one pipeline: gathered from the state, without asking anybody. */

import type { Stream } from '../../api/stream.ts';
import { EVERYTHING } from '../../api/time.ts';
import type { Range } from '../../api/walk.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import type { AcceptedCount, PartOfHistory, PipelineState } from '../../state/store.ts';
import type { Chosen } from '../proof/choice.ts';
import { graceOf, type OpenEnd, openEndsOf } from '../proof/open.ts';

/** How many bars a chart has. */
const PARTS = 60;

export interface PipelineReport {
  pipeline: string;
  source: string;
  stream: string;
  sink: string;
  title: string;
  /** Whether its list is filtered by time; else everything below counts all records, whatever their time. */
  isTimed: boolean;
  /** Its records are the entries of replies, one reply for each parent. */
  isOfChildren: boolean;
  /** The vendor's own count, as it was last; `part` (0 to 1) says of how much of the range. */
  vendor: { records: number; part: number; atMs: number | undefined };
  records: number;
  documents: number;
  deleted: number;
  /** Refused in this time and not accepted since, by cause. */
  rejections: { type: string; documents: number }[];
  /** Refused documents that were given up, ever. */
  dropped: number;
  /** What is not proven to be delivered, as `sluice gaps` has it. */
  open: Omit<OpenEnd, 'pipeline'>[];
  /** Before this time, nobody knows. */
  forgottenUntilMs: number | undefined;
  /** The end of what the live edge has read. */
  readUntilMs: number | undefined;
  /** By the time of the records, and by when documents were delivered. */
  perTime: { partMs: number; records: number[]; deleted: number[]; delivered: number[] };
}

export function reportOf(plan: PipelinePlan, state: PipelineState, range: Range, nowMs: number): PipelineReport {
  const { stream } = plan.registered;
  const isTimed = stream.mode === 'windows';
  const partMs = Math.max(1, Math.ceil((range.toMs - range.fromMs) / PARTS));
  const parts = state.recordsPer(range, partMs);
  const inAll = isTimed ? sum(parts) : state.recordsInAll();
  const chosen: Chosen = { name: plan.name, source: plan.source.name, stream: stream.name, plan, state };
  return {
    ...{ pipeline: plan.name, source: plan.source.name, stream: stream.name, sink: plan.sinkName },
    ...{ title: stream.about.title, isTimed, isOfChildren: stream.mode === 'children' },
    vendor: isTimed ? countedIn(state.acceptedIn(range), range) : lastCount(state, stream.mode),
    ...{ records: inAll.records, documents: inAll.documents, deleted: inAll.deleted },
    rejections: state.rejectedPer(range),
    dropped: state.counts().dropped,
    open: openEndsOf(chosen, range, nowMs, graceOf(chosen)),
    forgottenUntilMs: state.forgottenUntilMs(),
    readUntilMs: state.walk('live')?.range.toMs,
    perTime: {
      partMs,
      records: spread(parts, ({ records }) => records),
      deleted: spread(parts, ({ deleted }) => deleted),
      delivered: spread(state.deliveredPer(range, partMs), ({ documents }) => documents),
    },
  };
}

function sum(parts: readonly PartOfHistory[]) {
  const total = { records: 0, deleted: 0, documents: 0 };
  for (const { records, deleted, documents } of parts) {
    total.records += records;
    total.deleted += deleted;
    total.documents += documents;
  }
  return total;
}

function spread<T extends { part: number }>(parts: readonly T[], of: (part: T) => number): number[] {
  const bars = new Array<number>(PARTS).fill(0);
  for (const one of parts) if (one.part >= 0 && one.part < PARTS) bars[one.part] = of(one);
  return bars;
}

/** Windows that lie in the range, the newest first, none of which meets another: their counts can be added. */
function countedIn(counts: readonly AcceptedCount[], range: Range): PipelineReport['vendor'] {
  const chosen: AcceptedCount[] = [];
  let coveredMs = 0;
  for (const one of counts) {
    if (one.fromMs < range.fromMs || one.toMs > range.toMs) continue;
    if (chosen.some((other) => other.toMs > one.fromMs && other.fromMs < one.toMs)) continue;
    chosen.push(one);
    coveredMs += one.toMs - one.fromMs;
    if (coveredMs >= range.toMs - range.fromMs) break;
  }
  return {
    records: chosen.reduce((total, one) => total + one.total, 0),
    part: Math.min(1, coveredMs / (range.toMs - range.fromMs)),
    atMs: chosen.length === 0 ? undefined : Math.max(...chosen.map(({ atMs }) => atMs)),
  };
}

function lastCount(state: PipelineState, mode: Stream['mode']): PipelineReport['vendor'] {
  if (mode === 'children') {
    const { total, children, atMs } = state.countOfChildren();
    return { records: total, part: children === 0 ? 0 : 1, atMs };
  }
  const [last] = state.acceptedIn(EVERYTHING);
  return { records: last?.total ?? 0, part: last === undefined ? 0 : 1, atMs: last?.atMs };
}
