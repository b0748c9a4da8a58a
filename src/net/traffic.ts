/** What a source asks of its vendor: how many requests, how they were answered, and how long they waited for the rate limit. */

export interface Traffic {
  readonly requestsPerSecond: number;
  /** Requests a second that are allowed now: fewer than configured where the vendor asked for a slower pace. */
  allowedPerSecond(): number;
  /** Requests that were sent, by the status of the answer; `none` for those without one. */
  readonly requests: ReadonlyMap<string, number>;
  /** How long requests have waited for their turn, all together. */
  readonly waitedMs: number;
  /** A request waits for its turn from now on; what is returned is to be called when it is its turn, or when it gave up. */
  waits(): (isSent: boolean) => void;
  /** A request was answered with this status, or not at all. */
  answered(status: number | undefined): void;
  /** For how long the request that waits for its turn longest has done so; 0 where none waits. */
  longestWaitMs(): number;
  /** Which share of the requests that the rate limit allows was sent in the last minute: 0 to 1. */
  usedRatio(): number;
}

const SECONDS = 60;

export function createTraffic(
  requestsPerSecond: number,
  now: () => number = () => performance.now(),
  allowedPerSecond: () => number = () => requestsPerSecond,
): Traffic {
  const requests = new Map<string, number>();
  const waiting = new Set<{ sinceMs: number }>(); // in the order in which they came
  const sent = new Uint32Array(SECONDS);
  const startedAtMs = now();
  let second = Math.floor(startedAtMs / 1000);
  let waitedMs = 0;
  /** Empties the places of seconds that have passed since the last look. */
  const turnTo = (): number => {
    const at = Math.floor(now() / 1000);
    for (let passed = Math.max(second + 1, at - SECONDS + 1); passed <= at; passed++) sent[passed % SECONDS] = 0;
    second = Math.max(second, at);
    return second % SECONDS;
  };
  return {
    requestsPerSecond,
    allowedPerSecond,
    requests,
    get waitedMs() {
      return waitedMs;
    },
    waits() {
      const mine = { sinceMs: now() };
      waiting.add(mine);
      return (isSent) => {
        waiting.delete(mine);
        waitedMs += Math.max(0, now() - mine.sinceMs);
        if (!isSent) return;
        const place = turnTo();
        sent[place] = (sent[place] ?? 0) + 1;
      };
    },
    answered(status) {
      const name = String(status ?? 'none');
      requests.set(name, (requests.get(name) ?? 0) + 1);
    },
    longestWaitMs() {
      const [first] = waiting;
      return first === undefined ? 0 : now() - first.sinceMs;
    },
    usedRatio() {
      turnTo();
      const lastedS = Math.min(SECONDS, Math.max(1, (now() - startedAtMs) / 1000));
      return Math.min(1, sent.reduce((sum, one) => sum + one, 0) / (lastedS * requestsPerSecond));
    },
  };
}
