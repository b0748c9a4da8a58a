/**
 * Reads what lies outside the range of a walk.
 *
 * An endpoint whose clock is ahead makes records of a time that is still to come. A live walk and every sweep therefore
 * ask, behind their range, how many records there are from its end on, and read them when that number is not the known
 * one. A backfill that reaches into the future is read in two parts, since up to now its list stands still.
 */

import type { Json } from '../../api/document.ts';
import type { StreamContext } from '../../api/stream.ts';
import { EVERYTHING } from '../../api/time.ts';
import type { Page, Range, Walk } from '../../api/walk.ts';
import { pagesBefore } from './before.ts';
import type { ListNeeds } from './missing.ts';
import { asFarAsPossible, inPassing, partOf } from './part.ts';

/** Pages of a walk: those of its range first, then those beyond it that the walk is responsible for. */
export async function* pagesOf(
  pipeline: ListNeeds,
  context: StreamContext,
  walk: Walk,
  from: Json | undefined,
): AsyncIterable<Page> {
  const { stream } = pipeline.registered;
  if (stream.mode !== 'windows' || walk.gap !== undefined) return yield* stream.pages(context, walk, from);
  const { fromMs, toMs } = walk.range;
  const edgeMs = Math.max(fromMs, Math.min(toMs, context.now()));
  let cursor: Json = from ?? null;
  for await (const page of stream.pages(context, { ...walk, range: { fromMs, toMs: edgeMs } }, from)) {
    cursor = page.cursor;
    yield page;
  }
  if (toMs > edgeMs) yield* partOf(stream, context, walk, { fromMs: edgeMs, toMs }, cursor);
  if (walk.kind !== 'live' && walk.kind !== 'sweep') return;
  const aside = inPassing(context);
  yield* asFarAsPossible(context, pagesAhead(pipeline, aside, walk, cursor));
  if (walk.kind === 'sweep') yield* asFarAsPossible(context, pagesBefore(pipeline, aside, walk, cursor));
}

const FACT = 'ahead of the clock';
/** Records closer to now are read by the next poll: a busy list moves there. */
const AHEAD_MS = 1000;

/**
 * Records from now on. A sweep reads them whenever there are some; a poll does not while their number is the known one, or
 * everything looks as it did when they were read last: where the list is filtered by the time of arrival, records that are
 * known to lie in the future are elsewhere in it.
 */
async function* pagesAhead(pipeline: ListNeeds, context: StreamContext, walk: Walk, cursor: Json): AsyncIterable<Page> {
  const { state, registered } = pipeline;
  const fromMs = Math.max(walk.range.toMs, context.now()) + AHEAD_MS;
  const range: Range = { fromMs, toMs: EVERYTHING.toMs };
  const peek = await registered.stream.peek?.(context, range);
  if (peek === undefined) return;
  const known = [...state.keysBetween({ ...range, toMs: Number.MAX_SAFE_INTEGER })].length;
  const looks: Json = [peek.total, known, peek.first ?? null];
  const isAsKnown = peek.total === known || JSON.stringify(looks) === JSON.stringify(state.fact(FACT));
  if (peek.total + known === 0 || (walk.kind === 'live' && isAsKnown)) return;
  const isSettled = yield* partOf(registered.stream, context, walk, range, cursor);
  if (isSettled) yield { records: [], cursor, facts: { [FACT]: looks } };
}
