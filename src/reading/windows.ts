/**
 * Walks a resource that can be filtered by time.
 *
 * The range is walked in windows, oldest first. A window with more records than can be paged through safely is split.
 * Each window is read until two passes saw the same records and their number is the vendor's total: only then has no
 * record slipped between two pages while the list moved.
 */

import type { Json } from '../api/document.ts';
import { actionOf } from '../api/errors.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Accepted, Gap, Page, Range, Walk } from '../api/walk.ts';
import { afterLook, gapIdOf, gapsOf } from './gaps.ts';
import type { ListReply, PageQuery } from './list.ts';
import { isOfThisPart } from './narrow.ts';
import { DeepPage, settle } from './settle.ts';

export interface ListQuery extends PageQuery {
  /** The bounds of the request; they include the overlap. */
  range: Range;
  filter?: Filter;
}

type Query = Omit<ListQuery, 'page'>;

interface Filter {
  name: string;
  value: string;
}

export interface Resource {
  /** One page, in ascending order of time, with the vendor's total. Throws `walk-again` for a page past the end. */
  list(query: ListQuery): Promise<ListReply>;
  key(record: unknown): string;
  /** A filter whose values partition the records, for windows that time cannot split. */
  partition: { name: string; values: readonly string[] };
}

/** Windows are not split into shorter spans. */
const SMALLEST_SPAN_MS = 1000;
const MAX_PARTS = 64;

interface Cursor {
  /** Everything before this is walked. */
  coveredMs: number;
  /** Unsettled windows, which are walked once more at the end. */
  again: Range[];
}

/** Pages of the walk's range from the cursor on; the cursor moves when a window is accepted. */
export async function* walkWindows(
  context: StreamContext,
  resource: Resource,
  walk: Walk,
  from: Json | undefined,
): AsyncIterable<Page> {
  const saved = from as Partial<Cursor> | null | undefined;
  const cursor: Cursor = {
    coveredMs: Math.max(saved?.coveredMs ?? walk.range.fromMs, walk.range.fromMs),
    again: saved?.again ?? [],
  };
  const progress: Progress = { cursor, gap: walk.gap, splits: 0, isWhole: true };
  yield* walkRange(context, resource, { fromMs: cursor.coveredMs, toMs: walk.range.toMs }, walk.range, progress);
  while (cursor.again.length > 0) {
    const [range] = cursor.again as [Range];
    yield* walkRange(context, resource, range, walk.range, progress);
  }
  if (walk.gap === undefined) return;
  yield { records: [], cursor: copy(cursor), ...afterLook(walk.gap, progress.isWhole, context.now()) };
}

interface Progress {
  cursor: Cursor;
  /** The gap that this walk reads again. */
  gap: Gap | undefined;
  /** How often a window was split because its list kept changing. */
  splits: number;
  /** No window of the walk was left unsettled. */
  isWhole: boolean;
}

/** Windows of a tenant whose lists change all the time must not be split without end. */
const MOST_SPLITS = 40;

async function* walkRange(
  context: StreamContext,
  resource: Resource,
  range: Range,
  bounds: Range,
  progress: Progress,
): AsyncIterable<Page> {
  const windows: Range[] = range.toMs > range.fromMs ? [range] : [];
  for (let window = windows.shift(); window !== undefined; window = windows.shift()) {
    const query = queryFor(window, bounds, context);
    const opening = await openingOf(resource, query, context.now());
    const { total } = opening;
    context.counted?.(window, total);
    const depth = total / context.settings.maxWindowRecords;
    const tooDeep = depth >= 1; // at the limit, too: a vendor whose total ends there may have more
    const divisible = window.toMs - window.fromMs > SMALLEST_SPAN_MS;
    if (tooDeep && divisible) {
      windows.unshift(...splitTime(window, depth));
      continue;
    }
    try {
      const maySplit = divisible && total > query.pageSize && progress.splits < MOST_SPLITS;
      const isSplit = yield* walkWindow(
        context,
        resource,
        { range: window, query, opening, tooDeep, maySplit },
        progress,
      );
      if (!isSplit) continue;
      progress.splits++; // parts without changes settle
      windows.unshift(...splitTime(window, PARTS_OF_MOVING - 1));
    } catch (error) {
      if (!(error instanceof DeepPage)) throw error;
      context.log.warn(`page ${error.page} of a window keeps failing: the window is split`);
      if (divisible) windows.unshift(...splitTime(window, 1));
      else
        yield* walkParts(
          context,
          resource,
          { range: window, query, opening, tooDeep, maySplit: false },
          progress,
          error,
        );
    }
  }
}

const PARTS_OF_MOVING = 8;

/** The first page of a window, which tells the number of its records: one request less than a count of its own. */
interface Opening {
  readAtMs: number;
  total: number;
  /** Returns the page once, or why it cannot be had: the list is read on from there. */
  take(): Promise<ListReply> | undefined;
}

async function openingOf(resource: Resource, query: Query, readAtMs: number): Promise<Opening> {
  let first: Promise<ListReply> | undefined = resource.list({ ...query, page: 1, retry: 'few' });
  const take = () => {
    const taken = first;
    first = undefined;
    return taken;
  };
  try {
    return { readAtMs, total: (await first).total ?? 0, take };
  } catch (error) {
    if (!isOfThisPart(error)) throw error;
    return { readAtMs, total: await countOf(resource, query), take };
  }
}

/** The number of records. When the first record cannot be read, the request for the second tells the number too. */
async function countOf(resource: Resource, query: Query): Promise<number> {
  const one = { ...query, pageSize: 1 };
  try {
    return (await resource.list({ ...one, page: 1, retry: 'few' })).total ?? 0;
  } catch (error) {
    if (!isOfThisPart(error)) throw error;
    const second = await resource.list({ ...one, page: 2, retry: 'brief' }).catch((other: unknown) => other);
    if (!(second instanceof Error)) return (second as ListReply).total ?? 1;
    if (actionOf(second) === 'walk-again') return 1;
    return (await resource.list({ ...one, page: 1 })).total ?? 0; // an outage: waits for its end
  }
}

interface Window {
  range: Range;
  query: Query;
  opening: Opening;
  tooDeep: boolean;
  /** If the window does not settle, `walkWindow` returns true so that it is split. */
  maySplit: boolean;
}

/** Reads a window that cannot be split by time part by part; fails when it was read that way already. */
async function* walkParts(
  context: StreamContext,
  resource: Resource,
  window: Window,
  progress: Progress,
  tooDeep: DeepPage,
): AsyncIterable<Page> {
  if (window.tooDeep) throw tooDeep.cause;
  try {
    yield* walkWindow(context, resource, { ...window, tooDeep: true }, progress);
  } catch (error) {
    throw error instanceof DeepPage ? error.cause : error;
  }
}

/** The overlap never reaches beyond the walk's frozen end, where the list is still changing. */
function queryFor(window: Range, bounds: Range, context: StreamContext): Query {
  const { overlapMs, pageSize } = context.settings;
  return {
    range: { fromMs: window.fromMs - overlapMs, toMs: Math.min(window.toMs + overlapMs, bounds.toMs) },
    pageSize,
  };
}

/** Equal parts, one more than would suffice if the records were spread evenly. */
function splitTime(range: Range, needed: number): Range[] {
  const span = range.toMs - range.fromMs;
  const parts = Math.max(2, Math.min(MAX_PARTS, Math.ceil(needed) + 1, Math.floor(span / SMALLEST_SPAN_MS)));
  const bound = (index: number) => range.fromMs + Math.round((span * index) / parts);
  return Array.from({ length: parts }, (_, index) => ({ fromMs: bound(index), toMs: bound(index + 1) }));
}

/** Reads one window until it is settled or `settle_attempts` is reached; its last page tells the outcome. Returns true to have it split. */
async function* walkWindow(
  context: StreamContext,
  resource: Resource,
  { range, query, opening, tooDeep, maySplit }: Window,
  progress: Progress,
): AsyncGenerator<Page, boolean> {
  const { cursor } = progress;
  const { readAtMs } = opening;
  const known = [...context.knownKeys(range)]; // taken before anything is handed on, so that new records do not count as missing
  const parts = tooDeep ? await partition(resource, query) : [undefined];
  const seen = new Set<string>();
  let total = 0;
  let attempts = 0;
  let settled = true;
  let isMoving = false;
  const unreadable: number[] = [];
  for (const filter of parts) {
    const list = (page: PageQuery) => {
      const isFirst = filter === undefined && page.page === 1 && page.pageSize === query.pageSize;
      return (isFirst ? opening.take() : undefined) ?? resource.list({ ...query, filter, ...page });
    };
    const outcome = yield* settle(context, { list, key: resource.key }, copy(cursor));
    for (const key of outcome.keys) seen.add(key);
    total += outcome.total ?? outcome.keys.size;
    attempts += outcome.passes;
    settled &&= outcome.settled;
    isMoving ||= outcome.isMoving;
    unreadable.push(...outcome.unreadable);
  }
  if (maySplit && isMoving && unreadable.length === 0) return true;
  const ask = settled ? known.filter((key) => !seen.has(key)) : [];
  const isSecond = range.toMs <= cursor.coveredMs;
  advance(cursor, range, settled || unreadable.length > 0);
  progress.isWhole &&= settled || !isSecond;
  if (unreadable.length > 0) progress.isWhole = false;
  const filter = parts[0] === undefined ? undefined : resource.partition.name;
  const counts = { total, distinct: seen.size, settled, attempts };
  const accepted: Accepted = { range, ...counts, filter, keys: seen, readAtMs };
  // An unsettled window is walked once more before it is a gap.
  const isGap = progress.gap === undefined && (unreadable.length > 0 || (!settled && isSecond));
  const gaps = isGap ? gapsOf(context, gapIdOf(range), accepted, unreadable) : {};
  yield { records: [], ask, cursor: copy(cursor), accepted, ...gaps };
  return false;
}

/** The parts of a window that time cannot split: one for each value of the partition if they add up to the whole, else one part. */
async function partition(resource: Resource, query: Query): Promise<(Filter | undefined)[]> {
  const { name, values } = resource.partition;
  const filters = values.map((value) => ({ name, value }));
  const one = { ...query, page: 1, pageSize: 1 };
  const whole = await resource.list(one);
  const counts = await Promise.all(filters.map(async (filter) => (await resource.list({ ...one, filter })).total ?? 0));
  const sum = counts.reduce((all, count) => all + count, 0);
  return sum === whole.total ? filters.filter((_, index) => counts[index] !== 0) : [undefined];
}

/** Moves the cursor over an accepted window; an unsettled one is queued once. */
function advance(cursor: Cursor, range: Range, settled: boolean): void {
  const queued = cursor.again.findIndex((one) => one.fromMs === range.fromMs && one.toMs === range.toMs);
  if (range.toMs > cursor.coveredMs) {
    cursor.coveredMs = range.toMs;
    if (!settled) cursor.again.push(range);
  } else if (queued >= 0) {
    cursor.again.splice(queued, 1);
  } else {
    cursor.again = cursor.again.filter((one) => one.toMs > range.toMs || one.fromMs > range.fromMs);
  }
}

function copy(cursor: Cursor): Json {
  return { coveredMs: cursor.coveredMs, again: cursor.again.map(({ fromMs, toMs }) => ({ fromMs, toMs })) };
}
