/** Answers of the state that cost a look at many rows. */

const LEAST_MS = 2000;
/** An answer is used for so many times as long as it took to find. */
const SHARE = 100;

/** Asks anew at most every two seconds, and so rarely that it takes a hundredth of the time. */
export function remembered<T>(ask: () => T, now: () => number = () => performance.now()): () => T {
  let last: { answer: T; untilMs: number } | undefined;
  return () => {
    const startedAtMs = now();
    if (last === undefined || startedAtMs >= last.untilMs) {
      const answer = ask();
      const tookMs = now() - startedAtMs;
      last = { answer, untilMs: startedAtMs + Math.max(LEAST_MS, SHARE * tookMs) };
    }
    return last.answer;
  };
}
