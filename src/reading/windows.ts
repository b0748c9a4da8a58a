/**
 * Walks a resource that can be filtered by time.
 *
 * The range is walked in windows, oldest first. A window with more records than can be paged through safely is split.
 * Each window is read until two passes saw the same records and their number is the vendor's total: only then has no
 * record slipped between two pages while the list moved.
 */
import { actionOf } from '../errors.ts';
import { keyOf } from '../identity.ts';
import type { Accepted, Json, Page, Range, StreamContext, Walk } from '../types.ts';

/** A list reply, checked by the connector. */
export interface ListReply {
  records: unknown[];
  total: number;
  /** What the vendor used, which may be less than what was asked for. */
  pageSize: number;
  /** Of the reply's body: the same digest means the same records. */
  digest?: string;
}

export interface ListQuery {
  /** Bounds to ask for; they include the overlap. */
  range: Range;
  page: number;
  pageSize: number;
  filter?: Filter;
  /** Knows the reply by its digest, so that it need not be parsed. */
  recognise?: (digest: string) => ListReply | undefined;
}

type Query = Omit<ListQuery, 'page'>;

export interface Filter {
  name: string;
  value: string;
}

export interface Resource {
  /** One page, in ascending order of time. Throws `walk-again` for a page past the end. */
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
    const { total } = await resource.list({ ...query, page: 1, pageSize: 1 });
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
      if (!(error instanceof DeepPage) || !divisible) throw error instanceof DeepPage ? error.cause : error;
      context.log.warn(`page ${error.page} of a window keeps failing: the window is split`);
      windows.unshift(...splitTime(window, 1));
    }
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
    const outcome = yield* settle(context, resource, { ...query, filter }, cursor);
    for (const key of outcome.keys) seen.add(key);
    total += outcome.total;
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
  const counts = await Promise.all(filters.map(async (filter) => (await resource.list({ ...one, filter })).total));
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

interface Outcome {
  keys: Set<string>;
  total: number;
  settled: boolean;
}

async function* settle(
  context: StreamContext,
  resource: Resource,
  query: Query,
  cursor: Cursor,
): AsyncGenerator<Page, Outcome> {
  const resume = copy(cursor);
  let before: Pass | undefined;
  for (let attempt = 1; ; attempt++) {
    const pass: Pass = { keys: new Set(), total: 0, steady: true, pages: new Map() };
    for await (const records of readPass(resource, query, pass, before)) yield { records, cursor: resume };
    if (before !== undefined && agree(before, pass)) return { ...pass, settled: true };
    if (attempt >= context.settings.settleAttempts) return { ...pass, settled: false };
    before = pass;
  }
}

/** A page behind the first that cannot be had: it may be too deep for the vendor. */
class DeepPage extends Error {
  readonly page: number;
  constructor(page: number, cause: unknown) {
    super(`page ${page}`, { cause });
    this.page = page;
  }
}

interface Pass {
  keys: Set<string>;
  total: number;
  /** The total was the same on every page, and no key came twice. */
  steady: boolean;
  /** Pages by the digest of their body. A page that the pass before saw in the same words holds nothing to compare. */
  pages: Map<string, SeenPage>;
}

interface SeenPage {
  keys: string[];
  total: number;
  pageSize: number;
}

/** One pass over all pages; yields the records of those that the pass before did not see. A list that shrank ends it early. */
async function* readPass(
  resource: Resource,
  query: Query,
  pass: Pass,
  before: Pass | undefined,
): AsyncIterable<unknown[]> {
  let pages = 1;
  let pageSize = query.pageSize;
  for (let page = 1; page <= pages; page++) {
    let same: SeenPage | undefined;
    const recognise = (digest: string): ListReply | undefined => {
      same = before?.pages.get(digest);
      return same && { ...same, records: [] };
    };
    const reply = await pageOf(resource, { ...query, page, pageSize, recognise });
    if (page === 1 && reply !== undefined) {
      pass.total = reply.total;
      pageSize = reply.pageSize;
    }
    pass.steady &&= reply?.total === pass.total && reply.pageSize === pageSize;
    if (reply === undefined) return;
    pages = Math.max(pages, Math.ceil(reply.total / pageSize));
    const keys = same?.keys ?? reply.records.map((record) => keyOf(resource, record));
    for (const key of keys) pass.keys.add(key);
    if (reply.digest !== undefined) pass.pages.set(reply.digest, { keys, total: reply.total, pageSize });
    if (reply.records.length > 0) yield reply.records;
    if (reply.pageSize !== pageSize) return; // pages of another size do not continue this pass
  }
}

/** Undefined when the list shrank under the pass. */
async function pageOf(resource: Resource, query: ListQuery): Promise<ListReply | undefined> {
  try {
    return await resource.list(query);
  } catch (error) {
    if (actionOf(error) === 'retry' && query.page > 1) throw new DeepPage(query.page, error);
    if (actionOf(error) !== 'walk-again') throw error;
    return undefined;
  }
}

function agree(one: Pass, other: Pass): boolean {
  return (
    one.steady &&
    other.steady &&
    other.keys.size === other.total &&
    one.keys.size === other.keys.size &&
    other.keys.isSubsetOf(one.keys)
  );
}

function copy(cursor: Cursor): Json {
  return { coveredMs: cursor.coveredMs, again: cursor.again.map(({ fromMs, toMs }) => ({ fromMs, toMs })) };
}
