/**
 * Memory for the replies of all sources: a reply that is parsed whole becomes many times its size. When there is not enough
 * memory for all replies at once, some wait, which is slower but safe.
 */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { orAborted } from '../api/abort.ts';
import type { Room } from '../api/client.ts';
import { jsonCost } from './json-cost.ts';

const MIB = 1024 * 1024;
/** Measured: `[{},{},…]` takes 20 bytes of the heap for each byte, and its text stands beside it. */
const BYTES_PER_BYTE = 24;
/** Bytes per byte while a reply is read: its chunks, and the whole that is made of them. */
const BYTES_PER_READ = 2;
/** The first bytes of each reply are not counted: most replies are small. */
const FREE_BYTES = 64 * 1024;
/** The share of replies in the memory of the process; the rest is for the documents made of them, and for everything else. */
const SHARE = 0.4;
/** Measured: the program with all of its sinks, before it has read anything. */
const PROGRAM_BYTES = 48 * MIB;
const LEAST_BYTES = 8 * MIB;
/** Replies that are worked on at once: more would go no faster. */
const MOST_BYTES = 128 * MIB;
/** V8's limit includes its young generation, where no reply stays. */
const YOUNG_BYTES = 192 * MIB;

/** The size of V8's old generation (`--max-old-space-size`). */
export function heapBytes(): number {
  const { heap_size_limit: limit } = getHeapStatistics();
  return Math.max(limit - YOUNG_BYTES, limit / 4);
}

export interface Memory {
  /** The memory that the process may use, in bytes. */
  readonly usable: number;
  /** For a reply that is parsed whole, and worked on at once. */
  open(): Room;
  /** For a reply that can also be parsed part by part, and whose parts may wait for a sink: no other reply waits for its room. */
  openForParts(): Room;
}

/** Returns what is free of V8's old generation after a garbage collection. To be called seldom, since that takes a while. */
export function heapMeter(): () => number {
  let cleanUp: (() => void) | undefined;
  return () => {
    setFlagsFromString('--expose-gc');
    cleanUp ??= runInNewContext('gc') as () => void;
    cleanUp();
    return heapBytes() - getHeapStatistics().used_heap_size;
  };
}

/** `usable`: the memory of V8 or of the container, whichever is less. `spare` returns how much of it is free, if that is known. */
export function createMemory(usable: number, spare?: () => number): Memory {
  const half = Math.max(LEAST_BYTES, Math.min(usable * SHARE, usable - PROGRAM_BYTES)) / 2;
  const whole = createPool(Math.min(half, MOST_BYTES), spare);
  const parts = createPool(half);
  return {
    usable,
    open: whole.open,
    openForParts: () => {
      const room = parts.open();
      return { ...room, weigh: (body, signal) => (parts.fits(body) ? room.weigh(body, signal) : NO_ROOM) };
    },
  };
}

const NO_ROOM = Promise.resolve(Number.POSITIVE_INFINITY);

interface Holder {
  bytes: number;
  /** `reading`: the bytes of the reply are outside of the heap. `working`: the reply is parsed and its records are processed. */
  state: 'reading' | 'working' | 'waiting';
}

/**
 * Room for several replies. The oldest always gets the room that it needs (to be worked on, when no other is), so that
 * one of them always goes on; unless it needs more than there is to `spare`.
 */
function createPool(budget: number, spare = () => budget): { open(): Room; fits(body: Buffer): boolean } {
  const holders = new Set<Holder>(); // in the order in which they began
  let used = 0;
  let changed = Promise.withResolvers<void>();
  const hold = (holder: Holder, bytes: number, state: Holder['state']): void => {
    used += bytes - holder.bytes;
    Object.assign(holder, { bytes, state });
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const fits = (bytes: number, holder?: Holder): boolean => used + bytes - (holder?.bytes ?? 0) <= budget;
  const isOldest = (holder: Holder): boolean => holders.values().next().value === holder;
  const isAnyWorking = (): boolean => holders.values().some(({ state }) => state === 'working');
  const bytesOf = (body: Buffer): number => {
    const most = body.length * BYTES_PER_BYTE;
    return most <= budget / 4 ? most : jsonCost(body);
  };

  const readWhen = async (holder: Holder, bytes: number, signal: AbortSignal): Promise<void> => {
    const { state } = holder;
    hold(holder, holder.bytes, 'waiting');
    while (!fits(bytes, holder) && !isOldest(holder)) await orAborted(changed.promise, signal);
    signal.throwIfAborted();
    hold(holder, bytes, state);
  };
  const workWhen = async (holder: Holder, bytes: number, signal: AbortSignal): Promise<number | undefined> => {
    hold(holder, holder.bytes, 'waiting');
    while (!fits(bytes, holder)) {
      if (!isOldest(holder) || isAnyWorking()) await orAborted(changed.promise, signal);
      else if (bytes > spare()) return bytes;
      else break;
    }
    signal.throwIfAborted();
    hold(holder, bytes, 'working');
    return undefined;
  };
  return {
    fits: (body) => fits(bytesOf(body)),
    open() {
      const holder: Holder = { bytes: 0, state: 'reading' };
      return {
        most: Math.floor(budget / BYTES_PER_BYTE),
        need(read, signal) {
          if (read <= FREE_BYTES) return undefined;
          // Memory is taken in powers of two: seldom, whatever the size of the chunks.
          const bytes = 2 ** Math.ceil(Math.log2(read)) * BYTES_PER_READ;
          if (bytes <= holder.bytes) return undefined;
          holders.add(holder);
          if (!fits(bytes, holder) && !isOldest(holder)) return readWhen(holder, bytes, signal);
          hold(holder, bytes, holder.state);
          return undefined;
        },
        weigh(body, signal) {
          if (body.length <= FREE_BYTES) return undefined;
          holders.add(holder);
          // The result of an earlier reply is still in memory.
          const bytes = Math.max(bytesOf(body), holder.state === 'working' ? holder.bytes : 0);
          if (!fits(bytes, holder)) return workWhen(holder, bytes, signal);
          hold(holder, bytes, 'working');
          return undefined;
        },
        release() {
          if (holders.delete(holder)) hold(holder, 0, 'reading');
        },
      };
    },
  };
}
