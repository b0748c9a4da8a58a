/** The rate budget of one source, shared by all of its walks: p-limit bounds how many requests are under way, a token bucket how many begin per second. */
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';

export interface BudgetSettings {
  requestsPerSecond: number;
  concurrency: number;
}

export type Budget = <T>(priority: 'live' | 'backfill', signal: AbortSignal, call: () => Promise<T>) => Promise<T>;

/** A call waits for its turn; whenever a place is free, waiting `live` calls go before `backfill`. */
export function createBudget(settings: BudgetSettings, now: () => number = performance.now.bind(performance)): Budget {
  const limit = pLimit(settings.concurrency);
  const waiting = { live: [] as (() => Promise<void>)[], backfill: [] as (() => Promise<void>)[] };
  const takeToken = tokenBucket(settings.requestsPerSecond, now);

  const runNext = async (): Promise<void> => {
    await takeToken();
    const next = waiting.live.shift() ?? waiting.backfill.shift(); // chosen only now: a live call may have come meanwhile
    await next?.();
  };

  return (priority, signal, call) =>
    new Promise((resolve, reject) => {
      waiting[priority].push(async () => {
        if (signal.aborted) return reject(signal.reason);
        await call().then(resolve, reject);
      });
      void limit(runNext);
    });
}

/** Lets `perSecond` calls through per second, at most a tenth of a second's worth at once. */
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
