import { type Facts, initialStatus, type State } from '../attributes.ts';
import { drawsFor, mix, SALT } from '../hash.ts';
import type { LivingOptions } from '../living-options.ts';
import { SAMPLE_COUNT } from './list-item.ts';

/** The states a detection goes through, fixed by the seed; after the last it may be deleted. */
export interface DetectionStages {
  states: State[];
  deleted: boolean;
  /** The detection is deleted before it is served, unless a reader is quicker. */
  unseen: boolean;
}

/** How a new detection arrives: now, days late, or from an endpoint whose clock is ahead or was reset. */
export type Arrival = 'arrival' | 'late' | 'fast' | 'reset';

/** An event of the tenant: a detection arrives, or is deleted before it is served. */
export type Event = { kind: Arrival | 'unseen'; serial: number };

export interface Plan {
  changes: Map<number, DetectionStages>;
  events: Event[];
}

const NEW = 0;
const STATUS_WAYS = [
  [NEW, 4],
  [NEW, 1, 5],
  [NEW, 1, 4],
  [NEW, 2, 3],
  [1, 4],
];

function withStatus(status: number): State {
  return { status, comment: 0, responses: 0 };
}

/** The first final status. Connectors only refresh open detections, so a new comment or response of a closed one would be seen too late. */
const FIRST_CLOSED = 4;
const open = (status: number): number => (status >= FIRST_CLOSED ? NEW : status);

type Make = (status: number, draw: number) => DetectionStages;

const kept = (states: State[]): DetectionStages => ({ states, deleted: false, unseen: false });

/** The kinds of changes: each makes the states of a detection that begins with `status`. */
const MAKERS: { option: keyof LivingOptions; make: Make; needsDetail?: boolean; oldOnly?: boolean }[] = [
  { option: 'statusChanges', make: (_, draw) => kept((STATUS_WAYS[draw % STATUS_WAYS.length] ?? []).map(withStatus)) },
  { option: 'returns', make: () => kept([NEW, 4, NEW].map(withStatus)) },
  {
    option: 'commentChanges',
    needsDetail: true,
    make: (status, draw) =>
      kept(Array.from({ length: 2 + (draw % 2) }, (_, comment) => ({ status: open(status), comment, responses: 0 }))),
  },
  {
    option: 'responseChanges',
    needsDetail: true,
    make: (status, draw) =>
      kept(Array.from({ length: 2 + (draw % 2) }, (_, responses) => ({ status: open(status), comment: 0, responses }))),
  },
  {
    option: 'deletions',
    needsDetail: true,
    make: (status) => ({ states: [withStatus(status)], deleted: true, unseen: false }),
  },
  {
    option: 'deletionsUnseen',
    oldOnly: true,
    needsDetail: true,
    make: (status) => ({ states: [withStatus(status)], deleted: true, unseen: true }),
  },
];

function shuffle<T>(list: T[], seed: number): void {
  const draws = drawsFor(seed, list.length, SALT.planEvents);
  for (let last = list.length - 1; last > 0; last--) {
    const other = draws.below(last + 1);
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
}

function makeChanges(
  facts: Facts,
  detections: number,
  all: number,
  options: Required<LivingOptions>,
  fails: (serial: number) => boolean,
) {
  const changes = new Map<number, DetectionStages>();
  let tries = 0;
  const choose = (limit: number, usable: (serial: number) => boolean): number => {
    for (const until = tries + 40 * all + 1000; tries < until; tries++) {
      const serial = mix(facts.seed, tries, SALT.plan) % Math.max(1, limit);
      if (serial >= SAMPLE_COUNT && serial < limit && !changes.has(serial) && usable(serial)) return serial;
    }
    throw new Error('simulator: more changes are planned than there are detections to change');
  };
  for (const { option, make, needsDetail, oldOnly } of MAKERS) {
    for (let left = Number(options[option]); left > 0; left--) {
      // When the detail fails for ever, a change that only the detail shows cannot be seen, and a deletion looks like the
      // failure.
      const serial = choose(oldOnly ? detections : all, (candidate) => !(needsDetail && fails(candidate)));
      changes.set(serial, make(initialStatus(facts, serial), mix(facts.seed, serial, SALT.plan + 500)));
    }
  }
  return changes;
}

export function makePlan(
  facts: Facts,
  detections: number,
  options: Required<LivingOptions>,
  fails: (serial: number) => boolean,
): Plan {
  const all = detections + options.arrivals + options.lateArrivals;
  const changes = makeChanges(facts, detections, all, options, fails);
  const events: Event[] = [];
  const kinds: readonly [Arrival, number][] = [
    ['arrival', options.arrivals],
    ['late', options.lateArrivals],
    ['fast', options.fastClocks],
    ['reset', options.resetClocks],
  ];
  let serial = detections;
  for (const [kind, count] of kinds) for (let left = count; left > 0; left--) events.push({ kind, serial: serial++ });
  for (const [serial, stages] of changes) if (stages.unseen) events.push({ kind: 'unseen', serial });
  shuffle(events, facts.seed);
  return { changes, events };
}
