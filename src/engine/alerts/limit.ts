/**
 * The most alerts of a source in an hour: what comes above it is shipped as an event with a tag, and one alert says so.
 *
 * It is decided when a batch is about to be prepared, and counted in the commit of that batch: what did not arrive is read
 * again and decided anew, what arrived is known by its id, which does not depend on it.
 */
import type { Json } from '../../api/document.ts';
import type { PipelineState } from '../../state/store.ts';

export const HOUR_MS = 3_600_000;

/** What a pipeline raised and held, stored with its batches. */
export interface AlertCounts {
  hourMs: number;
  /** Alerts of that hour. */
  raised: number;
  /** Hours in which documents were held, the newest last. */
  held: { hourMs: number; documents: number }[];
}

/** The fact with the counts of a pipeline. */
const FACT = 'alerts';
/** Hours that are remembered: each was told of long before. */
const MOST_HOURS = 200;

/** A change that may raise an alert: then it knows what it would be as an event with a tag. */
interface Limited {
  asHeld?: () => object | undefined;
}

/** What becomes of the alerts of a batch. */
export interface Decided {
  hourMs: number;
  raised: number;
  held: number;
}

/** Shared by the pipelines of a source that write into the same sink. */
export interface AlertLimit {
  readonly maxPerHour: number;
  /** Counts what the pipeline raised in this hour before it was opened. */
  join(state: Pick<PipelineState, 'fact'>): void;
  /** What becomes of them; the second is the changes, those above the limit as events. */
  decide<C extends Limited>(changes: readonly C[]): [Decided, C[]];
  /** The batch was not committed: none of its alerts counts. */
  takeBack(decided: Decided): void;
}

export function createAlertLimit(maxPerHour: number, now: () => number): AlertLimit {
  let hourMs = hourOf(now());
  let raised = 0;
  const atThisHour = (): void => {
    const current = hourOf(now());
    if (current === hourMs) return;
    hourMs = current;
    raised = 0;
  };
  return {
    maxPerHour,
    join(state) {
      atThisHour();
      const counts = alertCounts(state);
      if (counts.hourMs === hourMs) raised += counts.raised;
    },
    decide(changes) {
      atThisHour();
      const decided: Decided = { hourMs, raised: 0, held: 0 };
      const all = changes.map((change) => {
        const held = change.asHeld === undefined || raised < maxPerHour ? undefined : change.asHeld();
        if (held !== undefined) decided.held++;
        else if (change.asHeld !== undefined) {
          raised++;
          decided.raised++;
        }
        return held === undefined ? change : { ...change, ...held, asHeld: undefined };
      });
      return [decided, all];
    },
    takeBack(decided) {
      if (decided.hourMs === hourMs) raised = Math.max(0, raised - decided.raised);
    },
  };
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}

export function alertCounts(state: Pick<PipelineState, 'fact'>): AlertCounts {
  return (state.fact(FACT) as AlertCounts | undefined) ?? { hourMs: 0, raised: 0, held: [] };
}

/** The counts with those of a batch, to be stored in its commit; nothing where there was no alert in it. */
export function factsWith(
  state: Pick<PipelineState, 'fact'>,
  decided: Decided | undefined,
): { readonly [name: string]: Json } {
  if (decided === undefined || decided.raised + decided.held === 0) return {};
  const { hourMs, raised, held } = decided;
  const before = alertCounts(state);
  const hours = before.held.filter((one) => one.hourMs !== hourMs).slice(-MOST_HOURS);
  const same = before.held.find((one) => one.hourMs === hourMs)?.documents ?? 0;
  if (same + held > 0) hours.push({ hourMs, documents: same + held });
  return { [FACT]: { hourMs, raised: raised + (before.hourMs === hourMs ? before.raised : 0), held: hours } };
}
