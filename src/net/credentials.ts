/** The credentials of connectors: reading the secret, and what it means when the vendor refuses it. */

import type { SourceSecrets } from '../api/connector.ts';
import { type ErrorOptions, messageOf, SluiceError } from '../api/errors.ts';
import type { HttpReply } from '../api/http.ts';

/** Tokens live for minutes: a clock that is off by more is mentioned in the advice. */
const CLOCK_TOLERANCE_MS = 60_000;

/** The vendor refuses all requests of this source: `run` waits for that to end, other commands say it at once. */
export function lockedOut(message: string, options: Omit<ErrorOptions, 'action'>): SluiceError {
  return new SluiceError(message, { ...options, action: 'stop', general: 'source', isLockedOut: true });
}

/** The secret as it is now. A file that cannot be read, or is empty, may be about to be changed. */
export function secretNow(
  { name, applicationSecret }: { name: string; applicationSecret: () => string },
  secrets: Pick<SourceSecrets, 'protect'>,
): string {
  try {
    const secret = applicationSecret();
    secrets.protect(secret);
    return secret;
  } catch (error) {
    const advice = error instanceof SluiceError ? error.advice : undefined;
    throw lockedOut(`source "${name}": ${messageOf(error)}`, { advice, cause: error });
  }
}

/** The advice for refused credentials: set the clock if it is wrong, else `advice`. */
export function orClock({ headers }: Pick<HttpReply, 'headers'>, nowMs: number, advice: string): string {
  const date = headers.get('date');
  const skewMs = date === null ? 0 : nowMs - Date.parse(date);
  if (!(Math.abs(skewMs) > CLOCK_TOLERANCE_MS)) return advice;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  return `This machine's clock is ${minutes} min ${skewMs > 0 ? 'ahead of' : 'behind'} the vendor's: set the clock (NTP).`;
}
