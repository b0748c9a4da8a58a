/**
 * How long a stream may be quiet: as configured (`expect_within`), or learned from the ledger, as twice the longest time
 * without a document in the last four weeks. It is not guessed from less than a week or twenty arrivals, and a time in which
 * Sluice did not read says nothing.
 */

export interface Quiet {
  /** A row of the ledger: at this time something was read, and `documents` of it were new. Times ascend. */
  read(atMs: number, documents: number): void;
  /** The longest time without a document that is still ordinary; undefined where too little is known. */
  expectedMs(): number | undefined;
  /** When the last document came; undefined where none ever did. */
  lastMs(): number | undefined;
  /** For how long it was quiet when it was read last, without times in which nothing was read; undefined before that. */
  quietMs(): number | undefined;
}

const WEEK_MS = 7 * 86_400_000;
/** Older quiet times are forgotten. */
export const LEARNED_FROM_MS = 4 * WEEK_MS;
const FEWEST_ARRIVALS = 20;
/** A longer time without a row was one in which Sluice did not run, or could not read. */
export const LONGEST_PAUSE_MS = 2 * 3_600_000;
const TIMES = 2;
const SHORTEST_MS = 900_000;

export function learnQuiet(longestPauseMs = LONGEST_PAUSE_MS): Quiet {
  /** Quiet times that ended with a document, longest last: shorter and older ones say nothing any more. */
  const longest: { endedMs: number; lastedMs: number }[] = [];
  let arrivals = 0;
  let firstMs: number | undefined;
  let lastReadMs: number | undefined;
  let lastMs: number | undefined;
  /** Of the quiet time at hand, what was not read. */
  let unreadMs = 0;
  return {
    read(atMs, documents) {
      firstMs ??= atMs;
      const sinceReadMs = atMs - (lastReadMs ?? atMs);
      if (sinceReadMs > longestPauseMs) unreadMs += sinceReadMs;
      lastReadMs = Math.max(atMs, lastReadMs ?? atMs);
      if (documents === 0) return;
      arrivals++;
      if (lastMs !== undefined) {
        const lastedMs = atMs - lastMs - unreadMs;
        while ((longest.at(-1)?.lastedMs ?? Number.POSITIVE_INFINITY) <= lastedMs) longest.pop();
        longest.push({ endedMs: atMs, lastedMs });
        while ((longest[0]?.endedMs ?? atMs) < atMs - LEARNED_FROM_MS) longest.shift();
      }
      lastMs = Math.max(atMs, lastMs ?? atMs);
      unreadMs = 0;
    },
    expectedMs() {
      if (firstMs === undefined || lastReadMs === undefined || lastReadMs - firstMs < WEEK_MS) return undefined;
      if (arrivals < FEWEST_ARRIVALS) return undefined;
      return Math.max(SHORTEST_MS, TIMES * (longest[0]?.lastedMs ?? 0));
    },
    lastMs: () => lastMs,
    quietMs() {
      const sinceMs = lastMs ?? firstMs;
      return sinceMs === undefined || lastReadMs === undefined
        ? undefined
        : Math.max(0, lastReadMs - sinceMs - unreadMs);
    },
  };
}
