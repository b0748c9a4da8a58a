/** The changes of a tenant while it is read. All counts default to 0. */
export interface LivingOptions {
  /** New detections with the present time. */
  arrivals?: number;
  /** New detections that occurred days ago. */
  lateArrivals?: number;
  /** New detections of endpoints whose clocks are ahead by a minute up to a year. */
  fastClocks?: number;
  /** New detections of endpoints whose clocks were reset to 1980. */
  resetClocks?: number;
  /** Detections whose status changes once or twice. */
  statusChanges?: number;
  /** Detections whose status goes from New to Done and back. */
  returns?: number;
  /** Detections whose comment changes, which only the detail shows. */
  commentChanges?: number;
  /** Detections that get a response later, which only the detail shows. */
  responseChanges?: number;
  /** Detections that are deleted after they were served. */
  deletions?: number;
  /** Detections that are deleted before they were served. */
  deletionsUnseen?: number;
  /** InstaQueries that get more answers until they are done. This count and the next two are added to `instaQueries`. */
  queriesGrow?: number;
  /** InstaQueries that are archived while they still get answers. */
  queriesArchived?: number;
  /** InstaQueries that are deleted while they still get answers. */
  queriesDeleted?: number;
  /** Retrieved files (of the `retrievedFiles`) whose status changes. */
  filesMove?: number;
  /** Items of every listed resource (`items`) that go through their states, if the resource has several. */
  itemsMove?: number;
  /** Further items that are deleted, of every listed resource whose items have details. */
  itemsDeleted?: number;
  /** A state lasts at least this long after it was first served. */
  dwellMs?: number;
  /** One arrival (or unseen deletion) after so many requests … */
  everyRequests?: number;
  /** … and one after so many milliseconds, for a reader that makes few requests. */
  everyMs?: number;
  /**
   * A state also lasts until `confirm(id, ordinal)` says that it was delivered. For readers that may be killed between
   * fetching a record and storing it.
   */
  confirm?: boolean;
}

export const LIVING_DEFAULTS: Required<LivingOptions> = {
  arrivals: 0,
  lateArrivals: 0,
  fastClocks: 0,
  resetClocks: 0,
  statusChanges: 0,
  returns: 0,
  commentChanges: 0,
  responseChanges: 0,
  deletions: 0,
  deletionsUnseen: 0,
  queriesGrow: 0,
  queriesArchived: 0,
  queriesDeleted: 0,
  filesMove: 0,
  itemsMove: 0,
  itemsDeleted: 0,
  dwellMs: 2000,
  everyRequests: 5,
  everyMs: 500,
  confirm: false,
};

/** The number of detections that arrive while the simulator runs. */
export function arrivalsOf(living: LivingOptions | undefined): number {
  const { arrivals = 0, lateArrivals = 0, fastClocks = 0, resetClocks = 0 } = living ?? {};
  return arrivals + lateArrivals + fastClocks + resetClocks;
}

export function fillLiving(living: LivingOptions | undefined): Required<LivingOptions> | undefined {
  if (!living) return undefined;
  for (const [name, value] of Object.entries(living)) {
    if (!(name in LIVING_DEFAULTS))
      throw new Error(`simulator: unknown living option "${name}"; known: ${Object.keys(LIVING_DEFAULTS).join(', ')}`);
    if (typeof value === 'number' && !(value >= 0))
      throw new Error(`simulator: living option "${name}" must not be negative`);
  }
  return { ...LIVING_DEFAULTS, ...living };
}
