/**
 * The words of Sluice as types. Read this file first, then `pipeline.ts`.
 *
 * A *stream* pages through one vendor resource, a *mapping* turns each record into an ECS document, a *sink* stores
 * the documents, and the *state* remembers what was delivered. A *pipeline* is source x stream x sink.
 */
import type { Logger } from 'pino';
import type { Room } from '../net/memory.ts';
import type { Refusals } from '../net/refusals.ts';
import type { RetrySettings } from '../net/retry.ts';
import type { SourceSecrets } from '../redaction/echoes.ts';

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

/** A stream's name, e.g. `cylance.detection`; it is `event.dataset` everywhere. */
export type StreamName = `${string}.${string}`;

/**
 * An ECS document: nested objects, as Elasticsearch stores them. `mappings/ecs.ts` says which fields are allowed. A mapping
 * leaves `@timestamp` out of a record that has no time; the engine adds it (`src/engine/document.ts`).
 */
export type EcsDocument = { '@timestamp'?: string; [field: string]: unknown };

/** What a mapping may know about the tenant that a record came from. Holds no secret. */
export interface SourceFacts {
  /** The source's name in the config; the data stream's namespace. */
  name: string;
  /** `cylance`, `apex_central`. */
  connector: string;
  /** The vendor's id of the tenant: `organization.id`. */
  tenantId: string;
  /** Where the vendor's console is, without a trailing slash; `event.url` starts with it. */
  consoleUrl?: string;
  /** Whether `event.original` is kept. */
  keepOriginal: boolean;
}

/** Pure: no I/O, no clock, no randomness. Throws only for a record that it cannot understand at all. */
export type Mapping = (record: unknown, source: SourceFacts) => EcsDocument;

/** Half-open time range in epoch milliseconds: `fromMs` belongs to it, `toMs` does not. */
export interface Range {
  fromMs: number;
  toMs: number;
}

export type WalkKind = 'live' | 'catch-up' | 'sweep' | 'refresh' | 'backfill';

/** One pass over a range or list, with its own cursor. Walks of one stream share the revisions. */
export interface Walk {
  /** Unique within its pipeline and stable over restarts: `live`, `catch-up`, `sweep-86400s`, `backfill-7`. */
  id: string;
  kind: WalkKind;
  /** Frozen before the walk begins. */
  range: Range;
  /** `event` ships history without raising alerts (`backfill --as event`). */
  as?: 'event';
  /** What it looks for again. */
  gap?: Gap;
  /** It is to end with what is there now, although more may come meanwhile. */
  once?: boolean;
}

/** What an accepted window held. One row of the ledger, together with what became of the records. */
export interface Accepted {
  range: Range;
  /** The vendor's own count. */
  total: number;
  /** How many different keys were seen; of a child: how many entries its reply had. */
  distinct: number;
  /** Two passes saw the same set of keys, and their number is the vendor's total; a child is complete. */
  settled: boolean;
  /** Which filter the window was narrowed by where time could not split it, e.g. `severity=High`. */
  filter?: string;
}

/** One vendor reply, and where its walk resumes once it is delivered. */
export interface Page {
  records: unknown[];
  /** Opaque to the engine; handed back to `pages` after a restart. */
  cursor: Json;
  /** Keys whose detail is to be asked for whatever the list says: known records that a settled window no longer held, or a refresh that is due. */
  ask?: string[];
  /** Which window the page belongs to, where the pages of several come mixed. */
  window?: string;
  /** Set on the page that ends a window, a list, or the reading of a child. */
  accepted?: Accepted;
  /** Set on the page that ends the reading of a child: what is remembered of it once the page is delivered. */
  child?: ChildRow;
  /** Gaps to be remembered (again), together with the page's cursor. */
  gaps?: readonly Gap[];
  /** Ids of gaps that are closed once the page is delivered. */
  closedGaps?: readonly string[];
  /** What is remembered of its resource by name, once the page is delivered. */
  facts?: { readonly [name: string]: Json };
}

/** Something to be read on its own because a parent says so: the results of an InstaQuery, the devices of a threat. */
export interface Child {
  /** The parent's key. */
  key: string;
  /** What the parent says of it now; another text means that there may be more to read. */
  version: string;
  /** The parent says that nothing more will come. */
  complete: boolean;
  /** The parent says that there are records: then a 404 for them is trouble. */
  expectsRecords: boolean;
  /** What the reader of the child takes from the parent; empty for one that only the configuration knows. */
  facts: { [member: string]: Json };
}

/** What is remembered of a child. Each has its own, so that one that fails neither holds up nor repeats another. */
export interface ChildRow {
  child: string;
  /** The parent's version when it was read last. */
  version: string;
  /**
   * `open`: more may come. `complete`: read to its end. `gone`: it does not exist any more. `overdue`: it did not come
   * to an end in time, and is read again only when its parent changes.
   */
  status: 'open' | 'complete' | 'gone' | 'overdue';
  /** When it was planned first, or went on after its end; deadlines count from here. */
  sinceMs: number;
  /** When it is to be read again whatever its parent says, complete ones too; null for never. */
  nextAtMs: number | null;
  /** How many records its last whole reading had; null before the first. */
  records: number | null;
  /** Readings in a row that failed. */
  failures: number;
}

/** What a record tells other streams of its source, remembered with its delivery: a hash that was seen, a host's addresses. */
export interface Note {
  kind: string;
  id: string;
  value: string;
}

/**
 * A part of a resource that is known not to be delivered: a window that kept changing while it was read (`unsettled`), or
 * a part of a list whose reply cannot be had or read (`unreadable`). It is asked for again at rising intervals, until it
 * is read.
 */
export interface Gap {
  /** What is missing, unique within its pipeline. */
  id: string;
  kind: 'unsettled' | 'unreadable';
  range: Range;
  /** What else its walker needs to ask for it again: a filter, a page; opaque to the engine. */
  place: Json;
  reason: string;
  /** When it was met first, epoch milliseconds. */
  sinceMs: number;
  /** When it is to be asked for again. */
  nextAtMs: number;
  /** How often it was asked for again in vain. */
  attempts: number;
}

/** A request to a vendor, relative to the source's base URL. */
export interface VendorRequest<T = unknown> {
  path: string;
  query?: Record<string, string | number | readonly string[] | undefined>;
  /** Sent as JSON, where the vendor reads with a body. Only for calls that change nothing: they are repeated. */
  body?: { [member: string]: Json };
  /** Calls of one kind, which are held together when one is refused: the path before ids stood in it, as in `about.endpoints`. */
  route: string;
  /** The call was allowed before: a refusal is waited for. */
  wasAllowed?: boolean;
  /** The permission that the call needs: named in the error when the vendor refuses it. Empty where the vendor has none. */
  scope: string;
  /** `live` goes before `backfill` wherever both wait for the source's rate budget. */
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  /** Checks and converts the parsed reply, of so many bytes; what it throws with action `retry` is retried like a failed request. */
  accept: (reply: unknown, bytes?: number) => T;
  /** The order of members says something: `memberOrder` knows it. */
  ordered?: boolean;
  /** What a body that is no JSON stands for; undefined, or left out: it is garbled, and asked for again. */
  unparsed?: (body: string) => T | undefined;
  /** Called with the digest of the body before it is parsed; a result other than undefined is the reply. */
  recognise?: (digest: string) => T | undefined;
  /** The memory that its reply may take; the engine adds it, and a connector hands it on with what it sends. */
  room?: Room;
  /** `patient` waits for a vendor that is down; `brief` gives up on one record while others can be had; `few` gives up soon. */
  retry?: 'patient' | 'brief' | 'few';
}

/** A reply that holds one array, which may be too long to be held whole. */
export interface LongRequest extends Omit<VendorRequest<void>, 'accept' | 'recognise' | 'unparsed' | 'ordered'> {
  /** Names of the array's member, in any casing. */
  member: string;
  /** Checks what stands before the array; called before the first part. Throws for another reply than the expected one. */
  begin: (members: Record<string, unknown>) => void;
  /** The same for all other members, once the whole reply is read. */
  accept: (rest: Record<string, unknown>) => void;
}

/** A connector's connection to one tenant: authentication, rate budget and retries are inside. */
export interface VendorClient {
  /** The accepted reply of one read. Throws a `SluiceError` that carries its action. */
  json<T>(request: VendorRequest<T>): Promise<T>;
  /**
   * The items of a reply's array, in parts, as they come. Retries are inside only until the reply begins; when it breaks
   * off or turns out garbled, this throws `retry` after some parts were handed out.
   */
  parts(request: LongRequest): AsyncIterable<unknown[]>;
  /** Proves who asks (gets a token, or makes a cheap call), or throws: what `sluice check` shows as the first line of a source. */
  authenticate(signal: AbortSignal): Promise<void>;
}

/** How a stream is read; every value has its default and reason in `docs/config.md`. */
export interface ReadingSettings {
  pageSize: number;
  /** Neighbouring windows overlap by this much, since the vendor does not say whether bounds are inclusive. */
  overlapMs: number;
  /** A window with more records than this is split. */
  maxWindowRecords: number;
  /** A window that did not settle in so many attempts is accepted as unsettled. */
  settleAttempts: number;
  /** So many children are read side by side. */
  childConcurrency: number;
  /** How long a child may take to come to an end. */
  childDeadlineMs: number;
  /** Complete children whose parents show no changes are read again this often. */
  childRepeatMs: number;
  /** Parents are looked at, and open children read again, this often. */
  snapshotMs: number;
  /** The first pause between two questions for the result of a task at the vendor; it grows to ten times as much. */
  taskPollMs: number;
  /** A task without a whole result after so long is given up, and asked for again later. */
  taskDeadlineMs: number;
}

/** What the engine hands to a stream while it is read. */
export interface StreamContext {
  client: VendorClient;
  source: SourceFacts;
  settings: ReadingSettings;
  /** Keys delivered earlier whose time lies in the range (without one: all), without those known to be deleted. */
  knownKeys(range?: Range): Iterable<string>;
  /** What is remembered of a child; undefined for one that was never read. */
  knownChild(key: string): ChildRow | undefined;
  /** Children that may have more to read. */
  openChildren(): Iterable<ChildRow>;
  /** Parents that the configuration names, whether a list has them or not. */
  parents: readonly string[];
  /** The same that other streams of this source left in notes of the kind `parentNotes`. */
  noted(): Iterable<string>;
  /** Epoch milliseconds. */
  now(): number;
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  log: Logger;
}

/** What one request tells of a range of a list. */
export interface Peek {
  total: number;
  /** Key and time of the first record, in ascending order of time. */
  first: string | undefined;
  firstMs: number | undefined;
}

/** Whether the part of a record that the entry of `changes` with this action watches was never delivered as it is. */
export type IsNews = (action: string, record: unknown) => boolean;

/** One vendor resource. Keeps no state of its own. */
export interface Stream {
  readonly name: StreamName;
  /** For `sluice streams`. */
  readonly about: {
    title: string;
    endpoints: readonly string[];
    /** In the order of the endpoints that need them. */
    scopes: readonly string[];
    reading: string;
    /** What the key is made of. */
    key: string;
  };
  /**
   * How its walks go: `windows` over ranges of time; `snapshot`, the whole list each time; `children`, one reading per
   * parent. The last two know no time: each walk covers everything.
   */
  readonly mode: 'windows' | 'snapshot' | 'children';
  /** Members that never count as a change, wherever they stand in a record. */
  readonly volatile: readonly string[];
  /** Members, beside `ALWAYS_SECRET`, that open doors at the vendor: removed before a record leaves the connector. */
  readonly secrets: readonly string[];
  /** What identifies a record for good. Throws for a record without one. */
  key(record: unknown): string;
  /** When the record happened, epoch milliseconds; undefined when it does not say. */
  timeMs(record: unknown): number | undefined;
  /** Whether a record can still change in ways that its list item does not show. */
  isOpen(record: unknown): boolean;
  /** What a change of a record is called: `event.action` of a later revision, by the part that changed. The first that differs names it. */
  readonly changes: readonly { action: string; of: (record: unknown) => unknown }[];
  /** `event.action` where none of `changes` differs, and, in a stream that has one, for a tombstone. */
  readonly actions: { updated: string; deleted?: string };
  /** What a shipped record tells other streams of its source. */
  notes?(record: unknown): Note[];
  /** Notes of this kind name parents, beside those of a list and of the configuration. */
  readonly parentNotes?: string;
  /** Its documents describe hosts: what they say of `host` completes the documents of other streams, where the config wants it. */
  readonly describesHosts?: boolean;
  pages(context: StreamContext, walk: Walk, from: Json | undefined): AsyncIterable<Page>;
  /**
   * Where the resource can be filtered by time: how many records its list has in the range, and which is the first, with
   * one request. Bounds that reach to those of `EVERYTHING` are left out of it.
   */
  peek?(context: StreamContext, range: Range): Promise<Peek>;
  /** When the vendor received the record, where a record says so beside `timeMs`; the list may be filtered by either. */
  arrivedMs?(record: unknown): number | undefined;
  /**
   * The whole record for a key. Throws an error with action `skip` when the vendor says that it does not exist. `listed` is
   * the list record without its secrets, undefined where only the key is known. `isNews` says of a part of a record, by its
   * entry of `changes`, whether it is another one than was delivered last: for what costs requests of its own.
   */
  detail?(context: StreamContext, key: string, listed?: unknown, isNews?: IsNews): Promise<unknown>;
  /** The vendor only takes a record from the list, and its detail may still answer: the list alone tells that it is gone. */
  readonly deletesSoftly?: boolean;
  /** The record that says that a known record is gone. Same shape as a list record. */
  tombstone?(key: string, timeMs: number | undefined): unknown;
}

/** What opens a connection to one tenant. `settings` has passed the connector's part of the config schema. */
export interface Connector {
  readonly name: string;
  facts(settings: SourceSettings): SourceFacts;
  open(settings: SourceSettings, services: ConnectorServices): VendorClient;
}

/** A source of the config, with references to secrets that are read when they are needed. */
export interface SourceSettings {
  name: string;
  connector: string;
  /** Where the vendor has regions. */
  region?: string;
  baseUrl?: string;
  consoleUrl?: string;
  tenantId: string;
  applicationId: string;
  /** What requests are signed with: `application_secret` or `api_key`. Reads the reference again at each call, so that a rotated secret needs no restart. */
  applicationSecret: () => string;
  keepOriginal: boolean;
}

export interface ConnectorServices {
  http: HttpClient;
  stream: HttpStreamer;
  /** Told whatever is sent that opens doors; takes it out of what comes back. */
  secrets: SourceSecrets;
  retry: RetrySettings;
  log: Logger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds that the process lived through (`lived-time.ts`): what deadlines go by. */
  lived?: () => number;
  /** Where it is noted what is refused and waited for. */
  refusals?: Refusals;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  /** Asked when it is its turn: true where it is not to be sent any more (`backoff.ts`). */
  isHeld?: () => boolean;
  /** From the `VendorRequest` that it is sent for. */
  room?: Room;
}

export interface HttpReply {
  status: number;
  headers: { get(name: string): string | null };
  body: Buffer;
}

/** One request within the source's rate budget, with timeouts and a bounded body. No retries: `retry.ts` has them. */
export type HttpClient = (request: HttpRequest) => Promise<HttpReply>;

export interface HttpStream {
  status: number;
  headers: { get(name: string): string | null };
  /** To be read to its end or given up (`return`). */
  body: AsyncIterable<Buffer>;
  /** The most bytes of one item, and of everything beside the items (`http.max_body`). */
  mostBytes: number;
}

/**
 * The same with a body of any length, as it comes. The timeout is for each MiB of it, without the time in which nobody
 * wants more. The place in the budget is given back when the reply begins: a sink that is slow to take it must not stop
 * other requests.
 */
export type HttpStreamer = (request: HttpRequest) => Promise<HttpStream>;

/** A stream beside its mapping and its connector: one line of `connectors/index.ts`. */
export interface Registered {
  connector: Connector;
  stream: Stream;
  mapping: Mapping;
}

/** A document on its way. */
export interface OutDocument {
  /** The document id: `_id` in Elasticsearch. */
  id: string;
  stream: StreamName;
  /** The data stream's namespace: the source's name. */
  namespace: string;
  /** The record's key: `event.id`. */
  key: string;
  /** `event.hash`. */
  revision: string;
  /** `host.id`, where the document has one. */
  hostId: string | undefined;
  /** The document as UTF-8; made early, since bytes outside the heap cost nothing to keep. */
  json: Buffer;
  /** At which byte of `json` the time of `event.ingested` stands: set by the sink when it goes out. */
  ingestedAt: number;
}

export interface Batch {
  pipeline: string;
  walk: string;
  /** Rises with every batch of its walk, and never comes again, not even after the state was lost. */
  number: number;
  documents: OutDocument[];
}

/** A document that a sink refused for good, because of the document. */
export interface Rejection {
  id: string;
  /** The sink's word for it, e.g. `document_parsing_exception`. */
  type: string;
  reason: string;
  field?: string;
}

export interface Written {
  rejections: Rejection[];
  /** What the sink needs to know about the last committed batch. */
  receipt: Json;
}

/** A batch that was prepared and not committed: the process died in between. */
export interface Prepared {
  walk: string;
  number: number;
  /** When it was prepared, epoch milliseconds. */
  atMs: number;
  ids: { id: string; stream: StreamName; namespace: string }[];
}

/** Where documents go. Every method may throw a `SluiceError` with action `stop` (its message says what to do). */
export interface Sink {
  readonly kind: 'ndjson' | 'elasticsearch' | 'kafka';
  /** Whether the state must keep the ids of a batch while it is written (so that `recover` can look them up). */
  readonly looksUp: boolean;
  /** Resolves once every document is durable or rejected; throws if it does not know. Safe to call for several walks at once. */
  write(batch: Batch, signal: AbortSignal): Promise<Written>;
  /**
   * Before the first write of a pipeline, and after a write that failed: which ids of the prepared batches arrived?
   * `committed` has the last receipt of every walk. A sink that can forget what was not committed does so here.
   */
  recover(
    pipeline: string,
    prepared: Prepared[],
    committed: ReadonlyMap<string, Json>,
    signal?: AbortSignal,
  ): Promise<{ arrived: Set<string> }>;
  /** The last batch of this walk was not committed, whether it arrived or not: `recover` decides about it, not `close`. */
  doubt?(pipeline: string, walk: string): void;
  /** For `sluice check`: can it be reached, and may it be written to? */
  check(signal: AbortSignal): Promise<CheckLine[]>;
  close(): Promise<void>;
}

export interface CheckLine {
  what: string;
  ok: boolean;
  detail: string;
  /** What to do when it is not ok. */
  advice?: string;
  /** It works, and a person should look at it all the same. */
  isWarning?: boolean;
}
