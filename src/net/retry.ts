import type { RetrySettings } from '../api/connector.ts';
import type { SluiceError } from '../api/errors.ts';

/** The pause before the next attempt: that of `Retry-After`, else exponential with full jitter. */
export function pauseMs(
  error: SluiceError,
  attempt: number,
  options: Pick<RetrySettings, 'firstDelayMs' | 'maxDelayMs'> & { random?: () => number },
): number {
  const random = options.random ?? Math.random;
  if (error.waitMs !== undefined) return error.waitMs + random() * options.firstDelayMs;
  return random() * Math.min(options.maxDelayMs, options.firstDelayMs * 2 ** Math.min(attempt - 1, 20));
}

/** A longer pause is cut to this. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** A shorter pause, or a date that is over by our clock, is ignored: the request waits as long as without the header. */
const SHORTEST_RETRY_AFTER_MS = 1000;

/** `Retry-After` in milliseconds, an hour at most: seconds or an HTTP date (RFC 9110, 10.2.3); undefined when it is ignored. */
export function retryAfterMs(value: string | null, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  const isDate = /^[a-z]/i.test(text); // `Date.parse` takes -5 for a date
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : Number.NaN;
  return ms >= SHORTEST_RETRY_AFTER_MS ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined;
}
