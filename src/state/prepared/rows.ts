/**
 * The rows of a batch that is about to be sent, as text: read again only where the process dies before the commit. Nearly all
 * rows of a backfill are plain, and half of what a plain row says follows from the rest: it is written as a list.
 */
import type { Row } from '../store.ts';

/** Key, id, revision, time, digests and what is remembered of the document. */
type Plain = [string, string | null, string, number | null, string, string | null];

/** A record that is new, and was shipped as the list has it. */
export function isPlain({ rowId, ordinal, fingerprint, revision, deleted, refreshMs }: Row): boolean {
  return rowId === undefined && ordinal === 1 && fingerprint === revision && refreshMs === 0 && !deleted;
}

export function writeRows(rows: readonly Row[]): string {
  return JSON.stringify(rows.map((row) => (isPlain(row) && hasNoMore(row) ? toPlain(row) : row)));
}

function hasNoMore({ notes, isBare, refreshAtMs, seenMs }: Row): boolean {
  return notes === undefined && isBare === undefined && refreshAtMs === null && seenMs === null;
}

function toPlain({ key, id, revision, timeMs, digests, last }: Row): Plain {
  return [key, id ?? null, revision, timeMs, digests, last ?? null];
}

/** Also of an earlier version, which wrote every row with all its names. */
export function readRows(text: string): Row[] {
  return (JSON.parse(text) as (Row | Plain)[]).map((row) => (Array.isArray(row) ? fromPlain(row) : row));
}

function fromPlain([key, id, revision, timeMs, digests, last]: Plain): Row {
  const row = {
    rowId: undefined,
    fingerprint: revision,
    revision,
    ordinal: 1,
    timeMs,
    digests,
    last: last ?? undefined,
  };
  const never = { deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null };
  return { key, id: id ?? undefined, ...row, ...never };
}
