/** Details that are due: of open records, and of those that were passed without. */
import type { Page, Walk } from '../api/walk.ts';
import type { Due } from '../state/store.ts';
import { MOST_OWED } from './change/detail.ts';
import type { Pipeline } from './pipeline.ts';

export type DueNeeds = Pick<Pipeline, 'state' | 'refresh' | 'now'>;

/**
 * Records whose detail is due by then. A record that is put off for longer than the longest pause was put off by a clock
 * that was wrong, and is due, too.
 */
export function dueDetails({ state, refresh, now }: DueNeeds, byMs: number, limit: number, after?: Due): Due[] {
  return state.due(byMs, limit, after, now() + Math.max(0, ...refresh.stepsMs));
}

const DUE_AT_ONCE = 500;

/** Pages without records: the keys whose detail is due by now. */
export async function* duePages(pipeline: DueNeeds, walk: Walk): AsyncIterable<Page> {
  const nowMs = pipeline.now();
  const owed = pipeline.state.owed(walk.once ? Number.MAX_SAFE_INTEGER : nowMs, MOST_OWED);
  for (let at = 0; at < owed.length; at += DUE_AT_ONCE) {
    yield { records: [], ask: owed.slice(at, at + DUE_AT_ONCE).map(({ key }) => key), cursor: null };
  }
  for (
    let due = dueDetails(pipeline, nowMs, DUE_AT_ONCE);
    due.length > 0;
    due = dueDetails(pipeline, nowMs, DUE_AT_ONCE, due.at(-1))
  ) {
    yield { records: [], ask: due.map(({ key }) => key), cursor: null };
  }
}
