/** A document that a sink holds, as what is compared of it. */
import type { EcsDocument } from '../api/document.ts';
import { stopError } from '../api/errors.ts';
import { documentId } from '../api/records/identity.ts';
import { lastOf, rememberedMembers } from '../api/records/last.ts';
import type { Sink, StoredDocument, StoredQuery } from '../api/sink.ts';
import { parseTimeMs } from '../api/time.ts';

const LOOKED_AT = ['@timestamp', 'event.id', 'event.hash', 'event.sequence', 'event.ingested'];

/** The members of a document that `toStored` looks at. */
export function lookedAt({ stream, remembered }: StoredQuery): string[] {
  return remembered ? [...LOOKED_AT, ...rememberedMembers(stream)] : LOOKED_AT;
}

/** `id` is computed where the sink keeps none beside the document. */
export function toStored(
  { stream, remembered }: StoredQuery,
  id: string | undefined,
  document: Partial<EcsDocument>,
  place: string,
): StoredDocument {
  const event = (document.event ?? {}) as Record<string, unknown>;
  const key = textOf(event.id);
  const revision = textOf(event.hash);
  const ordinal = typeof event.sequence === 'number' ? event.sequence : 0;
  const ingestedMs = timeOf(event.ingested);
  return {
    id: id ?? documentId(stream, key, ordinal, revision),
    ...{ key, revision, ordinal, place },
    timeMs: timeOf(document['@timestamp']),
    ingestedMs,
    ...(remembered && { last: lastOf(document, stream, ingestedMs) }),
  };
}

/** What is no document was not written by Sluice: it is as one that says nothing. */
export function parsedDocument(text: string): Partial<EcsDocument> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<EcsDocument>;
  } catch {
    return {};
  }
}

/** What the sink holds. Throws for a sink that nobody can read. */
export function heldBy(sink: Sink, query: StoredQuery, signal: AbortSignal): AsyncIterable<StoredDocument[]> {
  if (sink.stored !== undefined) return sink.stored(query, signal);
  throw stopError(
    `what a sink of the type ${sink.kind} holds cannot be read`,
    'Only its `stored` would make that possible (docs/adding-a-sink.md).',
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function timeOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseTimeMs(value) : undefined;
}

/** Documents to a page. */
export const PAGE = 1000;

/** Gathers documents into pages. */
export async function* paged(documents: AsyncIterable<StoredDocument>): AsyncGenerator<StoredDocument[]> {
  let page: StoredDocument[] = [];
  for await (const document of documents) {
    page.push(document);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
