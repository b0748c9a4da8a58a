/**
 * Finds records that arrive before the range of every sweep: records of endpoints whose clock was set back, and those that come later than the
 * widest sweep reaches.
 *
 * The history there may never have been asked for, so it is not read. It is counted, in parts: the number of all records
 * less those since the parts end is compared with its last value. Where it differs, each part is counted again, and one
 * that has more than before is read; of it, what had arrived when it was counted last is left alone.
 */

import type { Json } from '../../api/document.ts';
import type { Peek, StreamContext } from '../../api/stream.ts';
import { EVERYTHING } from '../../api/time.ts';
import type { Page, Range, Walk } from '../../api/walk.ts';
import { attempt } from '../change/compare.ts';
import { type ListNeeds, noteTotal } from './missing.ts';
import { partOf } from './part.ts';

interface Part extends Range {
  count: number;
  /** When it was counted. */
  atMs: number;
}

interface Counted {
  /** The number of all records less those since the end of the last part; null where that number was not believed. */
  total: number | null;
  /** The key of the oldest record of all. */
  first: string | null;
  /** Adjacent, from the beginning of time on. */
  parts: Part[];
}

const FACT = 'before every sweep';
const MOST_PARTS = 48;
/** A part with fewer records is not divided further. */
const SMALL = 2000;
/** Endpoints whose clock was right have no records before this. */
const FIRST_PRODUCT_MS = Date.UTC(2010, 0, 1);
const SMALLEST_SPAN_MS = 3_600_000;
/** The vendor's clock and ours may differ, and records are not listed at once. */
const MARGIN_MS = 3_600_000;

/** Pages of a sweep: records that arrived before the range that it covers. */
export async function* pagesBefore(
  pipeline: ListNeeds,
  context: StreamContext,
  walk: Walk,
  cursor: Json,
): AsyncIterable<Page> {
  const earliestMs = pipeline.state.coveredFromMs();
  if (pipeline.registered.stream.peek === undefined || earliestMs === undefined) return;
  const stored = pipeline.state.fact(FACT) as Counted | undefined;
  const before = stored?.parts.length === 0 ? undefined : stored;
  const endMs = before?.parts.at(-1)?.toMs ?? Math.min(earliestMs, walk.range.fromMs);
  const { total, peek, isDoubted } = await countBefore(pipeline, context, endMs);
  if (before === undefined && (isDoubted || peek.total === 0)) return;
  const now = { total: isDoubted ? null : total, first: peek.first ?? null };
  const known = before ?? { parts: await divided(context, pipeline, endMs, peek), total: null, first: null };
  const isAsBefore = now.total !== null && known.total === now.total && known.first === now.first;
  const parts = isAsBefore
    ? known.parts
    : yield* recounted(pipeline, context, walk, { parts: known.parts, isDoubted }, cursor);
  const counted = upTo(Math.max(walk.range.toMs, context.now()), { ...now, parts });
  yield { records: [], cursor, facts: { [FACT]: asJson(await grown(pipeline, context, walk, counted)) } };
}

/** A part that reaches into the future was made by a clock that was ahead: it has what every sweep reads, and would grow for ever. */
function upTo(toMs: number, { parts, total, first }: Counted): Counted {
  const kept = parts.filter((part) => part.toMs <= toMs);
  const dropped = parts.slice(kept.length).reduce((sum, { count }) => sum + count, 0);
  return { first, parts: kept, total: total === null ? null : total - dropped };
}

async function countBefore(
  pipeline: ListNeeds,
  context: StreamContext,
  endMs: number,
): Promise<{ total: number; peek: Peek; isDoubted: boolean }> {
  const peek = await peekAt(pipeline, context, EVERYTHING);
  const isDoubted = noteTotal(pipeline, peek.total) !== undefined;
  // Counted later: what arrives meanwhile makes the difference smaller, never larger.
  const { total } = await peekAt(pipeline, context, { fromMs: endMs, toMs: EVERYTHING.toMs });
  return { total: peek.total - total, peek, isDoubted };
}

function peekAt(pipeline: ListNeeds, context: StreamContext, range: Range): Promise<Peek> {
  return pipeline.registered.stream.peek?.(context, range) as Promise<Peek>;
}

async function partAt(pipeline: ListNeeds, context: StreamContext, { fromMs, toMs }: Range): Promise<Part> {
  const atMs = context.now();
  return { fromMs, toMs, count: (await peekAt(pipeline, context, { fromMs, toMs })).total, atMs };
}

/**
 * Parts that are small, as far as so many suffice. The years before there was such a product are one of their own, which
 * counts as empty: whatever is there was made by a wrong clock. So is what lies before the oldest record.
 */
async function divided(
  context: StreamContext,
  pipeline: ListNeeds,
  toMs: number,
  { firstMs = toMs }: Peek,
): Promise<Part[]> {
  const bounds = [EVERYTHING.fromMs, FIRST_PRODUCT_MS, firstMs - 1000, toMs].filter((ms) => ms <= toMs);
  bounds.sort((one, other) => one - other);
  const parts: Part[] = [];
  for (const [index, bound] of bounds.slice(1).entries()) {
    const range = { fromMs: bounds[index] as number, toMs: bound };
    if (bound <= FIRST_PRODUCT_MS) parts.push({ ...range, count: 0, atMs: pipeline.state.coveredFromMs() ?? 0 });
    else if (bound > range.fromMs) parts.push(await partAt(pipeline, context, range));
  }
  while (parts.length < MOST_PARTS) {
    const large = parts.filter(({ count, ...range }) => count > SMALL && range.toMs - range.fromMs > SMALLEST_SPAN_MS);
    const [largest] = large.sort((one, other) => other.count - one.count);
    if (largest === undefined) break;
    const middleMs = Math.floor((largest.fromMs + largest.toMs) / 2);
    const halves = [
      await partAt(pipeline, context, { fromMs: largest.fromMs, toMs: middleMs }),
      await partAt(pipeline, context, { fromMs: middleMs, toMs: largest.toMs }),
    ];
    parts.splice(parts.indexOf(largest), 1, ...halves);
  }
  return parts;
}

/**
 * The parts as they are now, after those that grew were read. One that could not be read whole is left as it was, and so
 * is one that shrank in a list that is not believed: what comes back is nothing new.
 */
async function* recounted(
  pipeline: ListNeeds,
  context: StreamContext,
  walk: Walk,
  { parts, isDoubted }: { parts: readonly Part[]; isDoubted: boolean },
  cursor: Json,
): AsyncGenerator<Page, Part[]> {
  const counted: Part[] = [];
  for (const part of parts) {
    const now = await partAt(pipeline, context, part);
    const isTrue = now.count > part.count ? yield* pagesSince(pipeline, context, walk, part, cursor) : !isDoubted;
    counted.push(isTrue ? now : part);
  }
  return counted;
}

/** The part's records that arrived since it was counted. Returns whether all of it was read. */
async function* pagesSince(
  pipeline: ListNeeds,
  context: StreamContext,
  walk: Walk,
  part: Part,
  cursor: Json,
): AsyncGenerator<Page, boolean> {
  const { stream } = pipeline.registered;
  let untold = 0;
  const isWanted = (record: unknown): boolean => {
    const timeMs = attempt(() => stream.timeMs(record)) ?? part.toMs;
    if (timeMs >= (pipeline.state.coveredFromMs() ?? 0)) return true;
    const arrivedMs = attempt(() => stream.arrivedMs?.(record)) ?? 0;
    if (arrivedMs >= FIRST_PRODUCT_MS) return arrivedMs >= part.atMs - MARGIN_MS;
    if (part.count > 0) untold++;
    return part.count === 0;
  };
  const pages = partOf(stream, { ...context, knownKeys: () => [] }, walk, part, cursor);
  for (let next = await pages.next(); ; next = await pages.next()) {
    if (next.done) {
      if (untold > 0) tellUntold(context, part);
      return next.value;
    }
    yield { ...next.value, records: next.value.records.filter(isWanted) };
  }
}

/** Nothing tells new records from the history that was never asked for. */
function tellUntold({ log }: StreamContext, { fromMs, toMs }: Part): void {
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  log.warn(
    `records arrived before everything that was asked for, and do not say when: \`sluice backfill --from ${from} --to ${to}\` fetches all that is there`,
  );
}

/** The widest sweep moves on, and leaves a part behind: counted while the sweep still reads it, so that none is missed. */
async function grown(pipeline: ListNeeds, context: StreamContext, walk: Walk, counted: Counted): Promise<Counted> {
  const { parts, total } = counted;
  const spanMs = walk.range.toMs - walk.range.fromMs;
  const leadMs = spanMs / 10;
  const endMs = parts.at(-1)?.toMs ?? 0;
  const nextMs = Math.floor(walk.range.fromMs + leadMs);
  if (total === null || nextMs - endMs < leadMs / 3 || !isWidest(pipeline, walk, spanMs)) return counted;
  const next = await partAt(pipeline, context, { fromMs: endMs, toMs: nextMs });
  return { ...counted, total: total + next.count, parts: joined([...parts, next]) };
}

function isWidest({ state }: ListNeeds, walk: Walk, spanMs: number): boolean {
  const sweeps = state
    .walks()
    .filter(({ walk: id, range }) => id.startsWith('sweep-') && range.toMs >= walk.range.fromMs);
  return sweeps.every(({ range }) => range.toMs - range.fromMs <= spanMs + 1000);
}

/** Joins the two neighbours that have the fewest records, until there are few enough parts. The first stays by itself. */
function joined(parts: Part[]): Part[] {
  while (parts.length > MOST_PARTS) {
    const sums = parts.map(({ count }, index) =>
      index < 2 ? Number.POSITIVE_INFINITY : count + (parts[index - 1]?.count ?? 0),
    );
    const at = sums.indexOf(Math.min(...sums));
    const [one, other] = parts.slice(at - 1, at + 1) as [Part, Part];
    const both = { fromMs: one.fromMs, toMs: other.toMs, count: one.count + other.count };
    parts.splice(at - 1, 2, { ...both, atMs: Math.min(one.atMs, other.atMs) });
  }
  return parts;
}

function asJson({ total, first, parts }: Counted): Json {
  return { total, first, parts: parts.map((part) => ({ ...part })) };
}
