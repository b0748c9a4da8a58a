/**
 * Since when a record is closed. Vendors that do not say it are looked at again and again: a document that is the first to
 * be closed gets an end, the time when that was seen, and says by how much earlier it may have happened. Later documents
 * keep it as long as the record is closed; one that is open again loses it, and closing it once more gives a new one.
 *
 * The end depends on when the record was seen, so it is no part of the revision, nor of the id.
 */
import type { EcsDocument } from '../../api/document.ts';
import { isDigestOf } from '../../api/records/identity.ts';
import { addTag, completeDeletion, type Last, lastOf, ownFields, readLast } from '../../api/records/last.ts';
import type { Lifecycle, Stream } from '../../api/stream.ts';
import { parseTimeMs } from '../../api/time.ts';
import type { MappedAs } from '../../state/raw/record.ts';
import type { Known } from '../../state/store.ts';

/** Tags a document whose `event.end` is when the record was seen to be closed. */
const END_SEEN = 'end_seen_at_poll';
/** Tags the document of a closed record that was never seen open. */
const END_UNKNOWN = 'end_unknown';

const NANOSECONDS = 1_000_000;

/** Whether anything is remembered of the documents of a stream. */
export function remembers({ tombstone, lifecycle }: Pick<Stream, 'tombstone' | 'lifecycle'>): boolean {
  return tombstone !== undefined || lifecycle !== undefined;
}

/** What the next document of a record is told of the one before it. */
export function beforeOf(stream: Stream, known: Known | undefined, ignored: ReadonlySet<string>): string | undefined {
  if (known === undefined || !remembers(stream)) return undefined;
  if (known.last !== undefined || stream.lifecycle === undefined) return known.last;
  const { change, open, closed } = stream.lifecycle;
  const digest = known.digests.split('\n')[stream.changes.findIndex(({ action }) => action === change)];
  const status = [...open, ...closed].find((one) => isDigestOf(digest, one, ignored)); // a row of an earlier version
  return status === undefined ? undefined : JSON.stringify({ s: status } satisfies Last);
}

/** Adds to a document what the one before says of it, and returns what is remembered for the next. */
export function continued(
  { name, tombstone, lifecycle }: Stream,
  document: EcsDocument,
  { kind, before, atMs }: MappedAs,
): string | undefined {
  if (!remembers({ tombstone, lifecycle })) return undefined;
  if ((document.event as { kind?: unknown }).kind === 'pipeline_error') return before;
  if (kind === 'deleted' && before !== undefined) completeDeletion(document, readLast(before) as Last);
  if (lifecycle !== undefined) putClosing(document, name, lifecycle, before, atMs);
  return lastOf(document, name, atMs);
}

/** Puts the status before, the end and the duration. `seenMs` is when the record was mapped first. */
function putClosing(
  document: EcsDocument,
  prefix: string,
  lifecycle: Lifecycle,
  before: string | undefined,
  seenMs: number,
): void {
  const own = ownFields(document, prefix);
  if (own === undefined) return;
  const status = typeof own.status === 'string' ? own.status : undefined;
  const last = readLast(before);
  const prior = last?.s ?? last?.b;
  const isClosed = (one: string | undefined): boolean =>
    one !== undefined && lifecycle.closed.some((word) => isSame(word, one));
  const isAsBefore = status === undefined || prior === undefined || isSame(status, prior);
  const statusBefore = status !== undefined && isAsBefore ? last?.s && last.b : prior;
  if (statusBefore !== undefined) own.status_before = statusBefore;
  if (!isClosed(status ?? prior)) return;
  const isNew = last !== undefined && !isAsBefore && !isClosed(prior);
  const end = isNew ? new Date(seenMs).toISOString() : last?.e;
  if (end === undefined) {
    addTag(document, END_UNKNOWN);
    return;
  }
  const precision = isNew ? precisionOf(last, seenMs) : last?.p;
  if (precision !== undefined) own.end_precision = precision;
  putEnd(document, end);
}

function precisionOf({ o: seenOpenMs }: Last, seenMs: number): number | undefined {
  return seenOpenMs === undefined ? undefined : Math.max(0, seenMs - seenOpenMs) * NANOSECONDS;
}

/** A clock that runs fast may say that it began later than it ended: then it has no duration. */
function putEnd(document: EcsDocument, end: string): void {
  const event = document.event as Record<string, unknown>;
  event.end = end;
  addTag(document, END_SEEN);
  const start = event.start ?? document['@timestamp'];
  const startMs = typeof start === 'string' ? parseTimeMs(start) : undefined;
  const endMs = parseTimeMs(end);
  if (startMs === undefined || endMs === undefined || endMs < startMs) return;
  event.duration = (endMs - startMs) * NANOSECONDS;
}

function isSame(one: string, other: string): boolean {
  return one === other || one.toLowerCase() === other.toLowerCase();
}
