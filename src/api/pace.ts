/** Splits long work into turns, so that health and signals are answered in between. */
import { setImmediate } from 'node:timers/promises';

/** Work that takes longer pauses for other work. */
const TURN_MS = 25;

export interface Pace {
  /** Whether the work has gone on for long enough. */
  isDue(): boolean;
  /** Lets other work run, then begins the next turn. */
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

/** Runs a generator that yields wherever it may be interrupted. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  const pace = createPace();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value as T;
    if (pace.isDue()) await pace.turn();
  }
}

/** Runs the same kind of generator without a break. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value as T;
  }
}
