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
  const waiting = { live: [] as Waiting[], backfill: [] as Waiting[] };
  const takeToken = tokenBucket(settings.requestsPerSecond, now);

  const runNext = async (): Promise<void> => {
    dropAborted(waiting.live);
    dropAborted(waiting.backfill);
    if (waiting.live.length + waiting.backfill.length === 0) return;
    await takeToken();
    const next = waiting.live.shift() ?? waiting.backfill.shift(); // chosen only now: a live call may have come meanwhile
    await next?.run();
  };

  return (priority, signal, call) =>
    new Promise((resolve, reject) => {
      const run = async () => {
        if (signal.aborted) return reject(signal.reason);
        await call().then(resolve, reject);
      };
      waiting[priority].push({ signal, run });
      void limit(runNext);
    });
}

interface Waiting {
  signal: AbortSignal;
  /** Makes the call; rejects at once when it was told to stop meanwhile. */
  run: () => Promise<void>;
}

/** Calls that nobody waits for any more cost no token: a stop must not wait for its turn. */
function dropAborted(queue: Waiting[]): void {
  while (queue[0]?.signal.aborted) void queue.shift()?.run();
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
