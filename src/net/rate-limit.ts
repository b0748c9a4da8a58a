/** The rate limit of one source, shared by all of its walks: how many requests are under way, and how many begin a second. */
import { type Budget, createBudget } from './budget.ts';
import type { Traffic } from './traffic.ts';

interface RateLimitSettings {
  requestsPerSecond: number;
  concurrency: number;
  /** Made here where it is left out. */
  budget?: Budget;
}

export type RateLimit = <T>(priority: 'live' | 'backfill', signal: AbortSignal, call: () => Promise<T>) => Promise<T>;

/** Of fewer places, none is kept. */
const LEAST_TO_KEEP_ONE = 4;
/** A source without live requests for so long has no live edge now. */
const LIVE_FOR_MS = 600_000;

/**
 * A call waits for its turn; whenever a place is free, waiting `live` calls go before `backfill` calls. Walks of the same
 * priority, told apart by their signals, take turns: hundreds of details of one walk do not hold up the list of another.
 * A place is taken together with the right to begin, so that a call that comes meanwhile can still go first; as long as
 * calls wait, no such right is lost.
 */
export function createRateLimit(
  settings: RateLimitSettings,
  now: () => number = performance.now.bind(performance),
  traffic?: Pick<Traffic, 'waits'>,
): RateLimit {
  const budget = settings.budget ?? createBudget(settings.requestsPerSecond, now);
  const waiting = { live: takingTurns(), backfill: takingTurns() };
  let underWay = 0;
  let liveAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  let isTurnDue = false;

  /** The next request begins when whoever sent this one has seen its answer: a refusal holds the others. */
  const ended = (): void => {
    underWay--;
    if (isTurnDue) return;
    isTurnDue = true;
    setImmediate(onTurn);
  };
  const onTurn = (): void => {
    isTurnDue = false;
    beginNext();
  };
  /** Where there is a live edge, one place is kept for it: the others may all wait for slow replies. */
  const kept = (): number => (settings.concurrency >= LEAST_TO_KEEP_ONE && now() - liveAtMs < LIVE_FOR_MS ? 1 : 0);
  const beginNext = (): void => {
    while (underWay < settings.concurrency && timer === undefined) {
      const next = waiting.live.isEmpty() ? waiting.backfill : waiting.live;
      if (next.isEmpty() || (next === waiting.backfill && underWay >= settings.concurrency - kept())) return;
      const forMs = budget.take();
      if (forMs > 0) timer = setTimeout(onTime, Math.ceil(forMs));
      else {
        underWay++;
        void next.next()?.().then(ended, ended);
      }
    }
  };
  const onTime = (): void => {
    timer = undefined;
    beginNext();
  };

  return (priority, signal, call) =>
    new Promise((resolve, reject) => {
      const isItsTurn = traffic?.waits();
      if (signal.aborted) {
        isItsTurn?.(false);
        reject(signal.reason);
        return;
      }
      if (priority === 'live') liveAtMs = now();
      waiting[priority].put(signal, {
        run() {
          isItsTurn?.(true);
          return call().then(resolve, reject);
        },
        giveUp() {
          isItsTurn?.(false);
          reject(signal.reason);
        },
      });
      beginNext();
    });
}

interface Waiting {
  run: () => Promise<void>;
  /** Its signal has aborted: it is told at once, and costs nothing. */
  giveUp: () => void;
}

function takingTurns() {
  const walks = new Map<AbortSignal, Waiting[]>(); // in the order of their turns
  function drop(this: AbortSignal): void {
    const calls = walks.get(this) ?? [];
    walks.delete(this);
    for (const call of calls) call.giveUp();
  }
  return {
    put(walk: AbortSignal, call: Waiting): void {
      const calls = walks.get(walk);
      if (calls !== undefined) calls.push(call);
      else {
        walks.set(walk, [call]);
        walk.addEventListener('abort', drop, { once: true });
      }
    },
    isEmpty: () => walks.size === 0,
    next(): Waiting['run'] | undefined {
      const [turn] = walks;
      if (turn === undefined) return undefined;
      const [walk, calls] = turn;
      const call = calls.shift();
      walks.delete(walk);
      if (calls.length > 0) walks.set(walk, calls);
      else walk.removeEventListener('abort', drop);
      return call?.run;
    },
  };
}
