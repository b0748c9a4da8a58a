/** The rate limit of one source, shared by all of its walks: p-limit bounds how many requests are under way, a token bucket how many begin per second. */
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Traffic } from './traffic.ts';

interface RateLimitSettings {
  requestsPerSecond: number;
  concurrency: number;
}

export type RateLimit = <T>(priority: 'live' | 'backfill', signal: AbortSignal, call: () => Promise<T>) => Promise<T>;

/**
 * A call waits for its turn; whenever a place is free, waiting `live` calls go before `backfill` calls. Walks of the same
 * priority, told apart by their signals, take turns: hundreds of details of one walk do not hold up the list of another.
 */
export function createRateLimit(
  settings: RateLimitSettings,
  now: () => number = performance.now.bind(performance),
  traffic?: Pick<Traffic, 'waits'>,
): RateLimit {
  const limit = pLimit(settings.concurrency);
  const waiting = { live: takingTurns(), backfill: takingTurns() };
  const takeToken = tokenBucket(settings.requestsPerSecond, now);

  const runNext = async (): Promise<void> => {
    waiting.live.dropAborted();
    waiting.backfill.dropAborted();
    if (waiting.live.isEmpty() && waiting.backfill.isEmpty()) return;
    await takeToken();
    const next = waiting.live.next() ?? waiting.backfill.next(); // chosen only now: a live call may have come meanwhile
    await next?.();
  };

  return (priority, signal, call) =>
    new Promise((resolve, reject) => {
      const isItsTurn = traffic?.waits();
      const run = async () => {
        isItsTurn?.(!signal.aborted);
        if (signal.aborted) return reject(signal.reason);
        await call().then(resolve, reject);
      };
      waiting[priority].put(signal, run);
      void limit(runNext);
    });
}

/** Makes the call; rejects at once when its signal has aborted meanwhile. */
type Run = () => Promise<void>;

function takingTurns() {
  const walks = new Map<AbortSignal, Run[]>(); // in the order of their turns
  return {
    put(walk: AbortSignal, run: Run): void {
      const calls = walks.get(walk);
      if (calls === undefined) walks.set(walk, [run]);
      else calls.push(run);
    },
    isEmpty: () => walks.size === 0,
    next(): Run | undefined {
      const [turn] = walks;
      if (turn === undefined) return undefined;
      const [walk, calls] = turn;
      const run = calls.shift();
      walks.delete(walk);
      if (calls.length > 0) walks.set(walk, calls);
      return run;
    },
    /** Removes aborted calls, so that they cost no token: a stop must not wait for its turn. */
    dropAborted(): void {
      for (const [walk, calls] of walks) {
        if (!walk.aborted) continue;
        walks.delete(walk);
        for (const run of calls) void run();
      }
    },
  };
}

/** Lets `perSecond` calls begin per second, at most those of a tenth of a second at once. */
function tokenBucket(perSecond: number, now: () => number): () => Promise<void> {
  const burst = Math.max(1, perSecond / 10);
  let tokens = burst;
  let at = now();
  return async () => {
    const time = now();
    tokens = Math.min(burst, tokens + ((time - at) / 1000) * perSecond) - 1;
    at = time;
    if (tokens < 0) await sleep((-tokens / perSecond) * 1000);
  };
}
