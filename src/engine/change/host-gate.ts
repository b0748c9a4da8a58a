/**
 * The first run of a source that completes hosts: documents that name one wait until its inventory was read once, or a
 * minute, whichever comes first. A process that finds anything noted of hosts never waits, nor one without an inventory.
 */

/** What all pipelines of one source share. */
export interface HostGate {
  /** Announces a pipeline that reads an inventory; to be called before any pipeline runs. */
  expect(): void;
  /** An inventory was read to its end. */
  known(): void;
  /** A pipeline that reads an inventory has ended, and will not say more. */
  gone(): void;
  /** Whether nobody has to wait. The first call asks `hasNotes`; where there are none, it begins the minute, and says so by `begins`. */
  isOpen(hasNotes: () => boolean, begins: () => void): boolean;
  /** Aborts when it opens. */
  opens: AbortSignal;
}

const LONGEST_MS = 60_000;

export function createHostGate(longestMs = LONGEST_MS): HostGate {
  const ends = new AbortController();
  let inventories = 0;
  let timer: NodeJS.Timeout | undefined;
  const open = () => {
    clearTimeout(timer);
    ends.abort();
  };
  return {
    expect: () => {
      inventories++;
    },
    known: open,
    gone() {
      if (--inventories <= 0) open();
    },
    isOpen(hasNotes, begins) {
      if (ends.signal.aborted || timer !== undefined) return ends.signal.aborted;
      if (inventories <= 0 || hasNotes()) open();
      else {
        timer = setTimeout(open, longestMs);
        begins();
      }
      return ends.signal.aborted;
    },
    opens: ends.signal,
  };
}
