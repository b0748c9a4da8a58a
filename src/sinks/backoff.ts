/** How long Sluice waits for a sink in trouble, and what it logs meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { SluiceError } from '../api/errors.ts';

/** Trouble that may pass by itself. */
export interface Waiting {
  /** A predicate: `cannot be reached: …`. */
  why: string;
  advice: string;
  /** How long the other side asked to be left alone. */
  waitMs?: number;
}

/**
 * A refusal that only a person can lift, if it is true. Answers are damaged on their way, and gateways answer in place of
 * a cluster that starts: so the cluster is asked again, and the refusal believed when it came `BELIEVED_AFTER` times in a row.
 */
export interface Refusal {
  refusal: SluiceError;
  /** How long to wait before asking again. */
  waitMs?: number;
}

const BELIEVED_AFTER = 3;
const REFUSAL_MS = 1000;

export interface BackoffSettings {
  /** How long a cluster that refuses or is away is waited for. */
  retryDeadlineMs?: number;
  /** The longest first and the longest later pause between two attempts. */
  retryBaseMs?: number;
  retryMaxMs?: number;
}

export interface Backoff {
  /**
   * Waits with exponential backoff and full jitter; throws `retry` when the deadline has passed, and the first refusal of
   * a row when it is believed.
   */
  wait(trouble: Waiting | Refusal, signal: AbortSignal): Promise<void>;
  /** Documents were delivered: the deadline and the backoff start anew. */
  progress(): void;
}

const SAY_EVERY_MS = 30_000;

/** Makes the backoffs of a sink (`who`: `Elasticsearch at https://es:9200`), which log its trouble once and not per request. */
export function backoffOf(
  who: string,
  { retryDeadlineMs = 600_000, retryBaseMs = 200, retryMaxMs = 10_000 }: BackoffSettings,
  log: Logger,
  /** Milliseconds that the process lived through: what deadlines go by. */
  lived: () => number,
  retried: () => void = () => {},
): () => Backoff {
  let saidAt = Number.NEGATIVE_INFINITY;
  const say = (message: string, advice: string): boolean => {
    if (lived() - saidAt < SAY_EVERY_MS) return false;
    saidAt = lived();
    log.warn({ advice }, `${message}; waiting`);
    return true;
  };
  return () => {
    let since: number | undefined;
    let attempt = 0;
    let told = false;
    let refusals: SluiceError[] = [];
    return {
      async wait(trouble, signal) {
        retried();
        if ('refusal' in trouble) {
          refusals.push(trouble.refusal);
          if (refusals.length >= BELIEVED_AFTER) throw refusals[0];
          return sleep(trouble.waitMs ?? Math.min(REFUSAL_MS, retryMaxMs), undefined, { signal });
        }
        refusals = [];
        const now = lived();
        since ??= now;
        const left = since + retryDeadlineMs - now;
        const message = `${who} ${trouble.why}`;
        // `run` waits on, and asks anew what arrived; `run --once` and `backfill` end.
        if (left <= 0) throw new SluiceError(message, { action: 'retry', advice: trouble.advice });
        // A first failure is not logged; trouble that lasts is, again and again at intervals.
        if (attempt > 0) told = say(message, trouble.advice) || told;
        const ceiling = Math.min(retryMaxMs, retryBaseMs * 2 ** attempt);
        attempt += 1;
        const pause = Math.max(Math.random() * ceiling, trouble.waitMs ?? 0);
        await sleep(Math.min(pause, left), undefined, { signal });
      },
      progress() {
        if (told) log.info(`${who} takes documents again`);
        since = undefined;
        attempt = 0;
        told = false;
        refusals = [];
      },
    };
  };
}

/** What `work` returns, or the refusal that it throws. */
export async function orRefusal<T>(work: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SluiceError && error.action === 'stop') return { refusal: error };
    throw error;
  }
}
