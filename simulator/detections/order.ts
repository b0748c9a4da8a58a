import { firstIndex } from '../search.ts';
import type { Timeline } from '../times.ts';

/** A detection that arrived while the simulator ran; its position in time cannot be computed from its serial. */
export interface Extra {
  serial: number;
  time: number;
  received: number;
}

/**
 * All detections in ascending time: the generated ones (a range of serials) with arrivals merged in and deletions left
 * out. Only arrivals and deletions take memory. A *rank* is a position in this order.
 */
export interface Order {
  size(): number;
  /** The rank of the first detection at or after `time` (after it, when `past`). */
  rankOf(time: number, past: boolean): number;
  /** The serials of ranks `from` up to, not including, `to`. */
  slice(from: number, to: number): number[];
  /** Calls back for each serial of a range of ranks, in order, without making a list. */
  each(from: number, to: number, visit: (serial: number) => void): void;
  insert(extra: Extra): void;
  remove(serial: number): void;
  extra(serial: number): Extra | undefined;
  removed(serial: number): boolean;
  exists(serial: number): boolean;
  /** Rises with every change, so that stale caches are recognised. */
  version(): number;
}

/** The first index of a sorted list whose value, seen through `keyOf`, is at least `wanted` (or more, when `past`). */
function lowerBound<T>(list: readonly T[], wanted: number, past: boolean, keyOf: (item: T) => number): number {
  return firstIndex(list.length, (index) => {
    const value = keyOf(list[index] as T);
    return past ? value > wanted : value >= wanted;
  });
}

const itself = (value: number) => value;

export function createOrder(timeline: Timeline): Order {
  const removedBase: number[] = [];
  const gone = new Set<number>();
  const placed: { extra: Extra; basePlace: number }[] = [];
  const extras = new Map<number, Extra>();
  let version = 0;

  const liveBefore = (base: number) => base - lowerBound(removedBase, base, false, itself);
  const rankAt = (index: number) => liveBefore(placed[index]?.basePlace ?? 0) + index;

  /** The generated serial that has `live` living generated ones before it. */
  const liveBase = (live: number) =>
    live + firstIndex(removedBase.length, (index) => (removedBase[index] as number) - index > live);

  const size = () => timeline.count - removedBase.length + placed.length;

  const rankOf = (time: number, past: boolean): number => {
    const base = timeline.search(time, past);
    return liveBefore(base) + lowerBound(placed, time, past, (entry) => entry.extra.time);
  };

  const firstExtraFrom = (rank: number) => firstIndex(placed.length, (index) => rankAt(index) >= rank);

  const each = (from: number, to: number, visit: (serial: number) => void): void => {
    let next = firstExtraFrom(from);
    let nextRank = next < placed.length ? rankAt(next) : Number.POSITIVE_INFINITY;
    let base = liveBase(from - next);
    let skip = lowerBound(removedBase, base, false, itself);
    for (let rank = from; rank < to; rank++) {
      if (rank === nextRank) {
        visit((placed[next] as { extra: Extra }).extra.serial);
        next++;
        nextRank = next < placed.length ? rankAt(next) : Number.POSITIVE_INFINITY;
        continue;
      }
      while (removedBase[skip] === base) {
        skip++;
        base++;
      }
      visit(base++);
    }
  };

  const slice = (from: number, to: number): number[] => {
    const serials: number[] = [];
    each(Math.max(0, from), Math.min(size(), to), (serial) => serials.push(serial));
    return serials;
  };

  const insert = (extra: Extra): void => {
    version++;
    extras.set(extra.serial, extra);
    const at = lowerBound(placed, extra.time, true, (entry) => entry.extra.time);
    placed.splice(at, 0, { extra, basePlace: timeline.search(extra.time, true) });
  };

  const remove = (serial: number): void => {
    if (gone.has(serial)) return;
    version++;
    gone.add(serial);
    if (serial < timeline.count) removedBase.splice(lowerBound(removedBase, serial, false, itself), 0, serial);
    else
      placed.splice(
        placed.findIndex((entry) => entry.extra.serial === serial),
        1,
      );
  };

  return {
    size,
    rankOf,
    slice,
    each,
    insert,
    remove,
    extra: (serial) => extras.get(serial),
    removed: (serial) => gone.has(serial),
    exists: (serial) => (serial < timeline.count || extras.has(serial)) && !gone.has(serial),
    version: () => version,
  };
}
