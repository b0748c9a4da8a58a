/**
 * Source x stream x sink: read a page, compare and map (`reading/changes.ts`), write and checkpoint (`batch-writer.ts`).
 *
 * `runWalk` is one walk from its cursor to its end. Walks of one pipeline run side by side and share `claims`, so that
 * none ships what another one is shipping.
 */
import type { Logger } from 'pino';
import type { VendorClient } from '../api/client.ts';
import type { Json, SourceFacts } from '../api/document.ts';
import { messageOf } from '../api/errors.ts';
import { createPace } from '../api/pace.ts';
import { hasKey } from '../api/records/identity.ts';
import type { Sink } from '../api/sink.ts';
import type { ReadingSettings, Registered, StreamContext } from '../api/stream.ts';
import type { ChildRow, Gap, Page, Walk } from '../api/walk.ts';
import type { Memory } from '../net/memory.ts';
import type { Due, Known, LedgerRow, PipelineState, WalkRow } from '../state/store.ts';
import { type Lane, openLane, type PageInFlight } from './batch-writer.ts';
import { pagesOf } from './beyond.ts';
import {
  type Change,
  type Claim,
  changeFromDetail,
  changeFromList,
  changeFromLoss,
  isClaimed,
  isClaimedElsewhere,
  isUnchanged,
  MOST_OWED,
  released,
  type Sight,
  sight,
  sightOfKey,
  withoutTwins,
} from './changes.ts';
import { deletedByList } from './missing.ts';
import type { RefreshSettings } from './refresh.ts';

/** What a pipeline tells those who watch it (progress, metrics, health). */
export interface PipelineEvents {
  /** A page with so many records was read. */
  seen(walk: string, records: number): void;
  delivered(walk: string, documents: number, rejected: number): void;
  window(row: LedgerRow): void;
  /** A walk came to its end. */
  walked(walk: Walk): void;
  /** The vendor refuses a backfill for good; the other walks go on. */
  refused(walk: Walk, reason: string): void;
  /** Something does not answer; the pipeline goes on by itself. */
  waiting(reason: string): void;
  /** A person should look at something although everything goes on; undefined when that is over. */
  alarmed(text: string | undefined): void;
  /** A walk cannot go on for now; it is tried again. */
  walkFailed(walk: Walk, reason: string): void;
  /** A child was read, or could not be. */
  child(row: ChildRow): void;
  /** So many records wait for their detail now. */
  owed(records: number): void;
  /** What is known not to be delivered, now. */
  gaps(gaps: readonly Gap[]): void;
  /** The sink is asked for something, and may take long to answer. */
  asking(walk: string): void;
  /** It did. With `taken` it is known to take documents, with `failure` that it does not. */
  answered(walk: string, outcome: { taken?: boolean; failure?: string }): void;
}

export interface BatchSettings {
  /** A batch is written when it has so many records ... */
  documents: number;
  /** ... or documents of so many bytes ... */
  bytes: number;
  /** ... or is this old. */
  waitMs: number;
}

export interface Pipeline {
  /** `source/stream/sink`. */
  name: string;
  registered: Registered;
  source: SourceFacts;
  client: VendorClient;
  sink: Sink;
  state: PipelineState;
  reading: ReadingSettings;
  /** Parents that the configuration names, whether a list has them or not. */
  parents: readonly string[];
  /** Notes of other kinds are read by no stream of the source, and not kept. */
  wantedNotes: ReadonlySet<string>;
  /** Whether what the inventory says of a host completes documents. */
  enrichHosts: boolean;
  /** Whether details are fetched. */
  details: boolean;
  refresh: RefreshSettings;
  /** What replies take, which all sources share. */
  memory: Memory;
  /** Details of so many records at most are under way, or waiting for their turn, per walk. */
  mostOpenDetails: number;
  batch: BatchSettings;
  volatile: ReadonlySet<string>;
  /** Scopes that have worked in this process. */
  allowed: Set<string>;
  claims: Map<string, Claim>;
  /** Records that wait for their detail, with their fingerprints. */
  owed: Map<string, string | null>;
  /** How long a record waits for a detail that cannot be had. */
  detailPatienceMs: number;
  /** Rises with every commit: what was looked up before may be out of date. */
  commits: number;
  /** Causes of rejections that were told. */
  told: Set<string>;
  /** Why a write or commit failed: no walk writes any more until the sink was asked which documents arrived. */
  sinkFailure: unknown;
  /** Aborted by a second stop signal, or 8 s after the first: breaks off even a write. */
  hardStop: AbortSignal;
  events: PipelineEvents;
  log: Logger;
  now: () => number;
}

/** What asks the sink beside the walks. */
const RECOVERY = 'recovery';

/** Asks the sink which batches of an earlier process arrived. To be called before the first walk, and after a walk that failed. */
export async function recover(pipeline: Pipeline, signal: AbortSignal = pipeline.hardStop): Promise<void> {
  const { state, sink, registered, source } = pipeline;
  const prepared = state.prepared(registered.stream.name, source.name);
  const receipts = new Map(
    state.walks().flatMap((row): [string, Json][] => (row.receipt === undefined ? [] : [[row.walk, row.receipt]])),
  );
  pipeline.events.asking(RECOVERY);
  const { arrived } = await sink.recover(pipeline.name, prepared, receipts, signal).catch((error: unknown) => {
    pipeline.events.answered(RECOVERY, { failure: messageOf(error) });
    throw error;
  });
  const ids = prepared.reduce((sum, batch) => sum + batch.ids.length, 0);
  // One that can be searched may still take nothing: only what all arrived proves that it does, or the next write.
  pipeline.events.answered(RECOVERY, { taken: ids > 0 && arrived.size === ids });
  if (prepared.length > 0) state.resolve(arrived);
  pipeline.sinkFailure = undefined;
  if (prepared.length === 0) return;
  pipeline.log.info(`recovered: of ${ids} documents that were being written, ${arrived.size} had arrived`);
}

/** Where a walk goes on: its frozen range and cursor when it was interrupted, else it begins with the range that is given. */
export function resumeWalk(pipeline: Pipeline, walk: Walk): WalkRow {
  const saved = pipeline.state.walk(walk.id);
  // One that begins in the future was begun by a clock that was wrong.
  if (saved !== undefined && saved.finishedAtMs === undefined && saved.range.fromMs <= pipeline.now()) {
    // The same gap, which may have grown; another one is looked for from its own beginning.
    if (walk.gap === undefined || saved.range.fromMs === walk.range.fromMs) return saved;
  }
  return pipeline.state.begin(walk.id, walk.kind, walk.range);
}

/**
 * Runs a walk to its end, and says whether that was reached: after `turnMs` it stops behind the page at hand. Throws a
 * `SluiceError` when it cannot go on. Its cursor stays where everything before it is delivered.
 */
export async function runWalk(
  pipeline: Pipeline,
  wanted: Walk,
  signal: AbortSignal,
  turnMs = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  const startedAtMs = performance.now();
  const row = resumeWalk(pipeline, wanted);
  const walk: Walk = { ...wanted, range: row.range };
  const ends = new AbortController();
  const abort = () => ends.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const context = contextOf(pipeline, walk, ends.signal);
  // A stop does not break off a write: the batch at hand is delivered and committed. Only `hardStop` does.
  const lane = openLane(pipeline, walk.id, row.batch, pipeline.hardStop);
  try {
    const pages = walk.kind === 'refresh' ? duePages(pipeline, walk) : pagesOf(pipeline, context, walk, row.cursor);
    const reader = openReader(pipeline, context, walk, lane);
    let isOver = false;
    for await (const page of ahead(pages)) {
      await reader.take(page);
      isOver = performance.now() - startedAtMs > turnMs;
      if (isOver) break;
    }
    await reader.settled();
    await lane.flush();
    if (!isOver) return pipeline.state.finish(walk.id, pipeline.now(), walk.range.toMs);
    ends.abort(); // the page that is asked for ahead
    return false;
  } catch (error) {
    ends.abort();
    await lane.flush().catch(() => {}); // what is settled is delivered all the same, unless it was the sink that failed
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    await lane.close();
  }
}

function contextOf(pipeline: Pipeline, walk: Walk, signal: AbortSignal): StreamContext {
  const kind = pipeline.registered.stream.parentNotes;
  return {
    client: remembering(pipeline),
    source: pipeline.source,
    settings: pipeline.reading,
    knownKeys: (range) => pipeline.state.keysBetween(range),
    knownChild: (key) => pipeline.state.child(key),
    openChildren: () => pipeline.state.openChildren(),
    parents: pipeline.parents,
    noted: () => (kind === undefined ? [] : pipeline.state.noted(kind)),
    now: pipeline.now,
    priority: walk.kind === 'live' ? 'live' : 'backfill',
    signal,
    log: pipeline.log,
  };
}

/** The client, which is told and remembers in the state which scopes have worked: those cannot be missing. */
function remembering({ client, state, allowed }: Pipeline): VendorClient {
  const wasAllowed = (scope: string): boolean => allowed.has(scope) || state.fact(`scope ${scope}`) === true;
  const note = (scope: string): void => {
    if (allowed.has(scope)) return;
    allowed.add(scope);
    state.setFact(`scope ${scope}`, true);
  };
  return {
    ...client,
    async json(request) {
      const reply = await client.json({ ...request, wasAllowed: wasAllowed(request.scope) });
      note(request.scope);
      return reply;
    },
    async *parts(request) {
      for await (const part of client.parts({ ...request, wasAllowed: wasAllowed(request.scope) })) {
        note(request.scope);
        yield part;
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
    void iterator.return?.(); // not awaited: a page that is being requested may take long
  }
}

/**
 * Records whose detail is due by then. One that is put off for longer than the longest pause from now on was put off by a
 * clock that was wrong.
 */
export function dueDetails({ state, refresh, now }: Pipeline, byMs: number, limit: number, after?: Due): Due[] {
  return state.due(byMs, limit, after, now() + Math.max(0, ...refresh.stepsMs));
}

const DUE_AT_ONCE = 500;

/** Pages without records: the keys whose detail is due by now. */
async function* duePages(pipeline: Pipeline, walk: Walk): AsyncIterable<Page> {
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

interface Reader {
  take(page: Page): Promise<void>;
  /** Resolves when every record that was taken is in a batch. */
  settled(): Promise<void>;
}

function openReader(pipeline: Pipeline, context: StreamContext, walk: Walk, lane: Lane): Reader {
  const pace = createPace();
  let open = 0;
  let progress = Promise.withResolvers<void>();
  let failure: unknown;
  const { stream } = pipeline.registered;
  const useDetails = pipeline.details && stream.detail !== undefined;
  // An inventory of thousands must not hold up what happens now.
  const forDetails: StreamContext = stream.mode === 'windows' ? context : { ...context, priority: 'backfill' };

  const later = (page: PageInFlight, work: () => Promise<Change | undefined>): void => {
    open++;
    void work()
      .then((change) => lane.settle(page, change))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => {
        open--;
        progress.resolve();
        progress = Promise.withResolvers();
      });
  };
  const room = async (): Promise<void> => {
    while (failure === undefined && open >= pipeline.mostOpenDetails) await progress.promise;
    if (failure !== undefined) throw failure;
    await lane.ready();
  };
  /** Only what has to wait for something returns a promise: most list records do not, and there are many. */
  const takeChanged = (page: PageInFlight, seen: Sight, known: Known | undefined): Promise<void> | undefined => {
    if (seen.record === undefined || (useDetails && hasKey(seen.key))) {
      return room().then(() => later(page, () => changeFromDetail(pipeline, forDetails, walk, seen)));
    }
    if (isClaimed(pipeline, seen)) later(page, () => whenFree(pipeline, walk, seen));
    else lane.settle(page, changeFromList(pipeline, walk, seen, known));
    return undefined;
  };
  return {
    async take(page) {
      context.signal.throwIfAborted();
      await lane.ready();
      if (pace.isDue()) await pace.turn();
      const asked = useDetails ? (page.ask ?? []).filter(hasKey) : [];
      const deleted = deletedByList(pipeline, page);
      const listed = page.records.map((raw) => sight(pipeline, raw));
      const sights = withoutTwins(pipeline, listed, useDetails);
      const inFlight = lane.begin(page, sights.length + asked.length + deleted.length);
      pipeline.events.seen(walk.id, page.records.length);
      if (pace.isDue()) await pace.turn(); // before anything is looked up: it may be out of date then
      const known = lookUp(pipeline, sights);
      for (const seen of sights) {
        const before = known(seen.key);
        // What is remembered of a child says that its records are delivered, and all walks go by it.
        const isVouchedFor = page.window !== undefined && isClaimedElsewhere(pipeline, walk, seen);
        const waiting = isVouchedFor
          ? room().then(() => later(inFlight, () => whenFree(pipeline, walk, seen)))
          : isUnchanged(pipeline, seen, before)
            ? lane.settle(inFlight)
            : takeChanged(inFlight, seen, before);
        if (waiting !== undefined) await waiting;
        if (pace.isDue()) await pace.turn();
      }
      for (const key of asked) await takeChanged(inFlight, sightOfKey(pipeline, key), undefined);
      for (const key of deleted) await room().then(() => later(inFlight, () => changeFromLoss(pipeline, walk, key)));
      await lane.ready();
    },
    async settled() {
      while (open > 0 && failure === undefined) await progress.promise;
      if (failure !== undefined) throw failure;
    },
  };
}

/** What is known of a page's records, from one query as long as nothing is committed meanwhile. */
function lookUp(pipeline: Pipeline, sights: readonly Sight[]): (key: string) => Known | undefined {
  const { commits, state } = pipeline;
  const known = state.knownAmong(sights.map((seen) => seen.key));
  return (key) => (pipeline.commits === commits ? known.get(key) : state.known(key));
}

/** A record that another walk is shipping: compared again once that one is through. */
async function whenFree(pipeline: Pipeline, walk: Walk, seen: Sight): Promise<Change | undefined> {
  for (let claim = pipeline.claims.get(seen.key); claim !== undefined; claim = pipeline.claims.get(seen.key))
    await released(claim);
  const known = pipeline.state.known(seen.key);
  return isUnchanged(pipeline, seen, known) ? undefined : changeFromList(pipeline, walk, seen, known);
}
