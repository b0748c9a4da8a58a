import type { Lifecycle, Waiting } from './resource.ts';
import type { World } from './world.ts';

/** Counters of everything that happened so far, for tests and people. */
export interface Counters {
  requests: number;
  byEndpoint: Record<string, number>;
  byStatus: Record<string, number>;
  /** Calls that would have changed something at the vendor: a connector must make none. */
  forbiddenCalls: number;
  inFlight: number;
  maxInFlight: number;
}

export interface Status extends Omit<Counters, 'inFlight'> {
  /** Changes still to come. */
  pending: number;
  /** The reasons why changes wait. */
  waitingFor: Waiting;
  /** Items whose present state has not been served yet. */
  unserved: number;
  faultsDone: Record<string, number>;
  unusedFaults: string[];
  tokens: number;
}

export function createCounters(): Counters {
  return { requests: 0, byEndpoint: {}, byStatus: {}, forbiddenCalls: 0, inFlight: 0, maxInFlight: 0 };
}

function waitingFor(lifecycles: readonly Lifecycle[]): Waiting {
  const total: Waiting = { event: 0, serving: 0, dwell: 0, confirmation: 0 };
  for (const lifecycle of lifecycles) {
    const own = lifecycle.waitingFor();
    for (const cause of Object.keys(total) as (keyof Waiting)[]) total[cause] += own[cause];
  }
  return total;
}

export function readStatus(world: World, counters: Counters): Status {
  const { inFlight: _inFlight, ...counts } = counters;
  const { lifecycles, faults, tokens } = world;
  return {
    ...counts,
    byEndpoint: { ...counts.byEndpoint },
    byStatus: { ...counts.byStatus },
    pending: lifecycles.reduce((sum, lifecycle) => sum + lifecycle.pending(), 0),
    waitingFor: waitingFor(lifecycles),
    unserved: lifecycles.reduce((sum, lifecycle) => sum + lifecycle.unserved(), 0),
    faultsDone: faults.done(),
    unusedFaults: faults.unused(),
    tokens: tokens.issued(),
  };
}
