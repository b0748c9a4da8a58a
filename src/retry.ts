import type { SluiceError } from './errors.ts';

export interface RetrySettings {
  /** No attempt begins later than this after the first; milliseconds. */
  deadlineMs: number;
  /** Upper bound of the first pause; it doubles with every attempt. */
  firstDelayMs: number;
  maxDelayMs: number;
}

/** The pause before the next attempt: what the other side asked for, else exponential with full jitter. */
export function pauseMs(
  error: SluiceError,
  attempt: number,
  options: Pick<RetrySettings, 'firstDelayMs' | 'maxDelayMs'> & { random?: () => number },
): number {
  const random = options.random ?? Math.random;
  if (error.waitMs !== undefined) return error.waitMs + random() * options.firstDelayMs;
  return random() * Math.min(options.maxDelayMs, options.firstDelayMs * 2 ** Math.min(attempt - 1, 20));
}

/** A longer pause is not believed. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** `Retry-After` in milliseconds, an hour at most: seconds or an HTTP date (RFC 9110, 10.2.3); undefined when absent or unreadable. */
export function retryAfterMs(value: string | null, nowMs: number): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Math.min(Number(value) * 1000, LONGEST_RETRY_AFTER_MS);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - nowMs), LONGEST_RETRY_AFTER_MS);
}
