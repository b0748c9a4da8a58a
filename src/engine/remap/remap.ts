/**
 * Maps records anew that are kept beside the state, and ships what another mapping makes of them: of each record the
 * revision that the state knows as its last. A change goes the ordinary way, as a walk of its own; since its row is the
 * next ordinal, a remap that begins again finds it done.
 */
import type { EcsDocument } from '../../api/document.ts';
import type { Range } from '../../api/walk.ts';
import { rawRecords } from '../../state/raw/read.ts';
import type { RawRecord } from '../../state/raw/record.ts';
import type { Known, PipelineState, Row } from '../../state/store.ts';
import { type OutNeeds, type Ready, ready } from '../change/out.ts';
import { shipKept, type Unclaimed } from '../kept.ts';
import type { Pipeline } from '../pipeline.ts';
import { recover } from '../recover.ts';
import { type Difference, differencesOf } from './differences.ts';

const WALK = 'remap';

/** What a pipeline delivered. */
export interface Deliveries {
  pipeline: Omit<OutNeeds, 'raw'>;
  state: Pick<PipelineState, 'known' | 'countBetween'>;
  /** The folder of the whole state. */
  path: string;
}

export interface MappedAnew {
  kept: RawRecord;
  known: Known;
  differences: Difference[];
}

/** The records of the range as they were delivered last, each once, and what would become of them now. */
export async function* mapAnew({ pipeline, state, path }: Deliveries, range: Range): AsyncGenerator<MappedAnew> {
  const { sinkName: sink, registered, source } = pipeline;
  const mapper: OutNeeds = { ...pipeline, raw: undefined };
  const met = new Set<number>();
  const query = { path, source: source.name, stream: registered.stream.name, sink, ...range, newestFirst: true };
  // Of several that were kept for one ordinal, the last was delivered.
  for await (const kept of rawRecords(query)) {
    const known = state.known(kept.key);
    const isLast = known?.ordinal === kept.ordinal && known.revision === kept.revision;
    if (known?.rowId === undefined || !isLast || met.has(known.rowId)) continue;
    met.add(known.rowId);
    const { out } = asKept(mapper, kept, kept.ordinal, kept);
    // What would be dropped now was delivered, and stays as it is.
    yield { kept, known, differences: out === undefined ? [] : differencesOf(kept.document, parsed(out.json)) };
  }
}

/** As the mapping sees it now, told what it was told then. */
function asKept(
  pipeline: OutNeeds,
  kept: RawRecord,
  ordinal: number,
  { action, as }: Pick<RawRecord, 'action' | 'as'>,
): Ready {
  const { record, key, revision, timeMs, atMs, kind, host, before } = kept;
  const mappedAs = { atMs, kind, host, before, action, as };
  return ready(pipeline, { record, key, revision, ordinal, timeMs, mappedAs }, () => host);
}

function parsed(json: Buffer): EcsDocument {
  const document = JSON.parse(json.toString('utf8')) as EcsDocument;
  delete (document.event as Record<string, unknown>).ingested;
  return document;
}

/** Ships each record that differs as its next revision. `see` gets every record that is looked at. */
export async function remap(
  pipeline: Pipeline,
  deliveries: Deliveries,
  range: Range,
  signal: AbortSignal,
  see: (one: MappedAnew) => void,
): Promise<void> {
  const { actions } = pipeline.registered.stream;
  await ship(pipeline, deliveries, range, signal, (one) => {
    see(one);
    const { kept, known, differences } = one;
    if (differences.length === 0) return undefined;
    const action = known.deleted ? actions.deleted : actions.updated;
    const ordinal = known.ordinal + 1;
    const made = asKept(pipeline, kept, ordinal, { action }); // no alert, being a later revision
    return { made, row: { ...known, key: kept.key, ordinal } };
  });
}

/** Ships every record of the range into another data stream, under its ordinal; `pipeline` is the one that writes there. */
export async function copy(
  pipeline: Pipeline,
  deliveries: Deliveries,
  range: Range,
  signal: AbortSignal,
  see: (one: MappedAnew) => void,
): Promise<void> {
  await ship(pipeline, deliveries, range, signal, (one) => {
    see(one);
    const { kept, known } = one;
    const there = pipeline.state.known(kept.key);
    if (there !== undefined && there.ordinal >= kept.ordinal) return undefined;
    const made = asKept(pipeline, kept, kept.ordinal, { ...kept, as: 'event' });
    const nothingDue = { fingerprint: null, refreshAtMs: null, refreshMs: 0, seenMs: null };
    return { made, row: { ...known, ...nothingDue, key: kept.key, rowId: there?.rowId } };
  });
}

type Choose = (one: MappedAnew) => { made: Ready; row: Omit<Row, 'id'> } | undefined;

async function ship(
  pipeline: Pipeline,
  deliveries: Deliveries,
  range: Range,
  signal: AbortSignal,
  choose: Choose,
): Promise<void> {
  await recover(pipeline, signal);
  const changeOf = (one: MappedAnew): Unclaimed | undefined => {
    const chosen = choose(one);
    if (chosen === undefined) return undefined;
    const { out, last, notes, raw } = chosen.made;
    if (out === undefined) return undefined;
    return { row: { ...chosen.row, last, id: out.id, ...(notes.length > 0 && { notes }) }, out, raw };
  };
  await shipKept(pipeline, { id: WALK, range }, mapAnew(deliveries, range), ({ kept }) => kept.key, changeOf, signal);
}
