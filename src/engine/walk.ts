/**
 * One walk, from its cursor to its end: read a page, compare and map (`change.ts`), write and checkpoint
 * (`batch-writer.ts`). Walks of one pipeline run side by side and share its claims, so that none ships what another one is
 * shipping.
 */
import type { VendorClient } from '../api/client.ts';
import { createPace } from '../api/pace.ts';
import { hasKey } from '../api/records/identity.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Page, Range, Walk } from '../api/walk.ts';
import type { Known, WalkRow } from '../state/store.ts';
import { type BatchWriter, openBatchWriter, type PageInFlight } from './batch-writer.ts';
import { type Change, changeFromDetail, changeFromList, changeFromLoss } from './change/change.ts';
import { isUnchanged, type Observed, observe, observeKey, withoutTwins } from './change/compare.ts';
import { pagesOf } from './completeness/beyond.ts';
import { closingPages } from './completeness/closing.ts';
import { deletedByList } from './completeness/missing.ts';
import { noteLive } from './completeness/open-parts.ts';
import { duePages } from './due.ts';
import { openWalkProgress, type WalkProgress } from './jobs/progress.ts';
import type { Pipeline } from './pipeline.ts';

/** Where a walk goes on: its frozen range and cursor when it was interrupted, else it begins with the range that is given. */
export function resumeWalk(pipeline: Pipeline, wanted: Walk): WalkRow {
  const walk = wanted.closes ? { ...wanted, range: asAsked(pipeline, wanted.range) } : wanted;
  const saved = pipeline.state.walk(walk.id);
  // A range that begins in the future was begun by a clock that was wrong.
  if (saved !== undefined && saved.finishedAtMs === undefined && saved.range.fromMs <= pipeline.now()) {
    // The same gap goes on, which may have grown; another gap is read from its own beginning.
    if (walk.gap === undefined || saved.range.fromMs === walk.range.fromMs) return saved;
  }
  if (walk.kind === 'live') noteLive(pipeline.state, walk.range);
  return pipeline.state.begin(walk.id, walk.kind, walk.range);
}

/** A range from the beginning of time begins where the pipeline was asked to begin. */
function asAsked({ state }: Pipeline, { fromMs, toMs }: Range): Range {
  return { fromMs: fromMs === 0 ? (state.coveredFromMs() ?? toMs) : fromMs, toMs };
}

/** When a walk ends before it is at its end. */
interface Leaving {
  /** Behind the page at hand, when it has taken so long. */
  turnMs?: number;
  /** Behind the page at hand, once this is aborted: a person has paused it. */
  leave?: AbortSignal;
}

/** A page that takes longer, because its vendor does not answer, is left: what it has delivered is known, the rest is read again. */
const LEAVE_MS = 5000;

/**
 * Runs a walk to its end, and says whether that was reached. Throws a `SluiceError` when it cannot go on. Its cursor stays
 * where everything before it is delivered.
 */
export async function runWalk(
  pipeline: Pipeline,
  wanted: Walk,
  signal: AbortSignal,
  { turnMs = Number.POSITIVE_INFINITY, leave }: Leaving = {},
): Promise<boolean> {
  const startedAtMs = performance.now();
  const row = resumeWalk(pipeline, wanted);
  const walk: Walk = { ...wanted, range: row.range };
  const ends = new AbortController();
  const abort = () => ends.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const leaving = whenAborted(leave, () => setTimeout(abort, LEAVE_MS));
  const progress = openWalkProgress(pipeline, walk);
  const context = contextOf(pipeline, walk, ends.signal, progress);
  pipeline.events.began(walk);
  // A stop does not break off a write: the batch at hand is delivered and committed. Only `hardStop` does.
  const writer = openBatchWriter(pipeline, walk.id, row.batch, pipeline.hardStop, progress);
  try {
    const pages = pagesFor(pipeline, context, walk, row.cursor);
    const reader = openReader(pipeline, context, walk, writer, progress);
    let isOver = false;
    for await (const page of ahead(progress?.tagged(pages) ?? pages)) {
      await reader.take(page);
      isOver = performance.now() - startedAtMs > turnMs || leave?.aborted === true;
      if (isOver) break;
    }
    await reader.drained();
    await writer.flush();
    if (!isOver) {
      if (pipeline.registered.stream.describesHosts && walk.kind !== 'refresh') pipeline.hostGate.known();
      return pipeline.state.finish(walk.id, pipeline.now(), walk.range.toMs);
    }
    ends.abort(); // the page that is asked for ahead
    return false;
  } catch (error) {
    ends.abort();
    const flushed = await writer.flush().then(
      () => true,
      () => false, // the sink has failed
    ); // changes so far are delivered all the same
    if (flushed && leave?.aborted && !signal.aborted) return false;
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    leaving.forget();
    await writer.close();
    progress?.save(true);
    pipeline.events.ended(walk.id);
  }
}

function whenAborted(signal: AbortSignal | undefined, begin: () => NodeJS.Timeout): { forget(): void } {
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    timer = begin();
  };
  signal?.addEventListener('abort', start, { once: true });
  if (signal?.aborted) start();
  return {
    forget() {
      signal?.removeEventListener('abort', start);
      clearTimeout(timer);
    },
  };
}

function pagesFor(
  pipeline: Pipeline,
  context: StreamContext,
  walk: Walk,
  cursor: WalkRow['cursor'],
): AsyncIterable<Page> {
  if (walk.kind === 'refresh') return duePages(pipeline, walk);
  return walk.closes ? closingPages(pipeline, context, walk) : pagesOf(pipeline, context, walk, cursor);
}

function contextOf(
  pipeline: Pipeline,
  walk: Walk,
  signal: AbortSignal,
  progress: WalkProgress | undefined,
): StreamContext {
  const kind = pipeline.registered.stream.parentNotes;
  const client = remembering(pipeline, walk);
  return {
    client: progress?.client(client, 'list') ?? client,
    counted: progress?.counted,
    source: pipeline.source,
    settings: pipeline.reading,
    knownKeys: (range) => pipeline.state.keysBetween(range),
    knownChild: (key) => pipeline.state.child(key),
    openChildren: () => pipeline.state.openChildren(),
    parents: pipeline.parents,
    noted: () => (kind === undefined ? [] : pipeline.state.noted(kind)),
    now: pipeline.now,
    priority: walk.kind === 'live' ? 'live' : 'backfill',
    pagesAtOnce: isLong(pipeline, walk) ? pipeline.pagesAtOnce : 1,
    signal,
    log: pipeline.log.child({ 'sluice.walk': walk.id }),
  };
}

/** A walk over windows of history, which has nothing to gain from going page by page. */
function isLong({ registered }: Pipeline, { kind }: Walk): boolean {
  return registered.stream.mode === 'windows' && (kind === 'backfill' || kind === 'catch-up');
}

/** The client, which remembers in the state which scopes have worked (those cannot be missing), and tells what the walk waits for. */
function remembering({ client, state, allowed, events }: Pipeline, walk: Walk): VendorClient {
  const wasAllowed = (scope: string): boolean => allowed.has(scope) || state.fact(`scope ${scope}`) === true;
  const note = (scope: string): void => {
    if (allowed.has(scope)) return;
    allowed.add(scope);
    state.setFact(`scope ${scope}`, true);
  };
  return {
    ...client,
    async json(request) {
      const over = events.requesting(walk.id, request.route);
      try {
        const reply = await client.json({ ...request, wasAllowed: wasAllowed(request.scope) });
        note(request.scope);
        return reply;
      } finally {
        over();
      }
    },
    async *parts(request) {
      const over = events.requesting(walk.id, request.route);
      try {
        for await (const part of client.parts({ ...request, wasAllowed: wasAllowed(request.scope) })) {
          note(request.scope);
          over(); // it is answered; what follows may be as long as the sink is slow
          yield part;
        }
      } finally {
        over();
      }
    },
  };
}

/** Requests the next page while the present one is worked on. */
async function* ahead(pages: AsyncIterable<Page>): AsyncIterable<Page> {
  const iterator = pages[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = iterator.next();
      next.catch(() => {}); // thrown where it is awaited
      yield value;
    }
  } finally {
    void iterator.return?.(); // not awaited: the page that is under way may take long
  }
}

interface Reader {
  take(page: Page): Promise<void>;
  /** Resolves when every record that was taken is in a batch. */
  drained(): Promise<void>;
}

function openReader(
  pipeline: Pipeline,
  context: StreamContext,
  walk: Walk,
  writer: BatchWriter,
  progress: WalkProgress | undefined,
): Reader {
  const pace = createPace();
  let open = 0;
  let one = Promise.withResolvers<void>();
  let failure: unknown;
  const { stream } = pipeline.registered;
  const useDetails = pipeline.details && stream.detail !== undefined;
  // Details of an inventory of thousands must not hold up those of live records.
  const client = remembering(pipeline, walk);
  const forDetails: StreamContext = {
    ...context,
    ...(stream.mode === 'windows' ? undefined : { priority: 'backfill' }),
    client: progress?.client(client, 'detail') ?? client,
    // Walks take turns in the rate limit by their signals: so do the list, which leads to more details, and the details.
    signal: AbortSignal.any([context.signal]),
  };

  const later = (page: PageInFlight, work: () => Promise<Change | undefined>, listed?: string): void => {
    open++;
    void work()
      .then((change) => writer.done(page, change, listed))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => {
        open--;
        one.resolve();
        one = Promise.withResolvers();
      });
  };
  const room = async (): Promise<void> => {
    while (failure === undefined && open >= pipeline.mostOpenDetails) await one.promise;
    if (failure !== undefined) throw failure;
    await writer.ready();
  };
  /** Returns a promise only for a record that has to wait: most list records need not, and there are many. */
  const takeChanged = (page: PageInFlight, seen: Observed, known: Known | undefined): Promise<void> | undefined => {
    if (seen.record === undefined || (useDetails && hasKey(seen.key))) {
      return room().then(() => later(page, () => changeFromDetail(pipeline, forDetails, walk, seen), seen.listed));
    }
    if (pipeline.claims.of(seen.key) !== undefined) later(page, () => whenFree(pipeline, walk, seen), seen.listed);
    else writer.done(page, changeFromList(pipeline, walk, seen, known), seen.listed);
    return undefined;
  };
  return {
    async take(page) {
      context.signal.throwIfAborted();
      await writer.ready();
      if (pace.isDue()) await pace.turn();
      const asked = useDetails ? (page.ask ?? []).filter(hasKey) : [];
      const deleted = deletedByList(pipeline, page);
      const listed = page.records.map((raw) => observe(pipeline, raw));
      const observed = withoutTwins(pipeline, listed, useDetails);
      const inFlight = writer.begin(page, observed.length + asked.length + deleted.length);
      pipeline.events.seen(walk.id, page.records.length);
      progress?.listed(page);
      if (pace.isDue()) await pace.turn(); // before the look-up, which would be out of date after it
      const known = lookUp(pipeline, observed);
      for (const seen of observed) {
        const before = known(seen.key);
        // Once a child is remembered as read, all walks rely on its records being delivered.
        const isVouchedFor = page.window !== undefined && isClaimedElsewhere(pipeline, walk, seen);
        const waiting = isVouchedFor
          ? room().then(() => later(inFlight, () => whenFree(pipeline, walk, seen)))
          : isUnchanged(pipeline, seen, before)
            ? writer.done(inFlight)
            : takeChanged(inFlight, seen, before);
        if (waiting !== undefined) await waiting;
        if (pace.isDue()) await pace.turn();
      }
      for (const key of asked) await takeChanged(inFlight, observeKey(pipeline, key), undefined);
      for (const key of deleted) await room().then(() => later(inFlight, () => changeFromLoss(pipeline, walk, key)));
      await writer.ready();
    },
    async drained() {
      while (open > 0 && failure === undefined) await one.promise;
      if (failure !== undefined) throw failure;
    },
  };
}

/** What is known of a page's records, from one query as long as nothing is committed meanwhile. */
function lookUp(pipeline: Pipeline, observed: readonly Observed[]): (key: string) => Known | undefined {
  const { commits, state } = pipeline;
  const known = state.knownAmong(observed.map((seen) => seen.key));
  return (key) => (pipeline.commits === commits ? known.get(key) : state.known(key));
}

/** Whether another walk is shipping it: a page that vouches for its delivery must wait for that walk. */
function isClaimedElsewhere({ claims }: Pipeline, walk: Walk, { key }: Observed): boolean {
  const claim = claims.of(key);
  return claim !== undefined && claim.walk !== walk.id;
}

/** A record that another walk is shipping: compared again when that walk is done with it. */
function whenFree(pipeline: Pipeline, walk: Walk, seen: Observed): Promise<Change | undefined> {
  return pipeline.claims.whenFree(seen.key, () => {
    const known = pipeline.state.known(seen.key);
    return isUnchanged(pipeline, seen, known) ? undefined : changeFromList(pipeline, walk, seen, known);
  });
}
