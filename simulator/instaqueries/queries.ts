import type { Facts } from '../attributes.ts';
import { createLifecycle, type ItemLifecycle, type Stages } from '../lifecycle.ts';
import type { Settings } from '../settings.ts';
import { createGiant, type Giant } from './giant.ts';
import { planOf, type QueryPlan, type QueryState, queryCount, stagesOf, stateOf } from './kinds.ts';
import { queryId, queryIndexOf, queryJson, queryName } from './query-json.ts';
import { resultsJson } from './results.ts';

/** The replies that a state must be served in. */
export const PART = { detail: 1, results: 2 } as const;

/** All InstaQueries of the tenant, and the present state of each. */
export interface Queries {
  count: number;
  lifecycle: ItemLifecycle;
  planOf(index: number): QueryPlan;
  stateOf(index: number, step?: number): QueryState;
  idOf(index: number): string;
  /** The number of an id that is (or once was) a query of this tenant. */
  find(id: string): number | undefined;
  /** The giant results, if this is the giant query. */
  giantAt(index: number): Giant | undefined;
  /** The queries of a list, newest first. `term` is searched in name, artifact, values and zones, in lower case. */
  listed(archived: boolean, term: string): number[];
  json(index: number, step?: number): string;
  /** The results of a query; every call may return another order. */
  results(index: number): string;
}

function changesOf(settings: Settings, count: number): Map<number, Stages> {
  const changes = new Map<number, Stages>();
  for (let index = settings.instaQueries; index < count; index++) {
    const stages = stagesOf(planOf(settings, index).kind);
    if (stages) changes.set(index, stages);
  }
  return changes;
}

export function createQueries(facts: Facts, settings: Settings): Queries {
  const { seed, giantResults, giantResultForm } = settings;
  const count = queryCount(settings);
  const reads = new Map<number, number>();
  const plan = (index: number) => planOf(settings, index);
  // A query that says that it has no results need not be asked for them.
  const partsOf = (index: number, step: number) =>
    stateOf(plan(index), step).results > 0 ? PART.detail | PART.results : PART.detail;
  const lifecycle = createLifecycle({ count, changes: changesOf(settings, count), partsOf }, settings.living);
  const state = (index: number, step = lifecycle.stepOf(index)) => stateOf(plan(index), step);
  const json = (index: number, step?: number) => queryJson(facts, plan(index), state(index, step));
  const giant =
    giantResults > 0 ? createGiant(seed, queryId(seed, count - 1), giantResults, giantResultForm) : undefined;
  const mentions = (index: number, term: string) =>
    term === '' || queryName(index).toLowerCase().includes(term) || json(index).toLowerCase().includes(term);

  return {
    count,
    lifecycle,
    planOf: plan,
    stateOf: state,
    idOf: (index) => queryId(seed, index),
    find: (id) => {
      const index = queryIndexOf(seed, id);
      return index !== undefined && index < count ? index : undefined;
    },
    giantAt: (index) => (index === count - 1 ? giant : undefined),
    listed: (archived, term) => {
      const found: number[] = [];
      for (let index = count - 1; index >= 0; index--) {
        if (!lifecycle.isGone(index) && (archived || !state(index).archived) && mentions(index, term))
          found.push(index);
      }
      return found;
    },
    json,
    results: (index) => {
      const before = reads.get(index) ?? 0;
      reads.set(index, before + 1);
      return resultsJson(facts, plan(index), state(index), before);
    },
  };
}
