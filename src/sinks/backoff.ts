/** How long a sink in trouble is waited for, and what is said meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { SluiceError } from '../api/errors.ts';

/** Something that may pass by itself. */
export interface Waiting {
  /** A predicate: `cannot be reached: …`. */
  why: string;
  advice: string;
  /** How long the other side asked to be left alone. */
  waitMs?: number;
}

/**
 * What only a person can mend, if it is true. Answers are damaged on their way, and gateways answer in place of a cluster
 * that starts: it is asked again, and believed when nothing else was said `BELIEVED_AFTER` times.
 */
export interface Refusal {
  refusal: SluiceError;
  /** When to ask again. */
  waitMs?: number;
}

/** How often a refusal has to be said in a row, and the pause between. */
const BELIEVED_AFTER = 3;
const REFUSAL_MS = 1000;

interface PatienceSettings {
  /** Who is in trouble: `Elasticsearch at https://es:9200`. */
  who: string;
  deadlineMs: number;
  baseMs: number;
  maxMs: number;
  log: Logger;
  /** Milliseconds that the process lived through, or any clock. */
  now: () => number;
  /** Shared by everything that waits on one cluster, so that it is said once and not per request. */
  said: { at: number };
}

export interface Backoff {
  /**
   * Waits with exponential backoff and full jitter; throws `retry` when the deadline has passed, and the first refusal of
   * a row when it is believed.
   */
  wait(trouble: Waiting | Refusal, signal: AbortSignal): Promise<void>;
  /** Something was delivered: the clock and the backoff start anew. */
  progress(): void;
}

const sayEveryMs = 30_000;

export function backoff(settings: PatienceSettings): Backoff {
  let since: number | undefined;
  let attempt = 0;
  let told = false;
  let refusals: SluiceError[] = [];
  return {
    async wait(trouble, signal) {
      if ('refusal' in trouble) {
        refusals.push(trouble.refusal);
        if (refusals.length >= BELIEVED_AFTER) throw refusals[0];
        const pause = trouble.waitMs ?? Math.min(REFUSAL_MS, settings.maxMs);
        return sleep(pause, undefined, { signal });
      }
      refusals = [];
      const now = settings.now();
      since ??= now;
      const left = since + settings.deadlineMs - now;
      const message = `${settings.who} ${trouble.why}`;
      // `run` waits on, and asks anew what arrived; `run --once` and `backfill` end.
      if (left <= 0) throw new SluiceError(message, { action: 'retry', advice: trouble.advice });
      // A first hiccup is nobody's business; what lasts is said, and said again at intervals.
      if (attempt > 0) told = say(settings, message, trouble.advice) || told;
      const ceiling = Math.min(settings.maxMs, settings.baseMs * 2 ** attempt);
      attempt += 1;
      const pause = Math.max(Math.random() * ceiling, trouble.waitMs ?? 0);
      await sleep(Math.min(pause, left), undefined, { signal });
    },
    progress() {
      if (told) settings.log.info(`${settings.who} takes documents again`);
      since = undefined;
      attempt = 0;
      told = false;
      refusals = [];
    },
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

function say({ said, now, log }: PatienceSettings, message: string, advice: string): boolean {
  if (now() - said.at < sayEveryMs) return false;
  said.at = now();
  log.warn({ advice }, `${message}; waiting`);
  return true;
}
