/** Whether the sink holds what the vendor lists, and each document once: two looks, since the tenant lives. */
import { join } from 'node:path';
import type { StoredQuery } from '../../api/sink.ts';
import { EVERYTHING } from '../../api/time.ts';
import type { Range } from '../../api/walk.ts';
import { heldBy } from '../../sinks/stored.ts';
import {
  type Comparison,
  type ComparisonInput,
  type DocumentDifference,
  openComparison,
} from '../../state/comparison.ts';
import type { PipelineState, StateStore } from '../../state/store.ts';
import type { Pipeline, PipelineEvents } from '../pipeline.ts';
import { type Read, readForComparison } from './reading.ts';

export interface VerifyTools {
  /** A folder for what is read, which is there and empty. */
  folder: string;
  /** The folder of the real state. */
  statePath: string;
  /** Makes an empty state in this folder. */
  openReading(path: string): StateStore;
  events: PipelineEvents;
  /** How far the present look is: records of the list, documents of the sink. */
  progress(soFar: { listed: number; held: number }): void;
  /** Resolves when the second look may begin. */
  pause(): Promise<void>;
  signal: AbortSignal;
}

export interface Comparing {
  range: Range;
  details: boolean;
  /** Records that are older may have been removed by a retention of the sink. */
  keptFromMs: number | undefined;
}

/** `expired`: it was removed for an ordinary reason. */
export type Verdict = Omit<DocumentDifference, 'kind'> & { kind: DocumentDifference['kind'] | 'expired' };

export interface Verified {
  listed: number;
  held: number;
  /** Documents that the sink refused for good, or that were given up. */
  rejected: number;
  /** Records of the list of which the mapping of the config ships nothing. */
  dropped: number;
  counts: Record<Verdict['kind'], number>;
  /** Ranges that could not be read to an end. */
  open: Read['open'];
  /** Before this time, what was delivered is not known any more. */
  notVerifiableBeforeMs: number | undefined;
}

/** Calls `tell` for each difference that both looks found. */
export async function verify(
  pipeline: Pipeline,
  wanted: Comparing,
  tools: VerifyTools,
  tell: (difference: Verdict) => void,
): Promise<Verified> {
  const { stream } = pipeline.registered;
  const forgottenMs = pipeline.state.forgottenUntilMs();
  const fromMs = Math.max(wanted.range.fromMs, forgottenMs ?? wanted.range.fromMs);
  const isTimed = stream.mode === 'windows';
  const range = isTimed ? { fromMs, toMs: wanted.range.toMs } : EVERYTHING;
  const counts = { missing: 0, stale: 0, doubled: 0, extra: 0, expired: 0 };
  const notVerifiableBeforeMs = isTimed ? forgottenMs : undefined;
  const nothing = { listed: 0, held: 0, rejected: 0, dropped: 0 };
  if (range.fromMs >= range.toMs) return { ...nothing, counts, open: [], notVerifiableBeforeMs };
  const removed = await pipeline.sink.removed?.(queryOf(pipeline), tools.signal);
  const first = await look(pipeline, range, wanted, tools, 'first');
  try {
    const done: Verified = { ...first.comparison.counts(), counts, open: first.open, notVerifiableBeforeMs };
    if (first.differences === 0) return done;
    await tools.pause();
    const second = await look(pipeline, isTimed ? rangeOf(first.comparison, range) : range, wanted, tools, 'second');
    try {
      for (const difference of second.comparison.kept()) {
        if (!first.comparison.hasKept(difference)) continue;
        const verdict = verdictOf(difference, wanted, removed);
        counts[verdict.kind]++;
        tell(verdict);
      }
      return { ...done, open: [...done.open, ...second.open] };
    } finally {
      second.comparison.close();
    }
  } finally {
    first.comparison.close();
  }
}

function queryOf({ registered, source }: Pipeline, range?: Range): StoredQuery {
  return { stream: registered.stream.name, namespace: source.name, ...(range && { range }) };
}

interface Look {
  comparison: Comparison;
  differences: number;
  open: Read['open'];
}

/** The time of a document and the one by which the list is filtered may differ by clocks of endpoints. */
const MARGIN_MS = 2 * 86_400_000;

async function look(
  pipeline: Pipeline,
  range: Range,
  { details }: Comparing,
  tools: VerifyTools,
  name: string,
): Promise<Look> {
  const { stream } = pipeline.registered;
  const readingPath = join(tools.folder, name);
  const store = tools.openReading(readingPath);
  let listed = 0;
  let held = 0;
  const events: PipelineEvents = {
    ...tools.events,
    seen: (walk, records) => {
      listed += records;
      tools.progress({ listed, held });
      tools.events.seen(walk, records);
    },
  };
  let open: Read['open'];
  try {
    ({ open } = await readForComparison(pipeline, stateIn(store, pipeline), { range, details }, events, tools.signal));
  } finally {
    store.close();
  }
  const comparison = openComparison(join(tools.folder, `${name}.db`));
  try {
    const isTimed = stream.mode === 'windows';
    const around = { fromMs: range.fromMs - MARGIN_MS, toMs: range.toMs + MARGIN_MS };
    const query = queryOf(pipeline, isTimed ? around : undefined);
    for await (const page of heldBy(pipeline.sink, query, tools.signal)) {
      comparison.add(stream.name, page);
      held += page.length;
      tools.progress({ listed, held });
    }
    const hasDetails = stream.detail !== undefined && pipeline.details;
    const input: ComparisonInput = {
      stream: stream.name,
      listed: join(readingPath, 'state.db'),
      known: join(tools.statePath, 'state.db'),
      pipeline: pipeline.name,
      range: isTimed ? range : undefined,
      hasRevisions: details || !hasDetails,
      tellsDeletions: open.length === 0 && stream.actions.deleted !== undefined,
    };
    let differences = 0;
    for (const difference of comparison.differences(input)) {
      differences++;
      comparison.keep(difference);
    }
    return { comparison, differences, open };
  } catch (error) {
    comparison.close();
    throw error;
  }
}

function stateIn(store: StateStore, { name, source, state }: Pipeline): PipelineState {
  const empty = store.pipeline(name);
  empty.tenant(state.tenant(source.tenantId));
  return empty;
}

/** The part of the range that has differences: only that is looked at again. */
function rangeOf(comparison: Comparison, whole: Range): Range {
  let { fromMs, toMs } = { fromMs: whole.toMs, toMs: whole.fromMs };
  for (const { timeMs } of comparison.kept()) {
    if (timeMs === undefined) return whole;
    fromMs = Math.min(fromMs, timeMs);
    toMs = Math.max(toMs, timeMs);
  }
  const within = (ms: number) => Math.min(whole.toMs, Math.max(whole.fromMs, ms));
  return { fromMs: within(fromMs - 2000), toMs: within(toMs + 2000) };
}

function verdictOf(difference: DocumentDifference, { keptFromMs }: Comparing, removed: string | undefined): Verdict {
  const { kind, isKnown, timeMs } = difference;
  if (kind !== 'missing') return difference;
  const isOld = keptFromMs !== undefined && (timeMs ?? 0) < keptFromMs;
  if (isOld) return { ...difference, kind: 'expired', reason: 'is older than what the sink keeps' };
  if (isKnown && removed !== undefined) return { ...difference, kind: 'expired', reason: removed };
  return difference;
}
