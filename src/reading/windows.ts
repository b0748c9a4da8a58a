/**
 * Walks a resource that can be filtered by time.
 *
 * The range is walked in windows, oldest first. A window with more records than can be paged through safely is split.
 * Each window is read until two passes saw the same records and their number is the vendor's total: only then has no
 * record slipped between two pages while the list moved.
 */
import type { Accepted, Json, Page, Range, StreamContext, Walk } from '../types.ts';
import { DeepPage, type ListReply, type PageQuery, settle } from './settle.ts';

export interface ListQuery extends PageQuery {
  /** Bounds to ask for; they include the overlap. */
  range: Range;
  filter?: Filter;
}

type Query = Omit<ListQuery, 'page'>;

export interface Filter {
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

/** Time is not split finer than this. */
const SMALLEST_SPAN_MS = 1000;
const MAX_PARTS = 64;

interface Cursor {
  /** Everything before this is walked. */
  coveredMs: number;
  /** Windows that did not settle, to be walked once more at the end. */
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
  yield* walkRange(context, resource, { fromMs: cursor.coveredMs, toMs: walk.range.toMs }, walk.range, cursor);
  while (cursor.again.length > 0) {
    const [range] = cursor.again as [Range];
    yield* walkRange(context, resource, range, walk.range, cursor);
  }
}

async function* walkRange(
  context: StreamContext,
  resource: Resource,
  range: Range,
  bounds: Range,
  cursor: Cursor,
): AsyncIterable<Page> {
  const windows: Range[] = range.toMs > range.fromMs ? [range] : [];
  for (let window = windows.shift(); window !== undefined; window = windows.shift()) {
    const query = queryFor(window, bounds, context);
    const { total = 0 } = await resource.list({ ...query, page: 1, pageSize: 1 });
    const depth = total / context.settings.maxWindowRecords;
    const tooDeep = depth >= 1; // at the limit, too: a vendor whose total ends there may have more
    const divisible = window.toMs - window.fromMs > SMALLEST_SPAN_MS;
    if (tooDeep && divisible) {
      windows.unshift(...splitTime(window, depth));
      continue;
    }
    try {
      yield* walkWindow(context, resource, { range: window, query, tooDeep }, cursor);
    } catch (error) {
      if (!(error instanceof DeepPage)) throw error;
      context.log.warn(`page ${error.page} of a window keeps failing: the window is split`);
      if (divisible) windows.unshift(...splitTime(window, 1));
      else yield* walkParts(context, resource, { range: window, query, tooDeep }, cursor, error);
    }
  }
}

/** A burst that time cannot split, read part by part; when it was that already, there is nothing left to try. */
async function* walkParts(
  context: StreamContext,
  resource: Resource,
  window: { range: Range; query: Query; tooDeep: boolean },
  cursor: Cursor,
  tooDeep: DeepPage,
): AsyncIterable<Page> {
  if (window.tooDeep) throw tooDeep.cause;
  try {
    yield* walkWindow(context, resource, { ...window, tooDeep: true }, cursor);
  } catch (error) {
    throw error instanceof DeepPage ? error.cause : error;
  }
}

/** The overlap reaches into the past only: beyond the frozen end, the list is still moving. */
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

/** Reads one window until it is settled, or as often as is allowed, and says so with its last page. */
async function* walkWindow(
  context: StreamContext,
  resource: Resource,
  { range, query, tooDeep }: { range: Range; query: Query; tooDeep: boolean },
  cursor: Cursor,
): AsyncIterable<Page> {
  const known = [...context.knownKeys(range)]; // before the first pass: what it brings cannot be missing
  const parts = tooDeep ? await partition(resource, query) : [undefined];
  const seen = new Set<string>();
  let total = 0;
  let settled = true;
  for (const filter of parts) {
    const list = (page: PageQuery) => resource.list({ ...query, filter, ...page });
    const outcome = yield* settle(context, { list, key: resource.key }, copy(cursor));
    for (const key of outcome.keys) seen.add(key);
    total += outcome.total ?? outcome.keys.size;
    settled &&= outcome.settled;
  }
  const ask = settled ? known.filter((key) => !seen.has(key)) : [];
  advance(cursor, range, settled);
  const filter = parts[0] === undefined ? undefined : resource.partition.name;
  const accepted: Accepted = { range, total, distinct: seen.size, settled, filter };
  yield { records: [], ask, cursor: copy(cursor), accepted };
}

/** One part per value of the partition, when they add up to the whole: for a burst that time cannot split. */
async function partition(resource: Resource, query: Query): Promise<(Filter | undefined)[]> {
  const { name, values } = resource.partition;
  const filters = values.map((value) => ({ name, value }));
  const one = { ...query, page: 1, pageSize: 1 };
  const whole = await resource.list(one);
  const counts = await Promise.all(filters.map(async (filter) => (await resource.list({ ...one, filter })).total ?? 0));
  const sum = counts.reduce((all, count) => all + count, 0);
  return sum === whole.total ? filters.filter((_, index) => counts[index] !== 0) : [undefined];
}

/** Moves the cursor over an accepted window; one that did not settle is queued once. */
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
