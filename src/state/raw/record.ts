/** What is kept of a record that was delivered: a line of JSON. */
import { join } from 'node:path';
import type { EcsDocument, StreamName } from '../../api/document.ts';
import { type SluiceError, stopError } from '../../api/errors.ts';

/** What the mapping was told beside the record, so that another one can be told the same. */
export interface MappedAs {
  /** When the record was mapped first, epoch milliseconds. */
  atMs: number;
  /** Whether it is the list record or the detail, or which stands for it. */
  kind: 'list' | 'detail' | 'detail-missing' | 'deleted';
  /** `event.action` of a revision after the first. */
  action?: string;
  /** Shipped as an event, not as an alert: since it was asked for, or above the limit of alerts. */
  as?: 'event' | 'held';
  /** What the inventory said of its host. */
  host?: string;
  /** What was remembered of the document before it. */
  before?: string;
}

/** A record as it was delivered to one sink. */
export interface RawRecord extends MappedAs {
  sink: string;
  key: string;
  ordinal: number;
  revision: string;
  /** The record's own time; of a record without one, when it was mapped first. */
  timeMs: number;
  /** Without secrets. */
  record: unknown;
  /** The document that was made of it, without `event.ingested`. */
  document: EcsDocument;
}

export type RawFacts = Omit<RawRecord, 'record' | 'document'>;

/** The begin of a line, which its document completes; undefined for a record that is too long for a text. */
export function beginLine(facts: RawFacts, record: unknown): string | undefined {
  try {
    return `${JSON.stringify(facts).slice(0, -1)},"record":${JSON.stringify(record) ?? 'null'},"document":`;
  } catch {
    return undefined;
  }
}

const END = '}\n';

/** The document's own bytes are taken as they are. */
export function wholeLine(begin: string, document: Buffer): Buffer {
  return Buffer.concat([Buffer.from(begin), document, Buffer.from(END)]);
}

export function readLine(line: string): RawRecord {
  const record = JSON.parse(line) as RawRecord;
  delete (record.document.event as Record<string, unknown> | undefined)?.ingested;
  return record;
}

/** The folder of all records that are kept beside the state in `path`. */
export function rawFolder(path: string): string {
  return join(path, 'raw');
}

export function folderOf(path: string, source: string, stream: StreamName): string {
  return join(rawFolder(path), source, stream);
}

const ENDING = '.ndjson.zst';
const NAME = /^(\d{4}-\d\d-\d\d)\.ndjson\.zst$/;

/** The file of the day (UTC) that a time belongs to. */
export function fileName(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 10)}${ENDING}`;
}

/** The end of the day of a file; undefined for a file that is none of ours. */
export function dayEndMs(name: string): number | undefined {
  const [, day] = NAME.exec(name) ?? [];
  return day === undefined ? undefined : Date.parse(`${day}T00:00:00Z`) + 86_400_000;
}

/** The error for a file that is neither as it was written nor torn at its end. */
export function damagedAt(path: string): (at: number) => SluiceError {
  return (at) =>
    stopError(
      `${path} is damaged at byte ${at}`,
      'Put the file back from a backup. Without one, move it away: what it kept cannot be mapped anew, all else goes on.',
    );
}
