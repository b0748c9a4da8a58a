/** One pass over a range or a list, and what it meets. */
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
