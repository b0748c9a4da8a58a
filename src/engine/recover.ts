/** After a start, or a write that failed: which documents arrived is asked of the sink before anything is written again. */
import type { Json, StreamName } from '../api/document.ts';
import { messageOf } from '../api/errors.ts';
import type { Pipeline } from './pipeline.ts';

export type RecoveryNeeds = Pick<Pipeline, 'name' | 'sink' | 'state' | 'sinkGate' | 'hardStop' | 'log'> & {
  registered: { stream: { name: StreamName } };
  source: { name: string };
  events: Pick<Pipeline['events'], 'asking' | 'answered'>;
};

/** The name under which recovery asks the sink, beside those of the walks. */
const RECOVERY = 'recovery';

/** Asks the sink which batches of an earlier process arrived. To be called before the first walk, and after a walk that failed. */
export async function recover(pipeline: RecoveryNeeds, signal: AbortSignal = pipeline.hardStop): Promise<void> {
  const { state, sink, registered, source } = pipeline;
  const prepared = state.prepared(registered.stream.name, source.name);
  const receipts = new Map(
    state.walks().flatMap((row): [string, Json][] => (row.receipt === undefined ? [] : [[row.walk, row.receipt]])),
  );
  pipeline.events.asking(RECOVERY);
  const { arrived } = await sink.recover(pipeline.name, prepared, receipts, signal).catch((error: unknown) => {
    pipeline.events.answered(RECOVERY, { failure: messageOf(error) });
    throw error;
  });
  const ids = prepared.reduce((sum, batch) => sum + batch.ids.length, 0);
  // A sink that can be searched may still take nothing: only batches that arrived whole prove that it takes documents.
  pipeline.events.answered(RECOVERY, { taken: ids > 0 && arrived.size === ids });
  if (prepared.length > 0) state.resolve(arrived);
  pipeline.sinkGate.open();
  if (prepared.length === 0) return;
  pipeline.log.info(`recovered: of ${ids} documents that were being written, ${arrived.size} had arrived`);
}
