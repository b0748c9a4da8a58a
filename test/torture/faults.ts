/** What was done to Sluice in a run, by where and what: a run that met too few faults proves nothing. */

/** Where faults come from. */
export const PLACES = ['vendor', 'network', 'sink', 'disk', 'clock', 'process'] as const;
export type Place = (typeof PLACES)[number];
export type Faults = Partial<Record<Place, Record<string, number>>>;

export interface FaultCount {
  hit(place: Place, kind: string, times?: number): void;
  faults: Faults;
}

export function countFaults(): FaultCount {
  const faults: Faults = {};
  return {
    faults,
    hit(place, kind, times = 1) {
      if (times === 0) return;
      const kinds = faults[place] ?? {};
      faults[place] = { ...kinds, [kind]: (kinds[kind] ?? 0) + times };
    },
  };
}

/** Of one place, or of all. */
export function sumOf(faults: Faults, place?: Place): number {
  const places = place === undefined ? PLACES : [place];
  return places.flatMap((one) => Object.values(faults[one] ?? {})).reduce((sum, one) => sum + one, 0);
}

/** Something that goes wrong once, at the n-th time that it can. */
export interface Mishap<Kind extends string> {
  kind: Kind;
  nth: number;
}

export interface Mishaps<Kind extends string> {
  /** Counts one more occasion, and says what goes wrong at it. */
  next(): Kind | undefined;
  /** Whether none is to come any more. */
  done(): boolean;
}

export function mishapsOf<Kind extends string>(planned: readonly Mishap<Kind>[]): Mishaps<Kind> {
  const left = [...planned].sort((one, other) => one.nth - other.nth);
  let occasions = 0;
  return {
    next() {
      occasions++;
      const [first] = left;
      return first !== undefined && occasions >= first.nth ? left.shift()?.kind : undefined;
    },
    done: () => left.length === 0,
  };
}
