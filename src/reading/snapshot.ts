/**
 * Walks a resource that has no time filter: the whole of it, each time. New and changed records are told by their
 * fingerprints, so a walk that finds nothing new costs list pages only.
 */
import { hasKey, keyOf } from '../identity.ts';
import type { Page, StreamContext, Walk } from '../types.ts';
import { gapsOf } from './gaps.ts';
import { DeepPage, type ListReply, type Outcome, type PageQuery, settle } from './settle.ts';

export interface Snapshot {
  /** Lists that together hold every record, and may overlap. One page; throws `walk-again` for a page past the end. */
  lists: readonly ((query: PageQuery) => Promise<ListReply>)[];
  key(record: unknown): string;
  /** Whether the detail of a known record that is in no list any more is asked for: a 404 then says that it is gone. */
  findsDeleted: boolean;
}

/** A list without a time has one gap, which the next look at all of it closes. */
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
    ...gapsOf(context, GAP, walk.range, { settled, unreadable }),
  };
}

/**
 * Everything that the lists hold, without remembering anything: for those who plan children. A record without a key is
 * nobody's parent, and stands apart: it must not stop the others.
 */
export async function readSnapshot(
  context: StreamContext,
  snapshot: Omit<Snapshot, 'findsDeleted'>,
): Promise<{ records: Map<string, unknown>; unkeyed: unknown[]; settled: boolean }> {
  const records = new Map<string, unknown>();
  const unkeyed = new Map<string, unknown>();
  const pages = readLists(context, snapshot);
  for (;;) {
    const { done, value } = await pages.next();
    if (done) return { records, unkeyed: [...unkeyed.values()], settled: value.settled };
    for (const record of value.records) {
      const key = keyOf(snapshot, record);
      (hasKey(key) ? records : unkeyed).set(key, record);
    }
  }
}

/** Every page of every pass, as it comes: for those who hand a list on that belongs to something. */
export async function* readLists(
  context: StreamContext,
  { lists, key }: Pick<Snapshot, 'lists' | 'key'>,
): AsyncGenerator<Page, Outcome> {
  const all: Outcome = { keys: new Set(), total: 0, settled: true, unreadable: [], isMoving: false };
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
