/**
 * How many requests a source may begin a second: as many as configured, fewer once its vendor asked for a slower pace, and
 * slowly more again (additive increase, multiplicative decrease, as TCP and vector's adaptive concurrency do).
 */

/** What became of one request. */
export interface Told {
  /** Undefined for a request without an answer. */
  status: number | undefined;
  /** When it was sent, by the clock of the budget. */
  sentAtMs: number;
  /** The vendor asked for a slower pace: 429, or 503 with `Retry-After`. */
  isThrottled: boolean;
}

export interface Budget {
  /** Requests a second that are allowed now: never more than configured, never none. */
  rate(): number;
  /** Takes the right to begin one request: 0; or says after how many milliseconds there will be one. */
  take(): number;
  told(answer: Told): void;
}

/** After a refusal this share of the rate is left ... */
const DECREASE = 0.7;
/** ... and never less than this share of what is configured. */
const LEAST = 1 / 16;
/** From nothing to everything in so many quiet seconds. */
const RECOVERY_S = 120;
/** Seconds without an answer say little of what the vendor bears: not more than these are counted at once. */
const LONGEST_QUIET_S = 10;
/** So many seconds of requests begin at once behind a pause in which none waited, one at least. */
const BURST_S = 0.1;
/** Those that waited while the process was busy with something else are made up for, of so many seconds at most. */
const LATE_S = 0.25;
/** Rounding must not cost a turn of the timer. */
const ENOUGH = 1 - 1e-6;

export function createBudget(perSecond: number, now: () => number = () => performance.now()): Budget {
  let rate = perSecond;
  const burst = () => Math.max(1, rate * BURST_S);
  let tokens = burst();
  let at = now();
  let isWaitedFor = false;
  let loweredAtMs = Number.NEGATIVE_INFINITY;
  let raisedAtMs = at;

  const refill = (): void => {
    const time = now();
    const most = burst() + (isWaitedFor ? rate * LATE_S : 0);
    if (tokens < most) tokens = Math.min(most, tokens + ((time - at) / 1000) * rate);
    at = time;
  };
  return {
    rate: () => rate,
    take() {
      refill();
      isWaitedFor = tokens < ENOUGH;
      if (isWaitedFor) return ((1 - tokens) / rate) * 1000;
      tokens -= 1;
      return 0;
    },
    told({ status, sentAtMs, isThrottled }) {
      if (sentAtMs < loweredAtMs) return; // it was under way when the pace was lowered, and says nothing of the new one
      const time = now();
      if (isThrottled) {
        refill();
        rate = Math.max(perSecond * LEAST, rate * DECREASE);
        tokens = Math.min(tokens, burst());
        loweredAtMs = time;
      } else if (status !== undefined && status < 500 && rate < perSecond) {
        refill();
        const quietS = Math.min(LONGEST_QUIET_S, (time - Math.max(raisedAtMs, loweredAtMs)) / 1000);
        rate = Math.min(perSecond, rate + (perSecond * quietS) / RECOVERY_S);
      }
      raisedAtMs = time;
    },
  };
}
