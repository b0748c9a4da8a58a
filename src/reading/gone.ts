/** Whether the list bears out that a record is gone: a details route that is out of order must not delete anything. */
import { keyOf } from '../identity.ts';
import type { Stream, StreamContext, Walk } from '../types.ts';

/** What a detail and the list say of a record's time may differ a little. */
const AROUND_MS = 60_000;

/** Keys of a whole list, read once for all records that a walk misses at about the same time. */
const listedKeys = new WeakMap<StreamContext, { atMs: number; keys: Promise<Set<string> | undefined> }>();
const LISTED_FOR_MS = 60_000;

/** Undefined when the list did not settle. */
async function readKeys(stream: Stream, context: StreamContext): Promise<Set<string> | undefined> {
  const keys = new Set<string>();
  let isSettled = false;
  const walk: Walk = { id: 'is-it-gone', kind: 'refresh', range: { fromMs: 0, toMs: 0 } };
  for await (const page of stream.pages(context, walk, undefined)) {
    for (const record of page.records) keys.add(keyOf(stream, record));
    isSettled = page.accepted?.settled ?? isSettled;
  }
  return isSettled ? keys : undefined;
}

/** Reads the list where the record would be. Nothing is gone from a list that did not settle, or in an unknown place. */
export async function isGoneFromList(
  stream: Stream,
  context: StreamContext,
  key: string,
  timeMs: number | null,
): Promise<boolean> {
  if (stream.mode !== 'windows') {
    let read = listedKeys.get(context);
    if (read === undefined || context.now() - read.atMs > LISTED_FOR_MS) {
      read = { atMs: context.now(), keys: readKeys(stream, context) };
      listedKeys.set(context, read);
    }
    const keys = await read.keys;
    return keys !== undefined && !keys.has(key);
  }
  if (timeMs === null) return false;
  const range = { fromMs: timeMs - AROUND_MS, toMs: timeMs + AROUND_MS };
  let isSettled = false;
  for await (const page of stream.pages(context, { id: 'is-it-gone', kind: 'refresh', range }, undefined)) {
    if (page.records.some((record) => keyOf(stream, record) === key)) return false;
    isSettled = page.accepted?.settled ?? isSettled;
  }
  return isSettled;
}
