/**
 * Walks a resource that has no time filter: the whole of it, each time. New and changed records are told by their
 * fingerprints, so a walk that finds nothing new costs list pages only.
 */
import { SluiceError } from '../api/errors.ts';
import { hasKey, keyOf } from '../api/records/identity.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Page, Walk } from '../api/walk.ts';
import { gapsOf } from './gaps.ts';
import type { ListReply, PageQuery } from './list.ts';
import { DeepPage, type ListOutcome, settle } from './settle.ts';

export interface Snapshot {
  /** Lists that together hold every record, and may overlap. One page; throws `walk-again` for a page past the end. */
  lists: readonly ((query: PageQuery) => Promise<ListReply>)[];
  key(record: unknown): string;
  /** Whether the detail of a known record that no list has any more is asked for: a 404 then says that the record is gone. */
  findsDeleted: boolean;
}

/** A list without times has one gap, which the next whole reading closes. */
const GAP = 'list';

/** The cursor is always null: a walk that was interrupted begins again, and what was delivered is unchanged. */
export async function* walkSnapshot(context: StreamContext, snapshot: Snapshot, walk: Walk): AsyncIterable<Page> {
  const missing = new Set(snapshot.findsDeleted ? context.knownKeys() : []); // before the first pass
  const { keys, settled, total, unreadable } = yield* readLists(context, snapshot);
  for (const key of keys) missing.delete(key);
  const accepted = { range: walk.range, total: total ?? keys.size, distinct: keys.size, settled };
  yield {
    records: [],
    ask: settled ? [...missing] : [],
    cursor: null,
    accepted,
    ...gapsOf(context, GAP, accepted, unreadable),
  };
}

/** Bounds of the records that are kept until the whole list is read: their number, and their bytes as JSON. */
const MOST_KEPT = { records: 250_000, bytes: 64 * 1024 * 1024 };

interface Kept<T> {
  records: Map<string, T>;
  unkeyed: T[];
  settled: boolean;
}

/**
 * Everything that the lists hold, without remembering anything: for those who plan children. `keep` makes of a record what
 * is needed of it. A record without a key is nobody's parent, and stands apart: it must not stop the others.
 */
export async function readSnapshot<T = unknown>(
  context: StreamContext,
  snapshot: Omit<Snapshot, 'findsDeleted'>,
  keep: (record: unknown, key: string) => T = (record) => record as T,
): Promise<Kept<T>> {
  const records = new Map<string, T>();
  const unkeyed = new Map<string, T>();
  let bytes = 0;
  const pages = readLists(context, snapshot);
  for (;;) {
    const { done, value } = await pages.next();
    if (done) return { records, unkeyed: [...unkeyed.values()], settled: value.settled };
    for (const record of value.records) {
      const key = keyOf(snapshot, record);
      const kind = hasKey(key) ? records : unkeyed;
      const kept = keep(record, key);
      if (!kind.has(key)) bytes += sizeOf(kept);
      kind.set(key, kept);
      if (records.size + unkeyed.size > MOST_KEPT.records || bytes > MOST_KEPT.bytes) throw tooMany(records.size);
    }
  }
}

/** The size of a record that cannot be written as JSON: as if it were large. */
function sizeOf(kept: unknown): number {
  try {
    return JSON.stringify(kept)?.length ?? 0;
  } catch {
    return 1024 * 1024;
  }
}

function tooMany(records: number): SluiceError {
  return new SluiceError(`a list has no end: ${records} records of it are held, as many as may be`, {
    action: 'retry',
    isTooLarge: true,
    advice:
      'Look at the list in the console. Without the streams that read it (`streams` of the source) all others go on.',
  });
}

/** Every page of every pass, as it comes: for connectors whose child is a list of its own. */
export async function* readLists(
  context: StreamContext,
  { lists, key }: Pick<Snapshot, 'lists' | 'key'>,
): AsyncGenerator<Page, ListOutcome> {
  const all: ListOutcome = { keys: new Set(), total: 0, settled: true, unreadable: [], isMoving: false };
  for (const list of lists) {
    try {
      const { keys, total, settled, unreadable } = yield* settle(context, { list, key }, null);
      for (const position of unreadable) all.unreadable.push(position);
      for (const one of keys) all.keys.add(one);
      all.total = Math.max(all.total ?? 0, total ?? 0);
      all.settled &&= settled;
    } catch (error) {
      throw error instanceof DeepPage ? error.cause : error;
    }
  }
  // Lists that overlap have no common total; each was compared with its own.
  return { ...all, total: all.settled ? all.keys.size : all.total };
}
