/**
 * Reads the children of parents: the results of InstaQueries, the devices of threats.
 *
 * Children are planned from the list of their parents and from the configuration, and a few of them are read at the same
 * time. Each child has its own checkpoint, set by the last page of its reading: a child that fails is put off, and neither
 * holds up nor repeats the others. A child that grows is read again, from its beginning, until it is complete; records that
 * were delivered are recognised by their keys.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, isAbort, isGeneral, messageOf, messageWithAdvice, SluiceError } from '../api/errors.ts';
import { hasKey } from '../api/records/identity.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Accepted, Child, ChildRow, Page, Walk } from '../api/walk.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

export interface Children {
  /** What a child is called in messages and at the beginning of its filter in the ledger: `query`. */
  name: string;
  /** All present parents; `whole` says that none is missing. */
  parents(context: StreamContext): Promise<Parents>;
  /** The records of one child. Returns whether more will come. Throws `skip` when the child does not exist. */
  read(context: StreamContext, child: Child): AsyncGenerator<unknown[], ReadingEnd>;
  /** Records change without any sign in their parent: complete children, too, are read again every `childRepeatMs`. */
  repeats?: boolean;
}

/** true: no more records will come. false: unknown. `pending`: more records will come, whatever the parent says. */
export type ReadingEnd = boolean | 'pending';

export interface Parents {
  children: Child[];
  whole: boolean;
  /** The refusal, such as a rate limit, because of which some parents are missing. */
  refused?: unknown;
}

/** How often a reading that breaks off is tried before it is put off. */
const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_600_000;
/** A reading is not repeated before this many times its duration has passed. */
const REST_FACTOR = 4;
const LONGEST_REST_MS = LONGEST_PAUSE_MS * REST_FACTOR;

type Event =
  | { kind: 'page'; child: string; page: Page }
  | { kind: 'ended'; child: string }
  | { kind: 'planned'; parents: Parents }
  | { kind: 'failed'; error: unknown; child: string | undefined };

/**
 * Pages of all children that are due, as they arrive. Ends when no child is being read and none is due. The list of parents
 * is read beside the children: a long child must not hold up new parents, nor the list the children.
 */
export async function* walkChildren(context: StreamContext, walk: Walk, children: Children): AsyncIterable<Page> {
  const events = openEvents();
  const reading = new Map<string, Reading>();
  const plansOnce = walk.kind === 'backfill' || walk.once === true;
  let queue: Child[] = [];
  let planning = false;
  const refused = new Map<string, Refused>(); // tried once more when all others are done
  const triedAgain = new Set<string>();
  let listRefused: unknown;
  let witness: Child | undefined;
  let plannedAtMs = Number.NEGATIVE_INFINITY;
  const plan = (): void => {
    planning = true;
    plannedAtMs = context.now();
    planned(context, children).then(
      (parents) => events.put({ kind: 'planned', parents }),
      (error: unknown) => events.put({ kind: 'failed', error, child: undefined }),
    );
  };
  const pull = (child: string, pages: AsyncGenerator<Page>): void => {
    pages.next().then(
      ({ done, value }) => events.put(done ? { kind: 'ended', child } : { kind: 'page', child, page: value as Page }),
      (error: unknown) => events.put({ kind: 'failed', error, child }),
    );
  };
  const nextPlanMs = () => {
    if (plansOnce || planning) return undefined;
    plannedAtMs = Math.min(plannedAtMs, context.now()); // the clock may be set back
    return plannedAtMs + context.settings.snapshotMs;
  };
  plan();
  try {
    while (planning || reading.size + queue.length + refused.size > 0) {
      context.signal.throwIfAborted();
      const [first] = refused.values();
      if (first !== undefined && !planning && reading.size + queue.length === 0) {
        if (!(await answersFor(context, children, witness))) throw first.error;
        for (const { child, error } of refused.values()) {
          if (triedAgain.has(child.key))
            yield failed(context, walk, children, child, context.knownChild(child.key), error);
          else queue.push(child);
          triedAgain.add(child.key);
        }
        refused.clear();
        continue;
      }
      while (reading.size < context.settings.childConcurrency && queue.length > 0) {
        const child = queue.shift() as Child;
        const pages = readChild(contextFor(context, child), walk, children, child);
        refused.delete(child.key);
        reading.set(child.key, { child, pages });
        pull(child.key, pages);
      }
      if (!planning && !plansOnce && context.now() >= (nextPlanMs() as number)) plan();
      const event = await events.next(context, nextPlanMs());
      if (event === undefined) continue;
      if (event.kind === 'page') {
        yield event.page;
        const read = reading.get(event.child);
        if (event.page.records.length > 0) witness = read?.child;
        if (read !== undefined) pull(event.child, read.pages);
      } else if (event.kind === 'ended') reading.delete(event.child);
      else if (event.kind === 'planned') {
        planning = false;
        const { children: all, whole } = event.parents;
        listRefused = event.parents.refused;
        if (whole) yield* gone(context, all, reading);
        queue = due(context, walk, all, reading);
        context.counted?.(walk.range, queue.length + reading.size);
      } else if (event.child !== undefined) {
        const read = reading.get(event.child);
        if (read === undefined || isFinal(event.error) || !isGeneral(event.error)) throw event.error;
        reading.delete(event.child);
        refused.set(event.child, { child: read.child, error: event.error as SluiceError });
      } else {
        if (reading.size + queue.length === 0 || isFinal(event.error)) throw event.error;
        planning = false; // the children that are being read go on
        context.log.warn(`the list of parents cannot be read for now: ${messageOf(event.error)}`);
      }
    }
    if (listRefused !== undefined) throw listRefused;
  } finally {
    for (const { pages } of reading.values()) void pages.return(undefined).catch(() => {}); // not awaited: closing a reply may take long
  }
}

interface Reading {
  child: Child;
  pages: AsyncGenerator<Page>;
}

/** A child whose reading met a refusal of the route or source. If it is refused again while others are answered, it is to blame itself. */
interface Refused {
  child: Child;
  error: SluiceError;
}

/** Whether the vendor still answers for a child that it has answered for in this walk. */
async function answersFor(context: StreamContext, { read }: Children, witness: Child | undefined): Promise<boolean> {
  if (witness === undefined) return false;
  const parts = read(context, witness);
  try {
    await parts.next();
    return true;
  } catch {
    context.signal.throwIfAborted();
    return false;
  } finally {
    await parts.return(false); // closes the reply, also when the reader stops early
  }
}

/** The children of the records of a list. A record that is not understood does not keep the others from being read. */
export async function listedParents(
  context: StreamContext,
  list: Omit<Snapshot, 'findsDeleted'>,
  toChild: (key: string, record: unknown) => Child,
): Promise<Parents> {
  const failed = new Set<string>();
  const { records, settled } = await readSnapshot(context, list, (record, key): Child | undefined => {
    if (!hasKey(key)) return undefined;
    try {
      return toChild(key, record);
    } catch (error) {
      const why = `the children of this record are not read, since the record is not understood: ${messageOf(error)}`;
      if (!failed.has(key)) context.log.warn({ key }, why);
      failed.add(key);
      return undefined;
    }
  });
  const children = [...records.values()].filter((child) => child !== undefined);
  return { children, whole: settled && children.length === records.size };
}

function isFinal(error: unknown): boolean {
  return !(error instanceof SluiceError) || error.action === 'stop';
}

/** A queue of events. Each reading has at most one event in it, so the queue stays short. */
function openEvents() {
  const waiting: Event[] = [];
  let wake = Promise.withResolvers<void>();
  return {
    put(event: Event): void {
      waiting.push(event);
      wake.resolve();
    },
    /** The next event; undefined when none came until `untilMs`. */
    async next(context: StreamContext, untilMs: number | undefined): Promise<Event | undefined> {
      if (waiting.length === 0) {
        wake = Promise.withResolvers();
        const timer = new AbortController();
        const leftMs = untilMs === undefined ? LONGEST_PAUSE_MS : Math.max(0, untilMs - context.now());
        const pause = sleep(Math.min(leftMs, LONGEST_PAUSE_MS), undefined, { signal: timer.signal }).catch(() => {});
        await Promise.race([wake.promise, pause]);
        timer.abort();
      }
      return waiting.shift();
    },
  };
}

/** The parents in the list, those that the configuration names, in upper or lower case, and those from notes. */
async function planned(context: StreamContext, children: Children): Promise<Parents> {
  const listed = await children.parents(context).catch((error: unknown) => withoutList(context, children, error));
  const known = new Set(listed.children.map(({ key }) => key.toLowerCase()));
  const configured: Child[] = [];
  for (const key of context.parents) {
    if (known.has(key.toLowerCase())) continue;
    known.add(key.toLowerCase());
    configured.push(unlisted(key, 'configured'));
  }
  const noted: Child[] = [];
  for (const key of context.noted()) {
    if (!known.has(key.toLowerCase())) noted.push(unlisted(key, NOTED));
  }
  return { ...listed, children: [...listed.children, ...configured, ...noted] };
}

/** When the list cannot be read, the parents that the configuration names are read all the same; no other counts as gone. */
function withoutList(context: StreamContext, { name }: Children, error: unknown): Parents {
  if (context.parents.length === 0 || isAbort(error) || isFinal(error)) throw error;
  context.log.warn(`no ${name} is read but those that the configuration names: ${messageWithAdvice(error)}`);
  return { children: [], whole: false };
}

/** The version of a parent that is only known from a note. */
const NOTED = 'noted';

function unlisted(key: string, version: string): Child {
  return { key, version, complete: true, expectsRecords: false, facts: {} };
}

type BeingRead = ReadonlyMap<string, unknown>;

/** Marks open children whose parent does not exist any more. */
function* gone(context: StreamContext, all: readonly Child[], reading: BeingRead): Generator<Page> {
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

/** The children to read: new ones first, then those that have waited longest, so that none starves behind children that keep growing. */
function due(context: StreamContext, walk: Walk, all: readonly Child[], reading: BeingRead): Child[] {
  const rows = new Map(all.map(({ key }) => [key, context.knownChild(key)]));
  const rank = ({ key, version }: Child) => {
    const row = rows.get(key);
    if (row === undefined) return version === NOTED ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return row.nextAtMs ?? 0;
  };
  return all
    .filter((child) => !reading.has(child.key) && isDue(context, walk, child, rows.get(child.key)))
    .sort((one, other) => (rank(one) < rank(other) ? -1 : rank(one) > rank(other) ? 1 : 0));
}

function isDue(context: StreamContext, walk: Walk, child: Child, row: ChildRow | undefined): boolean {
  if (row === undefined) return true;
  if (walk.kind === 'backfill') return !isEmptyNote(child, row);
  const nowMs = context.now();
  const changed = row.version !== child.version;
  if (row.status === 'gone') return true; // its parent is listed again
  if (row.status === 'complete' && row.nextAtMs !== null && isOver(row.nextAtMs, context)) return true;
  if (row.status !== 'open') return changed;
  const restsUntilMs = row.nextAtMs ?? 0;
  // A child without a sign of progress is read less and less often.
  const extraPauseMs = changed || row.failures > 0 ? 0 : Math.min((nowMs - row.sinceMs) / 4, LONGEST_PAUSE_MS);
  const isWrongClock = restsUntilMs - nowMs > LONGEST_REST_MS;
  return nowMs >= restsUntilMs + extraPauseMs || isWrongClock;
}

/** A child that is only known from a note and has no records is not read again: the list names its parent when that changes. */
function isEmptyNote(child: Child, row: Pick<ChildRow, 'status' | 'records'>): boolean {
  return child.version === NOTED && row.status === 'complete' && row.records === 0;
}

/** Whether the time for a repetition has come. A time too far ahead was set by a wrong clock, and counts as come. */
function isOver(repeatsAtMs: number, { now, settings }: StreamContext): boolean {
  return now() >= repeatsAtMs || repeatsAtMs - now() > settings.childRepeatMs;
}

/** Children known from notes and complete ones, of which there may be thousands, go behind all others. */
function contextFor(context: StreamContext, child: Child): StreamContext {
  const isLater = child.version === NOTED || context.knownChild(child.key)?.status === 'complete';
  return isLater ? { ...context, priority: 'backfill' } : context;
}

/** The pages of one child; the last page has the row to store. */
async function* readChild(context: StreamContext, walk: Walk, children: Children, child: Child): AsyncGenerator<Page> {
  const startedAtMs = context.now();
  const before = context.knownChild(child.key);
  for (let attempt = 1; ; attempt++) {
    const parts = children.read(context, child);
    try {
      let records = 0;
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
      const isMissing = child.version !== NOTED && (child.expectsRecords || (before?.records ?? 0) > 0);
      if (action === 'skip' && !isMissing) {
        const complete = child.version === NOTED;
        yield finished(context, walk, children, child, { records: 0, complete, startedAtMs, before });
        return;
      }
      if (isAbort(error)) throw error;
      const why = error instanceof SluiceError ? error : ofThisChild(error);
      if (why.action === 'stop' || isGeneral(why)) throw why;
      if (attempt < ATTEMPTS && why.action === 'retry' && why.waitMs === undefined) {
        await sleep(ATTEMPT_PAUSE_MS * attempt, undefined, { signal: context.signal });
        continue;
      }
      yield failed(context, walk, children, child, before, why);
      return;
    } finally {
      await parts.return(false); // closes the reply, also when the reader stops early
    }
  }
}

/** An unexpected error is blamed on this child's reply: the other children are still read. */
function ofThisChild(error: unknown): SluiceError {
  return new SluiceError(`its reply is not understood: ${messageOf(error)}`, { action: 'reject', cause: error });
}

interface Outcome {
  records: number;
  complete: ReadingEnd;
  startedAtMs: number;
  before: ChildRow | undefined;
}

function finished(
  context: StreamContext,
  walk: Walk,
  { name, repeats = false }: Children,
  child: Child,
  { records, complete, startedAtMs, before }: Outcome,
): Page {
  const nowMs = context.now();
  // The deadline begins anew for a child that got more records after its end, or that is pending with a new version.
  const isOngoing = before?.status === 'open' || before?.status === 'overdue';
  const isAnew = complete === 'pending' && before?.version !== child.version;
  const sinceMs = isOngoing && !isAnew ? before.sinceMs : startedAtMs;
  // When only the parent says that the child is complete, a second reading has to agree.
  const agrees = before?.version === child.version && before.records === records;
  const isComplete = child.complete && complete !== 'pending' && (complete || agrees);
  const isOverdue = !isComplete && !repeats && nowMs - sinceMs > context.settings.childDeadlineMs;
  if (isOverdue && before?.status !== 'overdue') {
    context.log.warn(
      { key: child.key },
      `${name} ${child.key} was not complete in time: it is read again when its parent changes`,
    );
  }
  const restMs = Math.max(context.settings.snapshotMs, REST_FACTOR * (nowMs - startedAtMs));
  const nextAt = (): number | null => {
    const isWorthIt = !isEmptyNote(child, { status: 'complete', records });
    if (isComplete) return repeats && isWorthIt ? nowMs + context.settings.childRepeatMs : null;
    return isOverdue ? null : nowMs + Math.min(restMs, LONGEST_REST_MS);
  };
  const row: ChildRow = {
    child: child.key,
    version: child.version,
    status: isComplete ? 'complete' : isOverdue ? 'overdue' : 'open',
    sinceMs,
    nextAtMs: nextAt(),
    records,
    failures: 0,
  };
  return { ...mark(row), accepted: accepted(walk, name, child, records, isComplete) };
}

/** After so many readings that found no such child (about a day at hourly pauses), the child counts as empty, whatever is known of it. */
const MISSING_BELIEVED = 24;

/** Puts a failed child off, twice as long each time; the ledger shows that the child was not read. */
function failed(
  context: StreamContext,
  walk: Walk,
  { name, repeats = false }: Children,
  child: Child,
  before: ChildRow | undefined,
  error: SluiceError,
): Page {
  const nowMs = context.now();
  const failures = (before?.failures ?? 0) + 1;
  const pauseMs = Math.min(context.settings.snapshotMs * 2 ** Math.min(failures - 1, 20), LONGEST_PAUSE_MS);
  if (error.action === 'skip' && failures >= MISSING_BELIEVED) {
    const nextAtMs = repeats ? nowMs + context.settings.childRepeatMs : null;
    const { key, version } = child;
    const row = { child: key, version, status: 'complete' as const, sinceMs: before?.sinceMs ?? nowMs, nextAtMs };
    return { ...mark({ ...row, records: 0, failures: 0 }), accepted: accepted(walk, name, child, 0, true) };
  }
  context.log.warn({ key: child.key }, `${name} ${child.key} cannot be read for now: ${messageWithAdvice(error)}`);
  const row: ChildRow = {
    child: child.key,
    version: before?.version ?? '',
    status: 'open',
    sinceMs: before === undefined || before.status === 'complete' ? nowMs : before.sinceMs,
    nextAtMs: nowMs + Math.min(Math.max(pauseMs, error.waitMs ?? 0), LONGEST_REST_MS),
    records: before?.records ?? null,
    failures,
  };
  return { ...mark(row), accepted: accepted(walk, name, child, 0, false) };
}

/** Counts the entries of a reply, since the keys of a long reply do not fit into memory. */
function accepted(walk: Walk, name: string, child: Child, records: number, settled: boolean): Accepted {
  return { range: walk.range, total: records, distinct: records, settled, attempts: 1, filter: `${name}=${child.key}` };
}
