import type { Facts } from '../attributes.ts';
import { type Course, type Courses, createCourses } from '../lifecycle.ts';
import type { Settings } from '../options.ts';
import { createGiant, type Giant } from './giant.ts';
import { courseOf, planOf, type QueryPlan, type QueryState, queryCount, stateOf } from './kinds.ts';
import { queryId, queryIndexOf, queryJson, queryName } from './query-json.ts';
import { resultsJson } from './results.ts';

/** What must have been served for a state to be known. */
export const PART = { detail: 1, results: 2 } as const;

/** All InstaQueries of the tenant, and the present state of each. */
export interface Queries {
  count: number;
  courses: Courses;
  giant?: Giant;
  planOf(index: number): QueryPlan;
  stateOf(index: number, step?: number): QueryState;
  idOf(index: number): string;
  /** The number of an id that is (or once was) a query of this tenant. */
  find(id: string): number | undefined;
  isGiant(index: number): boolean;
  /** Newest first. `term` looks into name, artifact, values and zones, lower case. */
  listed(archived: boolean, term: string): number[];
  json(index: number, step?: number): string;
  /** Every call may give another order. */
  results(index: number): string;
}

function coursesOf(settings: Settings, count: number): Map<number, Course> {
  const courses = new Map<number, Course>();
  for (let index = settings.instaQueries; index < count; index++) {
    const course = courseOf(planOf(settings, index).kind);
    if (course) courses.set(index, course);
  }
  return courses;
}

export function createQueries(facts: Facts, settings: Settings): Queries {
  const { seed, giantResults, giantResultForm } = settings;
  const count = queryCount(settings);
  const reads = new Map<number, number>();
  const plan = (index: number) => planOf(settings, index);
  // Nobody needs to ask for results where the query itself says that there are none.
  const partsOf = (index: number, step: number) =>
    stateOf(plan(index), step).results > 0 ? PART.detail | PART.results : PART.detail;
  const courses = createCourses({ count, courses: coursesOf(settings, count), partsOf }, settings.living);
  const state = (index: number, step = courses.stepOf(index)) => stateOf(plan(index), step);
  const json = (index: number, step?: number) => queryJson(facts, plan(index), state(index, step));
  const mentions = (index: number, term: string) =>
    term === '' || queryName(index).toLowerCase().includes(term) || json(index).toLowerCase().includes(term);

  return {
    count,
    courses,
    giant: giantResults > 0 ? createGiant(seed, queryId(seed, count - 1), giantResults, giantResultForm) : undefined,
    planOf: plan,
    stateOf: state,
    idOf: (index) => queryId(seed, index),
    find: (id) => {
      const index = queryIndexOf(seed, id);
      return index !== undefined && index < count ? index : undefined;
    },
    isGiant: (index) => giantResults > 0 && index === count - 1,
    listed: (archived, term) => {
      const found: number[] = [];
      for (let index = count - 1; index >= 0; index--) {
        if (!courses.isGone(index) && (archived || !state(index).archived) && mentions(index, term)) found.push(index);
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
