/** What the engine adds to a mapped document: the members that depend on revisions, on the clock or on how it is shipped. */
import ecsPackage from '@elastic/ecs/package.json' with { type: 'json' };
import type { EcsDocument, Mapping, SourceFacts } from '../../api/document.ts';
import { messageOf } from '../../api/errors.ts';
import { addTag } from '../../api/records/last.ts';
import type { Registered } from '../../api/stream.ts';
import type { MappedAs } from '../../state/raw/record.ts';

/** An alert that is shipped as an event, since there were too many (`alerts.max_per_hour`). */
export const ALERT_HELD = 'alert_held';

export interface Revision {
  key: string;
  revision: string;
  ordinal: number;
  /** `event.action` of a revision after the first. */
  action: string | undefined;
  detailMissing: boolean;
}

/** Endpoint clocks run fast: a document this far in the future is tagged, never dropped. No clock of ours is out by so much. */
const FUTURE_TOLERANCE_MS = 30_000;

/**
 * Maps a record; one that the mapping does not understand becomes a `pipeline_error` with the original inside. So does any
 * other with `trouble`, the reason why it cannot be shipped as what it is.
 */
export function toDocument(
  registered: Registered,
  source: SourceFacts,
  record: unknown,
  revision: Revision,
  { as }: Pick<MappedAs, 'as'>,
  nowMs: number,
  trouble?: string,
): EcsDocument {
  const { mapping, stream } = registered;
  const document =
    trouble === undefined
      ? mapped(mapping, stream.name, source, record)
      : errorDocument(stream.name, source, record, trouble);
  const event = document.event as Record<string, unknown>;
  event.id ??= revision.key;
  event.hash = revision.revision;
  event.sequence = revision.ordinal;
  if (revision.ordinal > 1 && revision.action !== undefined) event.action = revision.action;
  if (event.kind === 'alert' && as === 'held' && revision.ordinal === 1) addTag(document, ALERT_HELD);
  if (event.kind === 'alert' && (revision.ordinal > 1 || as !== undefined)) event.kind = 'event';
  const time = dated(document, nowMs);
  document.data_stream = { type: 'logs', dataset: registered.stream.name, namespace: source.name };
  if (revision.detailMissing) addTag(document, 'detail_missing');
  if (time > isoOf(nowMs + FUTURE_TOLERANCE_MS)) addTag(document, 'timestamp_in_future');
  return document;
}

const FIRST_SEEN = 'timestamp_is_first_seen';

/**
 * The time of a document: the one that its mapping gives, which is the record's own, or the next best that the record has,
 * tagged by which it is (`timestamp_is_…`). A record without any gets the time when it is shipped: a mapping may not look
 * at the clock.
 */
export function dated(document: EcsDocument, nowMs: number): string {
  if (document['@timestamp'] === undefined) {
    document['@timestamp'] = new Date(nowMs).toISOString();
    addTag(document, FIRST_SEEN);
  }
  return document['@timestamp'];
}

function mapped(mapping: Mapping, stream: string, source: SourceFacts, record: unknown): EcsDocument {
  try {
    return mapping(record, source);
  } catch (error) {
    const why = `no mapping understands this record: ${messageOf(error)}`;
    return errorDocument(stream, source, record, why);
  }
}

/** A longer original is cut: the document has to go through every sink. */
const LONGEST_ORIGINAL = 256 * 1024;

function errorDocument(stream: string, source: SourceFacts, record: unknown, message: string): EcsDocument {
  const { original, isCut } = originalOf(record);
  return {
    ecs: { version: ecsPackage.version },
    event: { kind: 'pipeline_error', module: source.connector, dataset: stream, original },
    error: { message },
    organization: { id: source.tenantId },
    tags: isCut ? ['original_is_cut'] : [],
  };
}

function originalOf(record: unknown): { original?: string; isCut: boolean } {
  try {
    const text = JSON.stringify(record);
    const more = (text?.length ?? 0) - LONGEST_ORIGINAL;
    if (more <= 0) return { original: text, isCut: false };
    return { original: `${text.slice(0, LONGEST_ORIGINAL).toWellFormed()}… ${more} more characters`, isCut: true };
  } catch {
    return { isCut: false }; // too long for a text
  }
}

/** Mappings write times in UTC, so that texts compare as times do. Most documents of a batch share the second. */
function isoOf(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== latest.second) latest = { second, iso: new Date(second * 1000).toISOString() };
  return latest.iso;
}

let latest = { second: 0, iso: '' };
