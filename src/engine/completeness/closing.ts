/** Reads again what is not proven to be delivered, and nothing else: `sluice backfill --gaps`. */

import type { StreamContext } from '../../api/stream.ts';
import type { Page, Walk } from '../../api/walk.ts';
import { isWithin } from '../../reading/gaps.ts';
import { attempt } from '../change/compare.ts';
import type { Pipeline } from '../pipeline.ts';
import { openParts } from './open-parts.ts';
import { partOf } from './part.ts';

type ClosingNeeds = Pick<Pipeline, 'state' | 'registered' | 'now'>;

const ASKED_AT_ONCE = 500;
/** More cannot be owed; of those without their detail, the next time takes the rest. */
const MOST_ASKED = 100_000;

/** Begins anew after an interruption: what is proven by then is open no more. */
export async function* closingPages(pipeline: ClosingNeeds, context: StreamContext, walk: Walk): AsyncIterable<Page> {
  const { state, registered } = pipeline;
  const { stream } = registered;
  const parts = openParts(pipeline, walk.range);
  if (stream.mode === 'children' || (stream.mode === 'snapshot' && parts.length > 0))
    yield* stream.pages(context, walk, undefined); // a list is read whole, and children as they are due for a backfill
  else if (stream.mode === 'windows') {
    for (const { range, gap } of parts) {
      const toMs = Math.min(range.toMs, Math.max(range.fromMs, pipeline.now())); // nothing of the future settles
      for await (const page of partOf(stream, context, { ...walk, gap }, { ...range, toMs }, null)) {
        // A gap that grew meanwhile stays, to be read again.
        const isSame = gap === undefined || state.gaps().some((one) => one.id === gap.id && isWithin(one.range, range));
        yield isSame ? page : { ...page, closedGaps: [] };
      }
    }
  }
  const keys = keysOf(pipeline, walk);
  for (let at = 0; at < keys.length; at += ASKED_AT_ONCE)
    yield { records: [], ask: keys.slice(at, at + ASKED_AT_ONCE), cursor: null };
}

/** Records that are owed, or were shipped without their detail, as far as their time is within the walk's range. */
function keysOf({ state, registered }: ClosingNeeds, { range }: Walk): string[] {
  const isMeant = (ms: number | null | undefined): boolean =>
    typeof ms !== 'number' || (ms >= range.fromMs && ms < range.toMs);
  const { stream } = registered;
  const owed = state.allOwed(MOST_ASKED).filter(({ record }) => isMeant(attempt(() => stream.timeMs(record))));
  const bare = state.incomplete(MOST_ASKED).filter(({ timeMs }) => isMeant(timeMs));
  return [...new Set([...owed, ...bare].map(({ key }) => key))];
}
