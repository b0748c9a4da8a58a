/** Prepares the state so that the next walk ships what `verify` found missing, under the ids that it would have had. */
import type { PipelineState } from '../../state/store.ts';
import type { Verdict } from './verify.ts';

export interface Repair {
  /** Takes a difference up; returns why nothing can be done about it. */
  take(difference: Verdict): string | undefined;
  /** Changes the state. Returns whether a walk has anything to do. */
  apply(): boolean;
}

/** Why an older revision is beyond repair, unless it is kept. */
export const OLDER = 'an older revision cannot be had again, and is not kept (`raw.keep`)';

const AT_ONCE = 1000;

export function openRepair(state: PipelineState, isOfChildren: boolean, removesDoubles: boolean): Repair {
  let undelivered: { key: string; ordinal: number }[] = [];
  let changed: string[] = [];
  let hasWork = false;
  const flush = () => {
    if (undelivered.length > 0) state.undeliver(undelivered);
    if (changed.length > 0) state.compareAnew(changed);
    undelivered = [];
    changed = [];
  };
  return {
    take(difference) {
      const { kind, key, ordinal, isKnown = false, isOlder = false } = difference;
      if (kind === 'doubled' && removesDoubles) return undefined;
      if (kind === 'doubled') return 'what is there twice is not removed without --remove-doubles';
      if (kind === 'missing' && isOlder) return OLDER;
      if (kind === 'extra' && !isKnown) return 'nobody knows whether it belongs there';
      if (kind === 'expired') return undefined;
      hasWork = true;
      if (kind === 'missing' && isKnown) undelivered.push({ key, ordinal });
      else if (kind === 'stale') changed.push(key);
      if (undelivered.length + changed.length >= AT_ONCE) flush();
      return undefined;
    },
    apply() {
      flush();
      if (hasWork && isOfChildren) state.readChildrenAgain();
      return hasWork;
    },
  };
}
