/** What a source is refused: counted for the metrics, and told by health for as long as it lasts. */
import type { Refusals } from '../api/connector.ts';
import { messageOf, type SluiceError } from '../api/errors.ts';

/** A scope that has worked is only missing for now, but when it is for so long a person should know. */
export const FORBIDDEN_FOR_MS = 3_600_000;
/** What lasts longer than this is said. */
export const SAY_AFTER_MS = 60_000;

interface Wait {
  sinceMs: number;
  /** Since when there was nothing but 403s. */
  forbiddenSinceMs: number | undefined;
  error: SluiceError;
}

/** Who answers for all routes: nobody is let in. */
export const WHOLE_SOURCE = '';

export function createRefusals(lived: () => number): Refusals {
  const counts = new Map<string, number>();
  const waiting = new Map<string, Wait>();
  /** One new token that is not accepted is a hiccup, and none for a minute is none. */
  const isRefused = ({ error, sinceMs }: Wait) => error.status === 401 && lived() - sinceMs >= SAY_AFTER_MS;
  const forbiddenMs = ({ forbiddenSinceMs }: Wait) => (forbiddenSinceMs === undefined ? 0 : lived() - forbiddenSinceMs);
  return {
    counts,
    count({ status }) {
      const name = String(status ?? 'none');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    },
    waits(route, error) {
      const before = waiting.get(route);
      const nowMs = lived();
      const forbiddenSinceMs = error.status === 403 ? (before?.forbiddenSinceMs ?? nowMs) : undefined;
      waiting.set(route, { sinceMs: before?.sinceMs ?? nowMs, forbiddenSinceMs, error });
    },
    answered: (route) => void waiting.delete(route),
    lastsMs(route) {
      const wait = waiting.get(route);
      return wait && lived() - wait.sinceMs;
    },
    forbiddenMs(route) {
      const wait = waiting.get(route);
      return wait === undefined ? 0 : forbiddenMs(wait);
    },
    troubles(routes) {
      const waits = [WHOLE_SOURCE, ...routes].flatMap((route) => waiting.get(route) ?? []);
      const all = waits.map((wait) => ({
        reason: messageOf(wait.error),
        advice: wait.error.advice,
        lastsMs: lived() - wait.sinceMs,
        isFailing: wait.error.isLockedOut || isRefused(wait) || forbiddenMs(wait) >= FORBIDDEN_FOR_MS,
      }));
      return all.sort((one, other) => other.lastsMs - one.lastsMs);
    },
  };
}
