/**
 * Changes in a data stream of their own (`changes: true`): beside each later revision a copy of it whose `@timestamp` is
 * the time of the change, so that a picker of the last 15 minutes finds what changed then. The document itself stays
 * where and as it is; the copy follows from it, and is made from it where it is missing.
 */
import type { EcsDocument, StreamName } from '../../../api/document.ts';
import { documentId } from '../../../api/records/identity.ts';
import type { OutDocument, Rejection } from '../../../api/sink.ts';
import type { DeclaredFields } from '../../../api/stream.ts';
import { stamped, toJson } from '../../serialize.ts';

/** The stream of the changes of another: `cylance.detection_changes`. */
export function changesOf(stream: StreamName): StreamName {
  return `${stream}_changes`;
}

/** The time of the record, which is `@timestamp` of its document. */
const RECORD_TIME = 'sluice.record.timestamp';

/** What documents of that stream have beside the fields of the first. */
export function fieldsOfChanges(fields: DeclaredFields): DeclaredFields {
  return { ...fields, custom: { ...fields.custom, [RECORD_TIME]: 'date' } };
}

/** Tags that speak of the document's own time. */
const OF_TIME = 'timestamp_';
const TAG = 'timestamp_is_time_of_change';

/** The copy of a later revision, which says when it was shipped. */
export function changeFrom(document: EcsDocument, of: StreamName, namespace: string): OutDocument {
  const event = { ...(document.event as Record<string, unknown>) };
  const { id, sequence, hash, ingested } = event as { id: string; sequence: number; hash: string; ingested: string };
  const stream = changesOf(of);
  event.dataset = stream;
  const tags = (Array.isArray(document.tags) ? (document.tags as string[]) : []).filter(
    (tag) => !tag.startsWith(OF_TIME),
  );
  const copy: EcsDocument = {
    ...document,
    '@timestamp': ingested,
    event,
    data_stream: { type: 'logs', dataset: stream, namespace },
    sluice: { record: { timestamp: document['@timestamp'] } },
    tags: [...tags, TAG],
  };
  const names = { id: documentId(stream, id, sequence, hash), stream, namespace, key: id, revision: hash };
  return { ...names, ordinal: sequence, hostId: (document.host as { id?: string } | undefined)?.id, ...toJson(copy) };
}

/** The copies that belong to documents that the cluster took now. */
export function changesAmong(
  documents: readonly OutDocument[],
  refused: readonly Rejection[],
  ingested: string,
): OutDocument[] {
  const left = new Set(refused.map(({ id }) => id));
  return documents.flatMap((document) => {
    if (document.ordinal < 2 || left.has(document.id)) return [];
    const taken = JSON.parse(stamped(document, ingested)) as EcsDocument;
    return [changeFrom(taken, document.stream, document.namespace)];
  });
}
