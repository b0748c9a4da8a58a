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
    /** What it does not tell, or not at once: for whoever relies on it. */
    limits?: readonly string[];
  };
  /**
   * How its walks go: `windows` over ranges of time; `snapshot`, the whole list each time; `children`, one reading per
   * parent. The last two know no time: each walk covers everything.
   */
  readonly mode: 'windows' | 'snapshot' | 'children';
  /** Members that never count as a change, wherever they stand in a record. */
  readonly ignored: readonly string[];
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

/** Every field that a mapping can set: index templates are made of it. */
export interface DeclaredFields {
  /** Fields outside ECS stand below it: the stream's name. */
  prefix: string;
  /** Full name to Elasticsearch type, for fields below the prefix. */
  custom: Readonly<Record<string, string>>;
  ecs: readonly string[];
}

/** A stream beside its mapping and its connector: one line of `connectors/index.ts`. */
export interface Registered {
  connector: Connector;
  stream: Stream;
  mapping: Mapping;
  fields: DeclaredFields;
}

/** What a module outside exports by default: `connectors` in the config names it. */
export interface Vendor {
  connector: Connector;
  streams: readonly Omit<Registered, 'connector'>[];
}
