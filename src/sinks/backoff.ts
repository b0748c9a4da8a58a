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

interface BackoffSettings {
  /** Who is in trouble: `Elasticsearch at https://es:9200`. */
  who: string;
  deadlineMs: number;
  baseMs: number;
  maxMs: number;
  log: Logger;
  /** Milliseconds that the process lived through, or any clock. */
  now: () => number;
  /** Shared by all requests to one cluster, so that its trouble is logged once and not per request. */
  said: { at: number };
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

export function backoff(settings: BackoffSettings): Backoff {
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
      // A first failure is not logged; trouble that lasts is, again and again at intervals.
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

function say({ said, now, log }: BackoffSettings, message: string, advice: string): boolean {
  if (now() - said.at < SAY_EVERY_MS) return false;
  said.at = now();
  log.warn({ advice }, `${message}; waiting`);
  return true;
}
