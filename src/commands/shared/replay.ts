/** Sends rejected documents again, as batches of a walk of their own. */

import type { EcsDocument } from '../../api/document.ts';
import type { OutDocument } from '../../api/sink.ts';
import type { Pipeline } from '../../engine/pipeline.ts';
import { type RecoveryNeeds, recover } from '../../engine/recover.ts';
import { toJson } from '../../sinks/serialize.ts';
import type { Row, StoredRejection } from '../../state/store.ts';

type ReplayNeeds = RecoveryNeeds & Pick<Pipeline, 'batch' | 'now'>;

const WALK = 'replay';
/** Documents may be refused again, and a sink need not take a batch of nothing but such. */
const MOST_AT_ONCE = 400;

export interface Replayed {
  pipeline: string;
  accepted: number;
  rejected: number;
}

export async function replay(pipeline: ReplayNeeds, signal: AbortSignal): Promise<Replayed> {
  const { name, state } = pipeline;
  await recover(pipeline, signal); // takes what an interrupted replay had delivered off the list
  const done: Replayed = { pipeline: name, accepted: 0, rejected: 0 };
  if (state.counts().rejections === 0) return done;
  const nowMs = pipeline.now();
  let { batch: number } = state.begin(WALK, 'sweep', { fromMs: nowMs, toMs: nowMs });
  for (const some of inBatches(pipeline)) {
    signal.throwIfAborted();
    const refused = await sendAgain(pipeline, ++number, some);
    done.rejected += refused;
    done.accepted += some.length - refused;
  }
  state.finish(WALK, pipeline.now());
  return done;
}

/** Rejections by id, so that one that is refused again is not met twice; at most a batch at a time. */
function* inBatches({ state, batch }: ReplayNeeds): Generator<StoredRejection[]> {
  const most = Math.min(batch.documents, MOST_AT_ONCE);
  let some: StoredRejection[] = [];
  let size = 0;
  let afterId: string | undefined;
  for (;;) {
    const row = state.rejected(1, afterId)[0];
    if (some.length > 0 && (row === undefined || some.length >= most || size + row.document.length > batch.bytes)) {
      yield some;
      some = [];
      size = 0;
    }
    if (row === undefined) return;
    afterId = row.id;
    some.push(row);
    size += row.document.length;
  }
}

/** How many were refused again; their reasons are updated. */
async function sendAgain(pipeline: ReplayNeeds, number: number, rows: StoredRejection[]): Promise<number> {
  const { name, state, sink } = pipeline;
  const documents = rows.map((row) => toDocument(pipeline, row));
  if (sink.looksUp)
    state.prepare(
      WALK,
      number,
      documents.flatMap((document) => rowOf(pipeline, document)),
    );
  try {
    return await writeAndCommit(pipeline, number, rows, documents);
  } catch (error) {
    await sink.outcomeUnknown?.(name, WALK); // or it would take what it has of the batch for delivered when it is closed
    throw error;
  }
}

async function writeAndCommit(
  { name, state, sink, hardStop }: ReplayNeeds,
  number: number,
  rows: StoredRejection[],
  documents: OutDocument[],
): Promise<number> {
  const written = await sink.write({ pipeline: name, walk: WALK, number, documents }, hardStop);
  const rejections = written.rejections.map((rejection): StoredRejection => {
    const row = rows.find(({ id }) => id === rejection.id);
    return { ...rejection, key: row?.key ?? '', document: row?.document ?? 'null' };
  });
  const refused = new Set(rejections.map(({ id }) => id));
  const accepted = rows.map(({ id }) => id).filter((id) => !refused.has(id));
  const { receipt } = written;
  state.commit({ walk: WALK, number, rows: [], ledger: [], rejections, accepted, children: [], receipt });
  return refused.size;
}

/** What is known of the record: a rejected revision counts as seen. */
function rowOf({ state }: ReplayNeeds, { id, key }: OutDocument): Row[] {
  const known = state.known(key);
  return known === undefined ? [] : [{ ...known, key, id }];
}

function toDocument({ registered, source }: ReplayNeeds, row: StoredRejection): OutDocument {
  const document = JSON.parse(row.document) as EcsDocument;
  const { hash = '', sequence = 1 } = (document.event ?? {}) as { hash?: string; sequence?: number };
  const hostId = (document.host as { id?: string } | undefined)?.id;
  const names = { id: row.id, stream: registered.stream.name, namespace: source.name, key: row.key };
  return { ...names, revision: hash, ordinal: sequence, hostId, ...toJson(document) };
}
