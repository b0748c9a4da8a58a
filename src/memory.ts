/**
 * Memory for replies, over all sources of the process: a reply that is parsed whole becomes many times its size. With less
 * memory than all of them would need at once, some wait: it goes slower.
 */
import { orAborted } from './abort.ts';

/** Measured: `[{},{},…]` takes 20 bytes of the heap for each of its own, and its text stands beside it. */
const BYTES_PER_BYTE = 24;
/** The first bytes of each reply are free: most replies are small. */
const FREE_BYTES = 64 * 1024;
/** Of the memory that the process may use; the rest is for what is made of replies, and for everything else. */
const SHARE = 0.4;

/** What one reply, and what is parsed from it, takes. */
export interface Room {
  /** Resolves when there is room for a reply of so many bytes. Rejects when the signal aborts. */
  need(bytes: number, signal: AbortSignal): Promise<void> | undefined;
  release(): void;
}

export interface Memory {
  /** What the process may use. */
  readonly usable: number;
  open(): Room;
}

interface Holder {
  bytes: number;
}

/** `usable`: what V8 was given, or what the container allows where that is less. The oldest reply always gets what it needs, so that one goes on whatever happens. */
export function createMemory(usable: number): Memory {
  const budget = usable * SHARE;
  const holders = new Set<Holder>(); // in the order in which they began
  let used = 0;
  let changed = Promise.withResolvers<void>();
  const fits = (holder: Holder, more: number): boolean =>
    used + more <= budget || holders.values().next().value === holder;
  const waitFor = async (holder: Holder, more: number, signal: AbortSignal): Promise<void> => {
    while (!fits(holder, more)) await orAborted(changed.promise, signal);
    signal.throwIfAborted();
    take(holder, more);
  };
  const take = (holder: Holder, more: number): void => {
    holder.bytes += more;
    used += more;
  };
  return {
    usable,
    open() {
      const holder: Holder = { bytes: 0 };
      return {
        need(bytes, signal) {
          if (bytes <= FREE_BYTES) return undefined;
          // In steps of powers of two: asked for seldom, whatever the size of the chunks.
          const more = 2 ** Math.ceil(Math.log2(bytes)) * BYTES_PER_BYTE - holder.bytes;
          if (more <= 0) return undefined;
          holders.add(holder);
          if (!fits(holder, more)) return waitFor(holder, more, signal);
          take(holder, more);
          return undefined;
        },
        release() {
          if (!holders.delete(holder)) return;
          used -= holder.bytes;
          holder.bytes = 0;
          changed.resolve();
          changed = Promise.withResolvers();
        },
      };
    },
  };
}
