/** Walks, and what they find: pages, children, notes and gaps. */
import type { Json } from './document.ts';

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
  /** The gap that the walk reads again. */
  gap?: Gap;
  /** Only what is not proven to be delivered is read. */
  closes?: boolean;
  /** The walk ends with the records that exist now, although new ones may appear meanwhile. */
  once?: boolean;
}

/** What an accepted window held: one row of the ledger, together with what became of its records. */
export interface Accepted {
  range: Range;
  /** The vendor's own count. */
  total: number;
  /** The number of different keys; of a child, the number of entries in its reply. */
  distinct: number;
  /** Two passes saw the same keys, and their number is the vendor's total. Of a child: it is complete. */
  settled: boolean;
  /** The keys of the accepted pass; left out of a child, whose keys need not fit into memory. */
  keys?: ReadonlySet<string>;
  /** How many passes were made until it was accepted. */
  attempts?: number;
  /** When its first pass began: what came later than that is not in it, however far its range reaches. */
  readAtMs?: number;
  /** Which filter the window was narrowed by where time could not split it, e.g. `severity=High`. */
  filter?: string;
}

/** One vendor reply, and where its walk resumes once the page is delivered. */
export interface Page {
  records: unknown[];
  /** Opaque to the engine; passed to `pages` after a restart. */
  cursor: Json;
  /** Keys whose detail is fetched whatever the list says: known records that a settled window no longer held, or whose refresh is due. */
  ask?: string[];
  /** The window that the page belongs to, when pages of several windows come mixed. */
  window?: string;
  /** Set on the page that ends a window, a list, or the reading of a child. */
  accepted?: Accepted;
  /** Set on the page that ends the reading of a child: the row to store once the page is delivered. */
  child?: ChildRow;
  /** Gaps to store, or store again, together with the page's cursor. */
  gaps?: readonly Gap[];
  /** Ids of gaps that are closed once the page is delivered. */
  closedGaps?: readonly string[];
  /** Facts about the resource to store by name, once the page is delivered. */
  facts?: { readonly [name: string]: Json };
}

/** A list that is read because a parent names it: the results of an InstaQuery, the devices of a threat. */
export interface Child {
  /** The parent's key. */
  key: string;
  /** The version that the parent tells now; another version means that there may be more to read. */
  version: string;
  /** The parent says that no more records will come. */
  complete: boolean;
  /** The parent says that there are records, so that a 404 for them is an error. */
  expectsRecords: boolean;
  /** What reading the child needs from its parent; empty for a child that only the configuration names. */
  facts: { [member: string]: Json };
}

/** The stored progress of one child. Each child has its own, so that one that fails neither holds up nor repeats others. */
export interface ChildRow {
  child: string;
  /** The parent's version when the child was read last. */
  version: string;
  /**
   * `open`: more records may come. `complete`: read to its end. `gone`: the child does not exist any more. `overdue`: the
   * child was not complete in time, and is read again only when its parent changes.
   */
  status: 'open' | 'complete' | 'gone' | 'overdue';
  /** When the child was planned first, or got more records after its end; deadlines count from here. */
  sinceMs: number;
  /** When the child is read again whatever its parent says, also when it is complete; null for never. */
  nextAtMs: number | null;
  /** The number of records in the last whole reading; null before the first. */
  records: number | null;
  /** The number of failed readings in a row. */
  failures: number;
}

/** What a record tells other streams of its source, stored when the record is delivered: a file's hash, a host's addresses. */
export interface Note {
  kind: string;
  id: string;
  value: string;
}

/**
 * A part of a resource that is known not to be delivered: a window that kept changing while it was read (`unsettled`), or
 * a part of a list that the vendor cannot answer with or whose reply cannot be parsed (`unreadable`). A gap is read again at
 * rising intervals, until that succeeds.
 */
export interface Gap {
  /** Names the missing part, unique within its pipeline. */
  id: string;
  kind: 'unsettled' | 'unreadable';
  range: Range;
  /** What its walker needs to read the gap again: a filter, a page; opaque to the engine. */
  place: Json;
  reason: string;
  /** When the gap was found, epoch milliseconds. */
  sinceMs: number;
  /** When the gap is read again. */
  nextAtMs: number;
  /** How often reading the gap again has failed. */
  attempts: number;
}
