import type { Waiting } from './detections/living-progress.ts';
import type { World } from './world.ts';

/** What happened so far; written by the server, read by tests and people. */
export interface Counters {
  requests: number;
  byEndpoint: Record<string, number>;
  byStatus: Record<string, number>;
  /** Calls that would have changed something: a connector that only reads makes none. */
  forbiddenCalls: number;
  inFlight: number;
  maxInFlight: number;
}

export interface Status extends Omit<Counters, 'inFlight'> {
  /** Changes still to come. */
  pending: number;
  /** What those changes wait for. */
  waitingFor: Waiting;
  /** Detections, queries and files whose present state nobody has been served yet. */
  unserved: number;
  faultsDone: Record<string, number>;
  unusedFaults: string[];
  tokens: number;
}

export function createCounters(): Counters {
  return { requests: 0, byEndpoint: {}, byStatus: {}, forbiddenCalls: 0, inFlight: 0, maxInFlight: 0 };
}

function unserved({ tenant, living, courses }: World): number {
  let count = courses.reduce((sum, changing) => sum + changing.unserved(), 0);
  for (let serial = 0; serial < living.serials(); serial++) {
    if (!living.isServed(serial) && tenant.order.exists(serial)) count++;
  }
  return count;
}

function waitingFor({ living, courses }: World): Waiting {
  const total = living.waitingFor();
  for (const changing of courses) {
    const { serving, dwell, confirmation } = changing.waitingFor();
    total.serving += serving;
    total.dwell += dwell;
    total.confirmation += confirmation;
  }
  return total;
}

export function readStatus(world: World, counters: Counters): Status {
  const { inFlight: _inFlight, ...counts } = counters;
  return {
    ...counts,
    byEndpoint: { ...counts.byEndpoint },
    byStatus: { ...counts.byStatus },
    pending: [world.living, ...world.courses].reduce((sum, changing) => sum + changing.pending(), 0),
    waitingFor: waitingFor(world),
    unserved: unserved(world),
    faultsDone: world.faults.done(),
    unusedFaults: world.faults.unused(),
    tokens: world.tokens.issued(),
  };
}
