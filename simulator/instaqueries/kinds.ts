import { fraction, mix, SALT } from '../hash.ts';
import type { Stages } from '../lifecycle.ts';
import type { Settings } from '../settings.ts';

/** The kinds of queries. The last three change; the results of the `giant` one are made while they are sent. */
export type Kind =
  | 'hits'
  | 'none'
  | 'archived'
  | 'pending'
  | 'stalled'
  | 'giant'
  | 'grows'
  | 'growsArchived'
  | 'growsDeleted';

export type QueryArtifact = 'File' | 'Process' | 'NetworkConnection' | 'RegistryKey' | 'Driver';

/** A dozen queries have every kind, and hits of every artifact; `Driver` is an undocumented type. */
const CYCLE: readonly [kind: Kind, artifact: QueryArtifact][] = [
  ['hits', 'File'],
  ['hits', 'Process'],
  ['archived', 'File'],
  ['hits', 'NetworkConnection'],
  ['none', 'Process'],
  ['hits', 'RegistryKey'],
  ['pending', 'File'],
  ['hits', 'Driver'],
  ['hits', 'File'],
  ['stalled', 'Process'],
  ['none', 'RegistryKey'],
  ['archived', 'NetworkConnection'],
];
const ARTIFACTS: readonly QueryArtifact[] = ['File', 'Process', 'NetworkConnection', 'RegistryKey'];

/** The share of answers in each state, and the state from which on the query is archived. */
const GROWTH: Partial<Record<Kind, { shares: number[]; archivedFrom?: number; deleted: boolean }>> = {
  grows: { shares: [0.2, 0.45, 0.7, 1], deleted: false },
  growsArchived: { shares: [0.25, 0.5, 0.5, 0.75, 1], archivedFrom: 2, deleted: false },
  growsDeleted: { shares: [0.3, 0.6], deleted: true },
};

/** The parts of a query that its number alone decides. */
export interface QueryPlan {
  index: number;
  kind: Kind;
  artifact: QueryArtifact;
  /** The number of distinct results when all devices have answered. */
  results: number;
  queried: number;
  /** When the query was started. Ascends with the index. */
  time: number;
}

/** A query in one of its states. */
export interface QueryState {
  responded: number;
  /** The number of distinct results so far. */
  results: number;
  archived: boolean;
  status: 'done' | 'running' | 'pending';
}

export function queryCount({ instaQueries, giantResults, living }: Settings): number {
  const growing = (living?.queriesGrow ?? 0) + (living?.queriesArchived ?? 0) + (living?.queriesDeleted ?? 0);
  return instaQueries + growing + (giantResults > 0 ? 1 : 0);
}

/** The kind of a query: ordinary queries are the oldest, then come changing ones, and the giant is the newest. */
function kindOf({ instaQueries, living }: Settings, index: number): [Kind, QueryArtifact] {
  let place = index - instaQueries;
  if (place < 0) return CYCLE[index % CYCLE.length] as [Kind, QueryArtifact];
  const artifact = ARTIFACTS[place % ARTIFACTS.length] as QueryArtifact;
  if (place < (living?.queriesGrow ?? 0)) return ['grows', artifact];
  place -= living?.queriesGrow ?? 0;
  if (place < (living?.queriesArchived ?? 0)) return ['growsArchived', artifact];
  place -= living?.queriesArchived ?? 0;
  return place < (living?.queriesDeleted ?? 0) ? ['growsDeleted', artifact] : ['giant', 'File'];
}

export function planOf(settings: Settings, index: number): QueryPlan {
  const { seed, startTime, endTime, giantResults, resultsPerQuery } = settings;
  const [kind, artifact] = kindOf(settings, index);
  const place = (index + fraction(seed, index, SALT.query)) / queryCount(settings);
  const time = Math.floor(startTime + place * (endTime - startTime));
  const about = Math.round(resultsPerQuery * (0.5 + fraction(seed, index, SALT.query + 100)));
  const results = kind === 'giant' ? giantResults : kind === 'none' || kind === 'pending' ? 0 : about;
  const queried = kind === 'giant' ? 5000 : 40 + (mix(seed, index, SALT.query + 200) % 460);
  return { index, kind, artifact, results, queried, time };
}

export function stagesOf(kind: Kind): Stages | undefined {
  const growth = GROWTH[kind];
  return growth && { states: growth.shares.length, deleted: growth.deleted };
}

export function stateOf({ kind, queried, results }: QueryPlan, step: number): QueryState {
  if (kind === 'pending') return { responded: 0, results: 0, archived: false, status: 'pending' };
  const growth = GROWTH[kind];
  const share = kind === 'stalled' ? 0.6 : (growth?.shares[step] ?? 1);
  return {
    responded: Math.floor(queried * share),
    results: Math.ceil(results * share),
    archived: kind === 'archived' || step >= (growth?.archivedFrom ?? Number.POSITIVE_INFINITY),
    status: share < 1 ? 'running' : 'done',
  };
}
