/** A stream pages through one resource of a vendor. */
import type { Logger } from 'pino';
import type { VendorClient } from './client.ts';
import type { Connector } from './connector.ts';
import type { Json, Mapping, SourceFacts, StreamName } from './document.ts';
import type { ChildRow, Note, Page, Range, Walk } from './walk.ts';

/** How a stream is read; every value has its default and reason in `docs/config.md`. */
export interface ReadingSettings {
  pageSize: number;
  /** Neighbouring windows overlap by this much, since the vendor does not say whether bounds are inclusive. */
  overlapMs: number;
  /** A window with more records than this is split. */
  maxWindowRecords: number;
  /** A window that is not settled after so many attempts is accepted as unsettled. */
  settleAttempts: number;
  /** The number of children that are read at the same time. */
  childConcurrency: number;
  /** How long a child may take to become complete. */
  childDeadlineMs: number;
  /** Complete children whose parents show no changes are read again this often. */
  childRepeatMs: number;
  /** The list of parents, and open children, are read again this often. */
  snapshotMs: number;
  /** The first pause between two requests for the result of a task at the vendor; it grows up to ten times. */
  taskPollMs: number;
  /** A task without a whole result after this time is given up, and started again later. */
  taskDeadlineMs: number;
}

/** What the engine passes to a stream that is read. */
export interface StreamContext {
  client: VendorClient;
  source: SourceFacts;
  settings: ReadingSettings;
  /** Keys of delivered records whose time lies in the range (without a range: all), except records known to be deleted. */
  knownKeys(range?: Range): Iterable<string>;
  /** The stored row of a child; undefined for a child that was never read. */
  knownChild(key: string): ChildRow | undefined;
  /** Children that may have more to read. */
  openChildren(): Iterable<ChildRow>;
  /** Parents that the configuration names, whether or not they are in a list. */
  parents: readonly string[];
  /** Parents that other streams of this source named in notes of the kind `parentNotes`. */
  noted(): Iterable<string>;
  /**
   * Told the vendor's count of a range before that is read, for the progress of backfills; of children, how many are to be
   * read. With `isMore`, further records of the same range.
   */
  counted?(range: Range, records: number, isMore?: boolean): void;
  /** Epoch milliseconds. */
  now(): number;
  priority: 'live' | 'backfill';
  /** So many pages of a list may be asked for at the same time; one, if left out. They are handed on in their order. */
  pagesAtOnce?: number;
  signal: AbortSignal;
  log: Logger;
}

/** What one request tells about a range of a list. */
export interface Peek {
  total: number;
  /** Key and time of the first record, in ascending order of time. */
  first: string | undefined;
  firstMs: number | undefined;
}

/** Whether a part of a record differs from what was delivered last; the part is named by the action of its entry in `changes`. */
export type IsNews = (action: string, record: unknown) => boolean;

/** The states of a record that somebody works on until it is closed. The mapping puts its state as `<prefix>.status`. */
export interface Lifecycle {
  /** The action of the entry of `changes` that is the state. */
  change: string;
  /** The vendor's words; which case they are written in does not count. */
  open: readonly string[];
  closed: readonly string[];
}

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
    /** What the stream does not deliver, or only late. */
    limits?: readonly string[];
  };
  /**
   * How walks read the resource: `windows` by ranges of time; `snapshot` the whole list each time; `children` one reading
   * for each parent. The last two cannot be filtered by time: each walk covers everything.
   */
  readonly mode: 'windows' | 'snapshot' | 'children';
  /** Members that are never compared, at any depth of a record. */
  readonly ignored: readonly string[];
  /** Members beside `ALWAYS_SECRET` that hold credentials: removed before a record leaves the connector. */
  readonly secrets: readonly string[];
  /** The key that identifies a record for ever. Throws for a record without one. */
  key(record: unknown): string;
  /** The time of the record, epoch milliseconds; undefined for a record without one. */
  timeMs(record: unknown): number | undefined;
  /** Whether the detail of a record can still change without a change of its list record. */
  isOpen(record: unknown): boolean;
  /** The `event.action` of a later revision, by the part of the record that changed. The first entry whose part differs is used. */
  readonly changes: readonly { action: string; of: (record: unknown) => unknown }[];
  /** The `event.action` when no entry of `changes` differs, and that of a tombstone. */
  readonly actions: { updated: string; deleted?: string };
  /** Of records that are closed some day: their documents get an end (`src/engine/change/closing.ts`). */
  readonly lifecycle?: Lifecycle;
  /** The notes that a shipped record leaves for other streams of its source. */
  notes?(record: unknown): Note[];
  /** Notes of this kind name further parents, beside those of the list and the configuration. */
  readonly parentNotes?: string;
  /** The documents describe hosts: their `host` fields complete the documents of other streams, if the config says so. */
  readonly describesHosts?: boolean;
  pages(context: StreamContext, walk: Walk, from: Json | undefined): AsyncIterable<Page>;
  /**
   * For resources that can be filtered by time: how many records the list has in the range, and the first of them, with one
   * request. A bound that reaches that of `EVERYTHING` is left out of the request.
   */
  peek?(context: StreamContext, range: Range): Promise<Peek>;
  /** When the vendor received the record, for records that tell it beside `timeMs`; the list may be filtered by either time. */
  arrivedMs?(record: unknown): number | undefined;
  /**
   * The whole record for a key. Throws an error with action `skip` when the vendor says that the record does not exist.
   * `listed` is the list record without its secrets, undefined when only the key is known. `isNews` tells whether a part of
   * the record changed since the last delivery, so that parts that cost further requests are only fetched when needed.
   */
  detail?(context: StreamContext, key: string, listed?: unknown, isNews?: IsNews): Promise<unknown>;
  /** The vendor answers requests for the detail of a deleted record: only the list tells that the record is deleted. */
  readonly deletesSoftly?: boolean;
  /** The record that says that a known record was deleted, in the shape of a list record. */
  tombstone?(key: string, timeMs: number | undefined): unknown;
}

/** All fields that a mapping can set: index templates are made from them. */
export interface DeclaredFields {
  /** The object that holds all fields outside ECS: the stream's name. */
  prefix: string;
  /** The Elasticsearch types of fields below the prefix, by full name. */
  custom: Readonly<Record<string, string>>;
  ecs: readonly string[];
  /** Lists of objects that are asked about one by one: whether one of them is of type File *and* has this path. */
  nested?: readonly string[];
}

/** A stream with its mapping and its connector: one line of `connectors/index.ts`. */
export interface Registered {
  connector: Connector;
  stream: Stream;
  mapping: Mapping;
  fields: DeclaredFields;
}

/** The default export of a connector module that `connectors` in the config names. */
export interface Vendor {
  connector: Connector;
  streams: readonly Omit<Registered, 'connector'>[];
}
