import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from './errors.ts';

export interface RetrySettings {
  /** No attempt begins later than this after the first; milliseconds. */
  deadlineMs: number;
  /** Upper bound of the first pause; it doubles with every attempt. */
  firstDelayMs: number;
  maxDelayMs: number;
}

export interface RetryOptions extends RetrySettings {
  signal: AbortSignal;
  /** Called before each pause. Returning false ends the attempts early. */
  onRetry?: (error: SluiceError, attempt: number, waitMs: number) => boolean | undefined;
  now?: () => number;
  random?: () => number;
}

/** Calls again as long as the error says `retry`, with exponential pauses and full jitter, or the pause that the other side asked for. */
export async function retrying<T>(call: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const now = options.now ?? Date.now;
  const startedAt = now();
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await call(attempt);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.action !== 'retry') throw error;
      const waitMs = pauseMs(error, attempt, options);
      if (now() + waitMs - startedAt > options.deadlineMs) throw error;
      if (options.onRetry?.(error, attempt, waitMs) === false) throw error;
      await sleep(waitMs, undefined, { signal: options.signal });
    }
  }
}

function pauseMs(error: SluiceError, attempt: number, options: RetryOptions): number {
  const random = options.random ?? Math.random;
  if (error.waitMs !== undefined) return error.waitMs + random() * options.firstDelayMs;
  return random() * Math.min(options.maxDelayMs, options.firstDelayMs * 2 ** Math.min(attempt - 1, 20));
}

/** `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3); undefined when absent or unreadable. */
export function retryAfterMs(value: string | null, nowMs: number): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
