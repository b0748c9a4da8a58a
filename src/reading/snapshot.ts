/**
 * Walks a resource that has no time filter: each walk reads the whole list. New and changed records are recognised by their
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
  /** Lists that together hold every record, and may overlap. Each returns one page, and throws `walk-again` for a page past the end. */
  lists: readonly ((query: PageQuery) => Promise<ListReply>)[];
  key(record: unknown): string;
  /** Whether to request the detail of a known record that is in no list any more: a 404 then proves that it was deleted. */
  findsDeleted: boolean;
}

/** A list without times has one gap, which the next whole reading closes. */
const GAP = 'list';

/** The cursor is always null: an interrupted walk begins again, and finds its delivered records unchanged. */
export async function* walkSnapshot(context: StreamContext, snapshot: Snapshot, walk: Walk): AsyncIterable<Page> {
  const missing = new Set(snapshot.findsDeleted ? context.knownKeys() : []); // before the first pass
  const readAtMs = context.now();
  const lists = counting(context, snapshot.lists, walk);
  const { keys, settled, total, passes, unreadable } = yield* readLists(context, { ...snapshot, lists });
  for (const key of keys) missing.delete(key);
  const counts = { total: total ?? keys.size, distinct: keys.size, settled, attempts: passes };
  const accepted = { range: walk.range, ...counts, keys, readAtMs };
  yield {
    records: [],
    ask: settled ? [...missing] : [],
    cursor: null,
    accepted,
    ...gapsOf(context, GAP, accepted, unreadable),
  };
}

/** The lists, which tell the vendor's count of each of them once. */
function counting(context: StreamContext, lists: Snapshot['lists'], { range }: Walk): Snapshot['lists'] {
  const told = new Set<number>();
  return lists.map((list, index) => async (query) => {
    const reply = await list(query);
    if (!told.has(index) && reply.total !== undefined) context.counted?.(range, reply.total, told.size > 0);
    told.add(index);
    return reply;
  });
}

/** How many records, and how many bytes of them as JSON, are kept until a list is read. */
const MOST_KEPT = { records: 250_000, bytes: 64 * 1024 * 1024 };

interface Kept<T> {
  records: Map<string, T>;
  unkeyed: T[];
  settled: boolean;
}

/**
 * All records of the lists, without storing anything: for planning children. `keep` returns the needed part of a record.
 * Records without a key cannot be parents, and are returned apart so that they do not stop the others.
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

/** The size of a value as JSON; one that cannot be written as JSON counts as large. */
function sizeOf(kept: unknown): number {
  try {
    return JSON.stringify(kept)?.length ?? 0;
  } catch {
    return 1024 * 1024;
  }
}

function tooMany(records: number): SluiceError {
  return new SluiceError(`a list has no end: ${records} records of it are in memory, the most that Sluice keeps`, {
    action: 'retry',
    isTooLarge: true,
    advice:
      'Look at the list in the console. To go on without it, leave out the streams that read it (`streams` of the source).',
  });
}

/** Every page of every pass, as it arrives: for streams that yield a list as a child of something. */
export async function* readLists(
  context: StreamContext,
  { lists, key }: Pick<Snapshot, 'lists' | 'key'>,
): AsyncGenerator<Page, ListOutcome> {
  const all: ListOutcome = {
    ...{ keys: new Set<string>(), total: 0, settled: true, passes: 0 },
    ...{ unreadable: [], isMoving: false },
  };
  for (const list of lists) {
    try {
      const { keys, total, settled, passes, unreadable } = yield* settle(context, { list, key }, null);
      for (const position of unreadable) all.unreadable.push(position);
      for (const one of keys) all.keys.add(one);
      all.total = Math.max(all.total ?? 0, total ?? 0);
      all.settled &&= settled;
      all.passes += passes;
    } catch (error) {
      throw error instanceof DeepPage ? error.cause : error;
    }
  }
  // Lists that overlap have no common total; each was compared with its own total.
  return { ...all, total: all.settled ? all.keys.size : all.total };
}
