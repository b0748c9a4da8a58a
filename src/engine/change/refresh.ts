/** When a detail is asked for again: comments and responses never show in the list. */
export interface RefreshSettings {
  /** Rising pauses; the last repeats. Empty: never. */
  stepsMs: readonly number[];
  /** The detail of a record that was seen first longer ago than this is not asked for again. */
  forMs: number;
}

interface RefreshFacts {
  open: boolean;
  /** The detail could not be had: it is asked for soon, whether the record is open or not. */
  detailMissing: boolean;
  /** Whether this is a change of a record that was known. */
  changed: boolean;
  /** When the record was seen first; the time that it names itself may be any. */
  seenMs: number;
  /** The pause before; 0 for a record that is new. */
  previousMs: number;
}

/** The next pause; 0 for none. A record that just changed is watched closely, an old one that is quiet seldom. */
export function refreshPauseMs(facts: RefreshFacts, settings: RefreshSettings, nowMs: number): number {
  const { stepsMs, forMs } = settings;
  const [first] = stepsMs;
  if (first === undefined) return 0;
  const last = stepsMs.at(-1) as number;
  const ageMs = nowMs - facts.seenMs;
  if (!facts.detailMissing && (!facts.open || ageMs > forMs)) return 0;
  if (facts.changed) return first;
  const longerThan = facts.previousMs > 0 ? facts.previousMs : facts.detailMissing ? 0 : ageMs / 2;
  return stepsMs.find((step) => step > longerThan) ?? last;
}
