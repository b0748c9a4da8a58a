/** What the engine adds to a mapped document: the members that depend on revisions, on the clock or on how it is shipped. */
import { messageOf } from './errors.ts';
import type { EcsDocument, Mapping, Registered, SourceFacts, Walk } from './types.ts';

export interface Revision {
  key: string;
  revision: string;
  ordinal: number;
  /** `event.action` of a revision after the first. */
  action: string | undefined;
  detailMissing: boolean;
}

/** Endpoint clocks run fast: a document this far in the future is tagged, never dropped. */
const FUTURE_TOLERANCE_MS = 300_000;

/** Maps a record; one that the mapping does not understand becomes a `pipeline_error` with the original inside. */
export function toDocument(
  registered: Registered,
  source: SourceFacts,
  record: unknown,
  revision: Revision,
  walk: Walk,
  nowMs: number,
): EcsDocument {
  const document = mapped(registered.mapping, registered.stream.name, source, record, nowMs);
  const event = document.event as Record<string, unknown>;
  event.id ??= revision.key;
  event.hash = revision.revision;
  event.sequence = revision.ordinal;
  if (revision.ordinal > 1 && revision.action !== undefined) event.action = revision.action;
  if (event.kind === 'alert' && (revision.ordinal > 1 || walk.as === 'event')) event.kind = 'event';
  document.data_stream = { type: 'logs', dataset: registered.stream.name, namespace: source.name };
  if (revision.detailMissing) addTag(document, 'detail_missing');
  if (Date.parse(document['@timestamp']) > nowMs + FUTURE_TOLERANCE_MS) addTag(document, 'timestamp_in_future');
  return document;
}

function mapped(mapping: Mapping, stream: string, source: SourceFacts, record: unknown, nowMs: number): EcsDocument {
  try {
    return mapping(record, source);
  } catch (error) {
    return {
      '@timestamp': new Date(nowMs).toISOString(),
      ecs: { version: '9.4.0' },
      event: { kind: 'pipeline_error', module: source.connector, dataset: stream, original: JSON.stringify(record) },
      error: { message: `no mapping understands this record: ${messageOf(error)}` },
      organization: { id: source.tenantId },
      tags: ['timestamp_is_ingest_time'],
    };
  }
}

function addTag(document: EcsDocument, tag: string): void {
  const tags = Array.isArray(document.tags) ? (document.tags as string[]) : [];
  document.tags = [...tags, tag];
}
