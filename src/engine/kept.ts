/** Ships records that are kept beside the state, as a walk of their own: from the batch on, the ordinary way. */
import type { Range } from '../api/walk.ts';
import type { Row } from '../state/store.ts';
import { openBatchWriter } from './batch-writer.ts';
import type { Change } from './change/change.ts';
import type { Pipeline } from './pipeline.ts';

/** A change before it has the claim on its record. */
export type Unclaimed = Omit<Change, 'claim' | 'row'> & { row: Row };

/** `changeOf` is called once no other walk ships the record; undefined where nothing is to be shipped of it. */
export async function shipKept<Kept>(
  pipeline: Pipeline,
  { id, range }: { id: string; range: Range },
  kept: AsyncIterable<Kept>,
  keyOf: (one: Kept) => string,
  changeOf: (one: Kept) => Unclaimed | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { state, claims, now } = pipeline;
  const { batch } = state.begin(id, 'sweep', range);
  const writer = openBatchWriter(pipeline, id, batch, pipeline.hardStop);
  try {
    for await (const one of kept) {
      signal.throwIfAborted();
      const key = keyOf(one);
      const claimed = (): Change | undefined => {
        const made = changeOf(one);
        return made && { ...made, claim: claims.take({ key, walk: id, fingerprint: made.row.fingerprint }) };
      };
      const change = await claims.whenFree(key, claimed, signal);
      if (change === undefined) continue;
      writer.done(writer.begin({ records: [], cursor: null }, 1), change);
      await writer.ready();
    }
    await writer.flush();
    state.finish(id, now());
  } finally {
    await writer.close();
  }
}
