/** What a heartbeat says of a pipeline: how far it is, what it did since the last one, and whether it is well. */
import ecsPackage from '@elastic/ecs/package.json' with { type: 'json' };
import type { EcsDocument } from '../api/document.ts';
import { bounded } from '../api/inert.ts';
import type { Statistics } from './statistics.ts';

interface Told {
  /** The id of the state: two Sluices that tell of one pipeline can be told apart. */
  agentId: string;
  version: string;
  everyMs: number;
  nowMs: number;
  source: { name: string; tenantId: string };
  stream: string;
  sink: string;
  /** As health has it. */
  condition: { status: string; why?: string };
}

const COUNTED = ['delivered', 'rejected', 'windows', 'unsettled'] as const;
/** What was counted when the last heartbeat was delivered. */
export type Counted = Record<(typeof COUNTED)[number], number>;

export const NOTHING_COUNTED: Counted = { delivered: 0, rejected: 0, windows: 0, unsettled: 0 };

export function countedBy(statistics: Statistics): Counted {
  return Object.fromEntries(COUNTED.map((name) => [name, statistics[name]])) as Counted;
}

/** A status longer than this is not searched for. */
const LONGEST_WHY = 500;

export function heartbeatOf(statistics: Statistics, before: Counted, told: Told): EcsDocument {
  const { agentId, version, everyMs, nowMs, source, stream, sink, condition } = told;
  const { settledMs, owed, gaps, name } = statistics;
  const until = settledMs === undefined ? undefined : new Date(settledMs).toISOString();
  const since = Object.fromEntries(COUNTED.map((count) => [count, statistics[count] - before[count]]));
  return {
    '@timestamp': new Date(nowMs).toISOString(),
    ecs: { version: ecsPackage.version },
    event: { kind: 'metric', module: 'sluice', dataset: 'sluice.heartbeat', category: ['host'], type: ['info'] },
    message: `${name} is ${condition.status}, settled up to ${until ?? 'nothing yet'}`,
    agent: { id: agentId, type: 'sluice', version },
    organization: { id: source.tenantId },
    sluice: {
      heartbeat: {
        ...{ pipeline: name, source: source.name, stream, sink, interval: everyMs / 1000, status: condition.status },
        ...(condition.why === undefined ? {} : { why: bounded(condition.why, LONGEST_WHY) }),
        ...(until === undefined ? {} : { settled_until: until }),
        ...{ ...since, owed, gaps: gaps.count },
      },
    },
  };
}
