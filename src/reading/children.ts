/**
 * Reads what belongs to parents: the results of InstaQueries, the devices of threats.
 *
 * Children are planned from the list of their parents and from the configuration, and read side by side, a few at a time.
 * Each is checkpointed on its own with the last page of its reading: one that fails is put off, and neither holds up nor
 * repeats the others. A child that grows is read again, from its beginning, until it is complete; what was delivered is
 * known by its key.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, isAbort, messageOf, SluiceError } from '../errors.ts';
import type { Accepted, Child, ChildRow, Page, StreamContext, Walk } from '../types.ts';

export interface Children {
  /** What the filter of a child's ledger row begins with: `query`. */
  name: string;
  /** All parents that there are now; `whole` says that none can be missing. */
  parents(context: StreamContext): Promise<{ children: Child[]; whole: boolean }>;
  /** The records of one child. Returns whether the reply says that nothing more will come. Throws `skip` when there is none. */
  read(context: StreamContext, child: Child): AsyncGenerator<unknown[], boolean>;
}

/** A reading that breaks off is tried so often at once; what was delivered of it is not delivered again. */
const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_600_000;
/** A reading that took long is not repeated before so many times its duration. */
const REST_FACTOR = 4;

/** Pages of all children that are due, as they come. Ends when none is being read and none is due. */
export async function* walkChildren(context: StreamContext, walk: Walk, children: Children): AsyncIterable<Page> {
  const reading = new Map<string, Reading>();
  let queue: Child[] = [];
  let plannedAtMs: number | undefined;
  const plan = async function* (): AsyncGenerator<Page> {
    const { children: all, whole } = await planned(context, children);
    if (whole) yield* gone(context, all, reading);
    queue = all.filter((child) => !reading.has(child.key) && isDue(context, walk, child));
    plannedAtMs = context.now();
  };
  try {
    yield* plan();
    for (;;) {
      context.signal.throwIfAborted();
      while (reading.size < context.settings.childConcurrency && queue.length > 0) {
        const child = queue.shift() as Child;
        reading.set(child.key, begin(readChild(context, walk, children, child), child.key));
      }
      if (reading.size === 0) return;
      const next = await nextPage(reading, context, walk.kind === 'backfill' ? undefined : plannedAtMs);
      if (next === 'plan') yield* plan();
      else if (next !== undefined) yield next;
    }
  } finally {
    for (const { pages } of reading.values()) void pages.return(undefined); // not awaited: a reply may take long
  }
}

interface Reading {
  key: string;
  pages: AsyncGenerator<Page>;
  next: Promise<{ key: string; page: Page | undefined }>;
}

function begin(pages: AsyncGenerator<Page>, key: string): Reading {
  return { key, pages, next: advance(pages, key) };
}

function advance(pages: AsyncGenerator<Page>, key: string): Reading['next'] {
  const next = pages.next().then(({ done, value }) => ({ key, page: done ? undefined : (value as Page) }));
  next.catch(() => {}); // thrown where it is awaited
  return next;
}

/** The next page of any child; undefined when one came to its end; `plan` when it is time to look at the parents again. */
async function nextPage(
  reading: Map<string, Reading>,
  context: StreamContext,
  plannedAtMs: number | undefined,
): Promise<Page | 'plan' | undefined> {
  const timer = new AbortController();
  const waits: Promise<Awaited<Reading['next']> | 'plan'>[] = [...reading.values()].map(({ next }) => next);
  if (plannedAtMs !== undefined) {
    const leftMs = Math.min(Math.max(0, plannedAtMs + context.settings.snapshotMs - context.now()), 2 ** 31 - 1);
    waits.push(sleep(leftMs, 'plan' as const, { signal: timer.signal, ref: false }).catch(() => 'plan' as const));
  }
  try {
    const first = await Promise.race(waits);
    if (first === 'plan') return 'plan';
    const one = reading.get(first.key) as Reading;
    if (first.page === undefined) reading.delete(first.key);
    else {
      reading.delete(first.key); // behind the others, so that a fast one does not starve them
      reading.set(first.key, { ...one, next: advance(one.pages, one.key) });
    }
    return first.page;
  } finally {
    timer.abort();
  }
}

async function planned(context: StreamContext, children: Children): Promise<{ children: Child[]; whole: boolean }> {
  const listed = await children.parents(context);
  const known = new Set(listed.children.map(({ key }) => key));
  const configured = context.parents
    .filter((key) => !known.has(key))
    .map((key): Child => ({ key, version: 'configured', complete: true, facts: {} }));
  return { ...listed, children: [...listed.children, ...configured] };
}

/** Children that were to be read again, and whose parent is not there any more. */
function* gone(context: StreamContext, all: readonly Child[], reading: ReadonlyMap<string, Reading>): Generator<Page> {
  const present = new Set(all.map(({ key }) => key));
  for (const row of context.openChildren()) {
    if (present.has(row.child) || reading.has(row.child)) continue;
    context.log.info({ key: row.child }, `${row.child} is gone: no more results are expected of it`);
    yield mark({ ...row, status: 'gone', nextAtMs: null });
  }
}

function mark(child: ChildRow): Page {
  return { records: [], cursor: null, window: child.child, child };
}

function isDue(context: StreamContext, walk: Walk, child: Child): boolean {
  const row = context.knownChild(child.key);
  if (row === undefined || walk.kind === 'backfill') return true;
  const nowMs = context.now();
  const changed = row.version !== child.version;
  if (row.status !== 'open') return changed;
  const restsUntilMs = row.nextAtMs ?? 0;
  // Without a sign of progress it is read less and less often.
  const patienceMs = changed || row.failures > 0 ? 0 : Math.min((nowMs - row.sinceMs) / 4, LONGEST_PAUSE_MS);
  return nowMs >= restsUntilMs + patienceMs || restsUntilMs - nowMs > LONGEST_PAUSE_MS * REST_FACTOR;
}

/** The pages of one child; the last one says what is to be remembered of it. */
async function* readChild(context: StreamContext, walk: Walk, children: Children, child: Child): AsyncGenerator<Page> {
  const startedAtMs = context.now();
  const before = context.knownChild(child.key);
  for (let attempt = 1; ; attempt++) {
    try {
      let records = 0;
      const parts = children.read(context, child);
      let part = await parts.next();
      for (; !part.done; part = await parts.next()) {
        records += part.value.length;
        yield { records: part.value, cursor: null, window: child.key };
      }
      yield finished(context, walk, children, child, { records, complete: part.value, startedAtMs, before });
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      const action = actionOf(error);
      if (action === 'skip') {
        yield finished(context, walk, children, child, { records: 0, complete: false, startedAtMs, before });
        return;
      }
      if (isAbort(error) || !(error instanceof SluiceError) || action === 'stop') throw error;
      if (attempt < ATTEMPTS && action === 'retry' && error.waitMs === undefined) {
        await sleep(ATTEMPT_PAUSE_MS * attempt, undefined, { signal: context.signal });
        continue;
      }
      yield failed(context, walk, children, child, before, error);
      return;
    }
  }
}

interface Outcome {
  records: number;
  /** The reply says that nothing more will come. */
  complete: boolean;
  startedAtMs: number;
  before: ChildRow | undefined;
}

function finished(
  context: StreamContext,
  walk: Walk,
  { name }: Children,
  child: Child,
  { records, complete, startedAtMs, before }: Outcome,
): Page {
  const nowMs = context.now();
  const sinceMs = before?.sinceMs ?? startedAtMs;
  // Where only the parent says so, a second reading has to agree.
  const isComplete = child.complete && (complete || (before?.version === child.version && before.records === records));
  const isOverdue = !isComplete && nowMs - sinceMs > context.settings.childDeadlineMs;
  if (isOverdue && before?.status !== 'overdue') {
    context.log.warn(
      { key: child.key },
      `${name} ${child.key} has not come to its end in time: it is read again when it shows progress`,
    );
  }
  const restMs = Math.max(context.settings.snapshotMs, REST_FACTOR * (nowMs - startedAtMs));
  const row: ChildRow = {
    child: child.key,
    version: child.version,
    status: isComplete ? 'complete' : isOverdue ? 'overdue' : 'open',
    sinceMs,
    nextAtMs: isComplete || isOverdue ? null : nowMs + Math.min(restMs, LONGEST_PAUSE_MS * REST_FACTOR),
    records,
    failures: 0,
  };
  return { ...mark(row), accepted: accepted(walk, name, child, records, !isOverdue) };
}

/** Put off, twice as long each time; the ledger shows that it was not read. */
function failed(
  context: StreamContext,
  walk: Walk,
  { name }: Children,
  child: Child,
  before: ChildRow | undefined,
  error: SluiceError,
): Page {
  const nowMs = context.now();
  const failures = (before?.failures ?? 0) + 1;
  const pauseMs = Math.min(context.settings.snapshotMs * 2 ** Math.min(failures - 1, 20), LONGEST_PAUSE_MS);
  context.log.warn({ key: child.key }, `${name} ${child.key} cannot be read for now: ${messageOf(error)}`);
  const row: ChildRow = {
    child: child.key,
    version: before?.version ?? '',
    status: 'open',
    sinceMs: before?.sinceMs ?? nowMs,
    nextAtMs: nowMs + Math.max(pauseMs, error.waitMs ?? 0),
    records: before?.records ?? null,
    failures,
  };
  return { ...mark(row), accepted: accepted(walk, name, child, 0, false) };
}

function accepted(walk: Walk, name: string, child: Child, records: number, settled: boolean): Accepted {
  return { range: walk.range, total: records, distinct: records, settled, filter: `${name}=${child.key}` };
}
