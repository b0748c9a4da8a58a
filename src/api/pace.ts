/** Long work in turns: whatever it takes, health answers meanwhile, and a signal is heard. */
import { setImmediate } from 'node:timers/promises';

/** Work that takes longer lets everything else go on in between. */
const TURN_MS = 25;

export interface Pace {
  /** Whether the work has gone on for long enough. */
  isDue(): boolean;
  /** Lets everything else have its turn. */
  turn(): Promise<void>;
}

export function createPace(): Pace {
  let since = performance.now();
  return {
    isDue: () => performance.now() - since > TURN_MS,
    async turn() {
      await setImmediate();
      since = performance.now();
    },
  };
}

/** Runs work that says by `yield` where it may be interrupted. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  const pace = createPace();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value as T;
    if (pace.isDue()) await pace.turn();
  }
}

/** The same work without a break. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value as T;
  }
}
