/** What can be done about what `verify` found, and what cannot. */
import type { PipelineState } from '../../state/store.ts';
import type { Verdict } from './verify.ts';

export interface RepairPlan {
  /** Known as delivered, and not there: to be shipped under the ids that they had. */
  undelivered: Verdict[];
  /** Another revision than what was delivered last. */
  stale: Verdict[];
  /** Missing, and another revision followed. */
  older: Verdict[];
  /** There more than once. */
  doubled: Verdict[];
  /** Nobody knows whether they belong there. */
  unknown: Verdict[];
  /** Whether a walk has anything to do. */
  needsWalk: boolean;
}

export function planRepair(differences: readonly Verdict[]): RepairPlan {
  const of = (kind: Verdict['kind']) => differences.filter((one) => one.kind === kind);
  const [missing, extra, stale] = [of('missing'), of('extra'), of('stale')];
  const latest = missing.filter(({ isOlder = false }) => !isOlder);
  return {
    undelivered: latest.filter(({ isKnown = false }) => isKnown),
    stale,
    older: missing.filter(({ isOlder = false }) => isOlder),
    doubled: of('doubled'),
    unknown: extra.filter(({ isKnown = false }) => !isKnown),
    needsWalk: latest.length + stale.length > 0 || extra.some(({ isKnown = false }) => isKnown),
  };
}

/** Changes the state so that the next walk ships what is missing and stale. */
export function prepareRepair(state: PipelineState, { undelivered, stale }: RepairPlan, isOfChildren: boolean): void {
  state.undeliver(undelivered);
  state.compareAnew(stale.map(({ key }) => key));
  if (isOfChildren) state.readChildrenAgain();
}
