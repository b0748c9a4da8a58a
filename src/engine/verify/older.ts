/** Older revisions that are missing in the sink, and kept beside the state (`raw.keep`): shipped as they were. */
import type { EcsDocument } from '../../api/document.ts';
import { documentId } from '../../api/records/identity.ts';
import type { OutDocument } from '../../api/sink.ts';
import { toJson } from '../../sinks/serialize.ts';
import { rawRecords } from '../../state/raw/read.ts';
import type { RawRecord } from '../../state/raw/record.ts';
import { openBatchWriter } from '../batch-writer.ts';
import type { Pipeline } from '../pipeline.ts';

const WALK = 'repair';

/** A document that is wanted: of which record, and the how manieth. */
export interface OlderRevision {
  key: string;
  ordinal: number;
}

/** Ships those that are kept, as they were but for `as`; returns how many that are. `path` is the folder of the state. */
export async function shipOlder(
  pipeline: Pipeline,
  path: string,
  wanted: readonly OlderRevision[],
  { as, signal }: { as: 'event' | undefined; signal: AbortSignal },
): Promise<number> {
  const { state, claims, now, registered, source, sinkName } = pipeline;
  const left = new Set(wanted.map(nameOf));
  const { batch } = state.begin(WALK, 'sweep', { fromMs: 0, toMs: now() });
  const writer = openBatchWriter(pipeline, WALK, batch, pipeline.hardStop);
  try {
    const stream = registered.stream.name;
    for await (const kept of rawRecords({ path, source: source.name, stream, sink: sinkName, newestFirst: true })) {
      signal.throwIfAborted();
      if (!left.delete(nameOf(kept))) continue; // of one that was kept twice, the last counts
      const change = await claims.whenFree(kept.key, () => {
        const known = state.known(kept.key);
        if (known === undefined) return undefined;
        const out = asItWas(pipeline, kept, as);
        const claim = claims.take({ key: kept.key, walk: WALK, fingerprint: known.fingerprint });
        return { row: { ...known, key: kept.key, id: out.id }, out, claim };
      });
      if (change === undefined) left.add(nameOf(kept));
      else writer.done(writer.begin({ records: [], cursor: null }, 1), change);
      await writer.ready();
      if (left.size === 0) break;
    }
    await writer.flush();
    state.finish(WALK, now());
  } finally {
    await writer.close();
  }
  return wanted.length - left.size;
}

function nameOf({ key, ordinal }: OlderRevision): string {
  return `${ordinal} ${key}`;
}

function asItWas({ registered, source }: Pipeline, kept: RawRecord, as: 'event' | undefined): OutDocument {
  const { key, ordinal, revision } = kept;
  const event = kept.document.event as Record<string, unknown>;
  const document: EcsDocument =
    as === 'event' && event.kind === 'alert' ? { ...kept.document, event: { ...event, kind: 'event' } } : kept.document;
  const stream = registered.stream.name;
  const hostId = (document.host as { id?: string } | undefined)?.id;
  const names = { id: documentId(stream, key, ordinal, revision), stream, namespace: source.name, key, revision };
  return { ...names, hostId, ...toJson(document) };
}
