/**
 * A lost state, rebuilt from what the sink holds: a row for each record, with the ordinal and revision of its newest
 * document. What the list showed then is in no document, so each record is compared in full when it is seen again, which
 * ships nothing where its revision is the same.
 */
import { DELETED, isOwnId } from '../api/records/identity.ts';
import type { StoredDocument } from '../api/sink.ts';
import type { Known, PipelineState, Row } from '../state/store.ts';
import { unsaid } from './change/action.ts';
import { remembers } from './change/closing.ts';
import type { Pipeline } from './pipeline.ts';

type RebuildNeeds = Pick<Pipeline, 'registered' | 'source' | 'state' | 'refresh' | 'details' | 'now'>;

/** The walk of a rebuild: while it is unfinished, the state knows only a part, and must not be used. */
const REBUILD = 'rebuild';

export interface Rebuilt {
  /** Documents that were read. */
  documents: number;
  /** Documents whose id is not that of their key, ordinal and revision: of an earlier version, or not of Sluice. */
  foreign: number;
  /** Records that the state knows by now and did not know before, or not in their newest revision. */
  records: number;
  /** The time of the newest record. */
  newestMs: number | undefined;
}

/** Whether a rebuild of this pipeline was interrupted. */
export function isHalfRebuilt(state: Pick<PipelineState, 'walk'>): boolean {
  const row = state.walk(REBUILD);
  return row !== undefined && row.finishedAtMs === undefined;
}

/**
 * Enters what the pages hold; rows that are newer stay. Can be interrupted at any page, and begins anew then. In the end the
 * live edge goes on from the newest record, behind which everything is read again.
 */
export async function rebuild(
  pipeline: RebuildNeeds,
  pages: AsyncIterable<readonly StoredDocument[]>,
  progress: (soFar: Rebuilt) => void = () => {},
  walk = REBUILD,
): Promise<Rebuilt> {
  const { state, now } = pipeline;
  const sofar: Rebuilt = { documents: 0, foreign: 0, records: 0, newestMs: undefined };
  let oldestMs = Number.POSITIVE_INFINITY;
  let { batch } = state.begin(walk, 'sweep', { fromMs: 0, toMs: now() });
  for await (const page of pages) {
    const newest = new Map<string, StoredDocument>();
    for (const document of page) {
      sofar.documents++;
      if (!isOwnId(pipeline.registered.stream.name, document)) {
        sofar.foreign++;
        continue;
      }
      const other = newest.get(document.key);
      if (other === undefined || other.ordinal < document.ordinal) newest.set(document.key, document);
      if (document.timeMs === undefined || document.timeMs > now()) continue;
      sofar.newestMs = Math.max(sofar.newestMs ?? 0, document.timeMs);
      oldestMs = Math.min(oldestMs, document.timeMs);
    }
    const known = state.knownAmong([...newest.keys()]);
    const rows = [...newest.values()].flatMap((document) => rowOf(pipeline, document, known.get(document.key)) ?? []);
    sofar.records += rows.filter(({ rowId }) => rowId === undefined).length;
    const nothing = { ledger: [], rejections: [], children: [], receipt: null };
    state.commit({ walk, number: ++batch, rows, ...nothing });
    progress(sofar);
  }
  if (sofar.newestMs !== undefined) goOnFrom(pipeline, oldestMs, sofar.newestMs);
  state.finish(walk, now());
  return sofar;
}

/** The walk of a new state that learns what its sink holds. It begins anew by itself where it was interrupted. */
const LEARN = 'learn';

/**
 * What a new state learns of a sink that keeps the newest document of each record apart. Without it, ordinals would begin
 * again at 1, and the sink would take what comes for older than what it has.
 */
export async function learnNewest(
  pipeline: RebuildNeeds & Pick<Pipeline, 'sink' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { state, sink, registered, source, log } = pipeline;
  const begun = state.walk(LEARN);
  const isHalf = begun !== undefined && begun.finishedAtMs === undefined;
  if (sink.newest === undefined || (state.walks().length > 0 && !isHalf)) return;
  const query = { stream: registered.stream.name, namespace: source.name, remembered: true };
  const pages = sink.newest(query, signal)[Symbol.asyncIterator]();
  const first = await pages.next();
  if (first.done) return;
  const { records } = await rebuild(pipeline, resumed(first.value, pages), undefined, LEARN);
  log.warn(`the state was new, and the sink was not: ${records} records were entered from what it holds`);
}

async function* resumed<T>(first: T, others: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  for (let next = await others.next(); !next.done; next = await others.next()) yield next.value;
}

function rowOf(pipeline: RebuildNeeds, document: StoredDocument, known: Known | undefined): Row | undefined {
  const { key, ordinal, revision, timeMs } = document;
  if (known !== undefined && known.ordinal >= ordinal) return undefined;
  const deleted = revision === DELETED;
  return {
    key,
    last: remembers(pipeline.registered.stream) ? document.last : undefined,
    rowId: known?.rowId,
    fingerprint: null,
    revision,
    ordinal,
    timeMs: timeMs ?? null,
    digests: unsaid(pipeline.registered.stream),
    deleted,
    ...refreshOf(pipeline, deleted, timeMs),
    seenMs: null,
  };
}

/** A walk that sees the record asks for its detail anyway; what no walk sees is asked for after the longest pause. */
function refreshOf(
  { details, refresh, now }: RebuildNeeds,
  deleted: boolean,
  timeMs: number | undefined,
): Pick<Row, 'refreshAtMs' | 'refreshMs'> {
  const pauseMs = refresh.stepsMs.at(-1) ?? 0;
  const isOld = now() - (timeMs ?? now()) > refresh.forMs;
  if (!details || deleted || isOld || pauseMs === 0) return { refreshAtMs: null, refreshMs: 0 };
  return { refreshAtMs: now() + pauseMs, refreshMs: pauseMs };
}

/** The live edge as it was when the newest record was delivered; a walk that is there knows better. */
function goOnFrom({ registered, state, now }: RebuildNeeds, oldestMs: number, newestMs: number): void {
  if (registered.stream.mode !== 'windows' || state.walk('live') !== undefined) return;
  state.begin('live', 'live', { fromMs: oldestMs, toMs: newestMs });
  state.finish('live', now());
}
