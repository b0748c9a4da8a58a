/** The refusals that a source meets: counted for the metrics, and reported by health for as long as they last. */
import type { Refusals } from '../api/connector.ts';
import { messageOf, type SluiceError } from '../api/errors.ts';

/** The refusal of a scope that has worked counts as temporary, but after this time a person should know. */
export const FORBIDDEN_FOR_MS = 3_600_000;
/** A refusal that lasts longer than this is reported. */
export const SAY_AFTER_MS = 60_000;

interface Wait {
  sinceMs: number;
  /** Since when there was nothing but 403s. */
  forbiddenSinceMs: number | undefined;
  error: SluiceError;
}

/** Stands for all routes, when the vendor refuses all requests of the source. */
export const WHOLE_SOURCE = '';

export function createRefusals(lived: () => number): Refusals {
  const counts = new Map<string, number>();
  const waiting = new Map<string, Wait>();
  /** The vendor has refused tokens for a minute; a single refused token may be a hiccup. */
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
        status: wait.error.status,
        isFailing: wait.error.isLockedOut || isRefused(wait) || forbiddenMs(wait) >= FORBIDDEN_FOR_MS,
      }));
      return all.sort((one, other) => other.lastsMs - one.lastsMs);
    },
  };
}
