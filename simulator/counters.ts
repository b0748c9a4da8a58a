import type { Lifecycle, Waiting } from './resource.ts';
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
  /** Items whose present state nobody has been served yet. */
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
