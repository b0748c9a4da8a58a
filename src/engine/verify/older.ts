/** Older revisions that are missing in the sink, and kept beside the state (`raw.keep`): shipped as they were. */
import type { EcsDocument } from '../../api/document.ts';
import { documentId } from '../../api/records/identity.ts';
import type { OutDocument } from '../../api/sink.ts';
import { toJson } from '../../sinks/serialize.ts';
import { rawRecords } from '../../state/raw/read.ts';
import type { RawRecord } from '../../state/raw/record.ts';
import { shipKept, type Unclaimed } from '../kept.ts';
import type { Pipeline } from '../pipeline.ts';

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
  const { state, now, registered, source, sinkName: sink } = pipeline;
  const query = { path, source: source.name, stream: registered.stream.name, sink, newestFirst: true };
  const walk = { id: 'repair', range: { fromMs: 0, toMs: now() } };
  let shipped = 0;
  const changeOf = (kept: RawRecord): Unclaimed | undefined => {
    const known = state.known(kept.key);
    if (known === undefined) return undefined;
    shipped++;
    const out = asItWas(pipeline, kept, as);
    return { row: { ...known, key: kept.key, id: out.id }, out };
  };
  await shipKept(pipeline, walk, each(wanted, rawRecords(query)), ({ key }) => key, changeOf, signal);
  return shipped;
}

/** Those that are wanted, each once: of one that was kept twice, the last counts. */
async function* each(wanted: readonly OlderRevision[], kept: AsyncIterable<RawRecord>): AsyncGenerator<RawRecord> {
  const left = new Set(wanted.map(nameOf));
  for await (const one of kept) {
    if (left.delete(nameOf(one))) yield one;
    if (left.size === 0) return;
  }
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
  return { ...names, ordinal, hostId, ...toJson(document) };
}
