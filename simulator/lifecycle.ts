import { LIVING_DEFAULTS, type LivingOptions } from './living-options.ts';
import type { Lifecycle, Waiting } from './resource.ts';

/** The number of states of an item, and whether it is deleted after them. */
export interface Stages {
  states: number;
  deleted: boolean;
}

/**
 * Changes that a perfect connector cannot miss: an item reaches its next state only after the present one has been served
 * whole, has lasted for a while and, if required, its delivery was confirmed. So even a slow reader sees every state.
 */
export interface ItemLifecycle extends Lifecycle {
  stepOf(index: number): number;
  isGone(index: number): boolean;
  /** Whether the present state was served whole. */
  isServed(index: number): boolean;
  /** Deletes an item at once. */
  drop(index: number): void;
  /** Returns a function to call once a part (one bit) of the items' present states was sent whole. */
  servedLater(indexes: readonly number[], part: number): () => void;
  confirm(index: number, ordinal: number): void;
  /** The number of states so far, and whether the item was deleted after them. */
  history(index: number): Stages;
}

/** Confirms revisions of items that have one record in each state, found by their id. */
export function confirmedBy({ find, lifecycle }: { find(id: string): number | undefined; lifecycle: ItemLifecycle }) {
  return (id: string, ordinal: number): boolean => {
    const index = find(id);
    if (index !== undefined) lifecycle.confirm(index, ordinal);
    return index !== undefined;
  };
}

interface Progress extends Stages {
  step: number;
  gone: boolean;
  confirmed: boolean;
  servedAt?: number;
}

export interface LifecyclePlan {
  count: number;
  /** The items that change; all others stay in their first state. */
  changes: ReadonlyMap<number, Stages>;
  /** The parts in which a state must be served, as bits. */
  partsOf(index: number, step: number): number;
  /** Called when an item has reached its next state, or (without a step) was deleted. */
  moved?(index: number, step?: number): void;
  /** Whether an item exists. Default: all that were not deleted. */
  isThere?(index: number): boolean;
}

export function createLifecycle(plan: LifecyclePlan, given?: Required<LivingOptions>): ItemLifecycle {
  const { count, changes, partsOf } = plan;
  const options = given ?? LIVING_DEFAULTS;
  const parts = new Uint8Array(count);
  const progress = new Map<number, Progress>();
  for (const [index, stages] of changes) progress.set(index, { ...stages, step: 0, gone: false, confirmed: false });
  /** Items with a next state whose present one was served whole, in the order of serving. */
  const waiting = new Set<number>();
  let paused = false;

  const left = ({ gone, states, deleted, step }: Progress) => (gone ? 0 : states - step - 1 + (deleted ? 1 : 0));
  const stepOf = (index: number) => progress.get(index)?.step ?? 0;
  const isGone = (index: number) => progress.get(index)?.gone ?? false;
  const isServed = (index: number) => {
    const served = parts[index] ?? 0;
    if (served === 0) return false;
    const wanted = partsOf(index, stepOf(index));
    return (served & wanted) === wanted;
  };

  const advance = (index: number, entry: Progress): void => {
    waiting.delete(index);
    if (entry.step + 1 === entry.states) {
      entry.gone = true;
      plan.moved?.(index);
      return;
    }
    entry.step++;
    plan.moved?.(index, entry.step);
    entry.servedAt = undefined;
    entry.confirmed = false;
    parts[index] = 0;
  };

  const waitsFor = (entry: Progress): keyof Waiting | undefined => {
    if (entry.servedAt === undefined) return 'serving';
    if (Date.now() < entry.servedAt + options.dwellMs) return 'dwell';
    return options.confirm && !entry.confirmed ? 'confirmation' : undefined;
  };

  const advanceDue = (): void => {
    if (paused) return;
    for (const index of waiting) {
      const entry = progress.get(index);
      const cause = entry && waitsFor(entry);
      // All states last equally long: the items behind this one were served later.
      if (cause === 'dwell') return;
      if (entry && cause === undefined) advance(index, entry);
    }
  };

  const serve = (index: number, step: number, part: number): void => {
    if (step !== stepOf(index)) return;
    parts[index] = (parts[index] ?? 0) | part;
    const entry = progress.get(index);
    if (!entry || entry.servedAt !== undefined || !isServed(index) || left(entry) === 0) return;
    entry.servedAt = Date.now();
    waiting.add(index);
  };

  const timer = progress.size > 0 ? setInterval(advanceDue, 50) : undefined;
  timer?.unref();

  return {
    ...{ stepOf, isGone, isServed },
    drop: (index) => {
      const entry = progress.get(index);
      if (entry) entry.gone = true;
    },
    servedLater: (indexes, part) => {
      const steps = indexes.map((index) => [index, stepOf(index)] as const);
      return () => {
        for (const [index, step] of steps) serve(index, step, part);
      };
    },
    confirm: (index, ordinal) => {
      const entry = progress.get(index);
      if (entry?.step === ordinal - 1) entry.confirmed = true;
      advanceDue();
    },
    history: (index) => ({ states: stepOf(index) + 1, deleted: isGone(index) }),
    requestDone: advanceDue,
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      advanceDue();
    },
    pending: () => [...progress.values()].reduce((sum, entry) => sum + left(entry), 0),
    waitingFor: () => {
      const counts: Waiting = { event: 0, serving: 0, dwell: 0, confirmation: 0 };
      // An item that is due advances at the next call: until then it counts as waiting for its time.
      for (const entry of progress.values()) if (left(entry) > 0) counts[waitsFor(entry) ?? 'dwell']++;
      return counts;
    },
    unserved: () => {
      let found = 0;
      const isThere = plan.isThere ?? ((index: number) => !isGone(index));
      for (let index = 0; index < count; index++) if (!isServed(index) && isThere(index)) found++;
      return found;
    },
    close: () => clearInterval(timer),
  };
}
