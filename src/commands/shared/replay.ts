/** Sends rejected documents again, as batches of a walk of their own. */
import { type Pipeline, recover } from '../../pipeline.ts';
import { toJson } from '../../sinks/serialize.ts';
import type { RejectionRow, StateStore, StoredRejection } from '../../state/store.ts';
import type { EcsDocument, Json, OutDocument } from '../../types.ts';

const WALK = 'replay';
const ALL = 1_000_000;

export interface Replayed {
  pipeline: string;
  accepted: number;
  rejected: number;
}

export async function replay(pipeline: Pipeline, store: StateStore, signal: AbortSignal): Promise<Replayed> {
  const { name, state, batch } = pipeline;
  const rows = store.rejections({ pipeline: name, limit: ALL });
  const done: Replayed = { pipeline: name, accepted: 0, rejected: 0 };
  if (rows.length === 0) return done;
  await recover(pipeline, signal);
  const nowMs = pipeline.now();
  let { batch: number } = state.begin(WALK, 'sweep', { fromMs: nowMs, toMs: nowMs });
  for (let start = 0; start < rows.length; start += batch.documents) {
    signal.throwIfAborted();
    const some = rows.slice(start, start + batch.documents);
    const refused = await sendAgain(pipeline, ++number, some);
    for (const { id } of some) if (!refused.has(id)) store.forgetRejection(name, id);
    done.rejected += refused.size;
    done.accepted += some.length - refused.size;
  }
  state.finish(WALK, pipeline.now());
  return done;
}

/** The ids that were refused again; their reasons are updated. */
async function sendAgain(pipeline: Pipeline, number: number, rows: RejectionRow[]): Promise<Set<string>> {
  const { name, state } = pipeline;
  const documents = await missing(
    pipeline,
    number,
    rows.map((row) => toDocument(pipeline, row)),
  );
  if (documents.length === 0) return new Set();
  const written = await pipeline.sink.write({ pipeline: name, walk: WALK, number, documents }, pipeline.hardStop);
  const rejections = written.rejections.map((rejection): StoredRejection => {
    const row = rows.find(({ id }) => id === rejection.id);
    return { ...rejection, key: row?.key ?? '', document: row?.document ?? 'null' };
  });
  state.commit({ walk: WALK, number, rows: [], ledger: [], rejections, receipt: written.receipt });
  return new Set(rejections.map(({ id }) => id));
}

/** A replay that died may have delivered some of them already: the sink is asked before anything is sent. */
async function missing(pipeline: Pipeline, number: number, documents: OutDocument[]): Promise<OutDocument[]> {
  const { sink, state, name } = pipeline;
  if (!sink.looksUp) return documents;
  const receipts = new Map(
    state.walks().flatMap((row): [string, Json][] => (row.receipt === undefined ? [] : [[row.walk, row.receipt]])),
  );
  const ids = documents.map(({ id, stream, namespace }) => ({ id, stream, namespace }));
  const { arrived } = await sink.recover(name, [{ walk: WALK, number, ids }], receipts);
  return documents.filter(({ id }) => !arrived.has(id));
}

function toDocument({ registered, source }: Pipeline, row: RejectionRow): OutDocument {
  const document = JSON.parse(row.document) as EcsDocument;
  return { id: row.id, stream: registered.stream.name, namespace: source.name, key: row.key, ...toJson(document) };
}
