/**
 * The state store of the engine. Every call is atomic, and durable when it returns; where the state is kept outside of this
 * machine, once `settled` resolves.
 */

import type { Json, StreamName } from '../api/document.ts';
import type { Prepared, Rejection } from '../api/sink.ts';
import type { Accepted, ChildRow, Gap, Note, Range, WalkKind } from '../api/walk.ts';
import type { JobPart, JobPartState, PauseState } from './jobs/parts.ts';

/** The knowledge of one record that was seen: about 100 bytes, beside its indices. */
export interface Known {
  /** The id of the record's row; undefined for a record that is not stored yet. */
  rowId: number | undefined;
  /** Fingerprint of the list record; null when it must be compared in full the next time that it is seen. */
  fingerprint: string | null;
  /** Revision of the document that was shipped last. */
  revision: string;
  /** How many revisions were shipped; 0 where all were dropped by the user's own mapping. */
  ordinal: number;
  timeMs: number | null;
  /** One digest per entry of `Stream.changes`, joined by line feeds. */
  digests: string;
  /** What is remembered of the last document for the next one (`src/api/records/last.ts`); about 200 bytes more. */
  last?: string | undefined;
  deleted: boolean;
  /** When the detail is requested again; null for never. */
  refreshAtMs: number | null;
  /** The pause that led to `refreshAtMs`. */
  refreshMs: number;
  /** When the record was seen first, epoch milliseconds; null if its detail is never requested, and in rows of older versions. */
  seenMs: number | null;
}

/**
 * A record whose detail could not be fetched yet. It is not delivered until that succeeds or the record has waited too long.
 * It is stored in the commit that moves the cursor past it.
 */
export interface Owed {
  key: string;
  /** The list record, without secrets. */
  record: Json;
  /** Set by a walk of `backfill --as event`. */
  as: 'event' | undefined;
  sinceMs: number;
  nextAtMs: number;
  /** How often requesting the detail has failed. */
  attempts: number;
}

/** A record whose detail is due to be requested again. */
export interface Due {
  key: string;
  atMs: number;
  rowId: number;
}

/** A row to store; `id` is set when a document belongs to it. */
export interface Row extends Known {
  key: string;
  id?: string;
  /** The document is the list record: the detail could not be had. */
  isBare?: boolean;
  /** Notes for other streams of its source. */
  notes?: Note[];
}

export interface WalkRow {
  walk: string;
  kind: WalkKind;
  range: Range;
  cursor: Json | undefined;
  receipt: Json | undefined;
  /** The number of the last batch; before the first batch, the time at which the walk began. */
  batch: number;
  /** Epoch milliseconds; undefined while the walk is under way. */
  finishedAtMs: number | undefined;
  /** It was ended by a person before it had read its range. */
  isCancelled: boolean;
}

/**
 * What became of the records of one accepted window, list or child, as it was when it was accepted. Each distinct record of
 * the accepted pass counts once, by its last revision:
 *
 *     distinct = delivered + givenUp + unchanged + rejected + owed + dropped
 *
 * Deletions are of records that are not in the pass, and stand apart; `documents` counts what the sink took, of records that
 * were gone or had changed again in the accepted pass, too. What was owed and came later is in `gaps`, not here.
 */
export interface LedgerRow extends Omit<Accepted, 'keys' | 'attempts'> {
  walk: string;
  /** Only windows cover time: a list is what it was when it was read. */
  kind: 'window' | 'list' | 'child';
  /** Passes until it was accepted. */
  attempts: number;
  delivered: number;
  /** Delivered as the list has them, since their detail could not be had. */
  givenUp: number;
  unchanged: number;
  rejected: number;
  /** Their detail could not be fetched yet. */
  owed: number;
  /** The user's own mapping shipped nothing of them. */
  dropped: number;
  deleted: number;
  documents: number;
}

/** A row of the ledger as it is stored. */
export interface StoredLedgerRow extends LedgerRow {
  id: number;
  /** When it was accepted. */
  atMs: number;
}

/** A record that was shipped as the list has it. */
export interface Incomplete {
  key: string;
  sinceMs: number;
  timeMs: number | null;
}

export interface StoredRejection extends Rejection {
  key: string;
  document: string;
}

/** A rejection without its document. */
export interface RejectionCause extends Rejection {
  key: string;
  atMs: number;
}

export interface Commit {
  walk: string;
  number: number;
  rows: Row[];
  /** Left out when no page was completed by this batch. */
  cursor?: Json;
  ledger: LedgerRow[];
  rejections: StoredRejection[];
  /** Ids of formerly rejected documents that were delivered now. */
  accepted?: string[];
  /** Children whose reading was completed by this batch. */
  children: ChildRow[];
  gaps?: readonly Gap[];
  /** Ids of gaps that are closed. */
  closedGaps?: readonly string[];
  /** Records that the cursor passes before their detail is fetched. */
  owed?: readonly Owed[];
  /** Keys of records that are no longer owed. */
  paid?: readonly string[];
  facts?: { readonly [name: string]: Json };
  /** How far the job of the walk has come. */
  progress?: { job: number; parts: readonly JobPart[] };
  receipt: Json;
}

/** A part of a range: the first has the number 0. */
export interface PartOfHistory {
  part: number;
  records: number;
  deleted: number;
  documents: number;
}

/** The vendor's own count of a window or list that settled. */
export interface AcceptedCount {
  fromMs: number;
  toMs: number;
  total: number;
  atMs: number;
}

/** Documents that were refused for the same reason. */
export interface RejectionGroup {
  /** The sink's word for it. */
  type: string;
  field: string | undefined;
  documents: number;
  /** Of the last of them. */
  reason: string;
  atMs: number;
}

/** When something was read, and how many new documents that brought, dropped ones too. */
export interface Reading {
  /** Of its row in the ledger. */
  id: number;
  pipeline: string;
  atMs: number;
  documents: number;
}

/** The part of the state that belongs to one pipeline. */
export interface PipelineState extends JobPartState {
  /** The tenant whose records this state has: the one that was named first. */
  tenant(named: string): string;
  known(key: string): Known | undefined;
  /** What is known of the records of a page, in one query. */
  knownAmong(keys: readonly string[]): Map<string, Known>;
  /** Keys of records in the range (without one: all) that are not known to be deleted. */
  keysBetween(range?: Range): Iterable<string>;
  /** How many records have a time in the range, deleted ones too. */
  countBetween(range: Range): number;
  /** Keys of the present records with the latest times. */
  newestKeys(limit: number): string[];
  /** Records whose detail is due, oldest first, behind `after`; records put off beyond `beyondMs` are due, too. */
  due(nowMs: number, limit: number, after?: Due, beyondMs?: number): Due[];
  /** The oldest time in the range of any walk; undefined before the first walk. */
  coveredFromMs(): number | undefined;
  counts(): {
    records: number;
    deleted: number;
    due: number;
    rejections: number;
    dropped: number;
    owed: number;
    gaps: number;
  };
  /** The fact with this name; undefined if there is none. */
  fact(name: string): Json | undefined;
  setFact(name: string, value: Json): void;
  /** All gaps, the oldest first. */
  gaps(): Gap[];
  /** Owed records whose detail is due, those due longest first; a record put off for too long by a wrong clock is due, too. */
  owed(dueMs: number, limit: number): Owed[];
  owedOf(key: string): Owed | undefined;
  /** Since when known records have been missing from their list, by key; `setMissing` keeps an earlier time. */
  missing(): Map<string, number>;
  setMissing(keys: Iterable<string>, sinceMs: number): void;
  /** Forgets missing records that were found again, or reported as deleted. */
  clearMissing(keys: Iterable<string>): void;
  /** Documents that the sink refused for good, in the order of their ids, behind `afterId`. */
  rejected(limit: number, afterId?: string): StoredRejection[];
  /** Every one of them without its document, the oldest first. `take` must not write into the state. */
  eachRejection(take: (rejection: RejectionCause) => void): void;
  /** Those with this id or key. */
  rejectionsNamed(idOrKey: string): (RejectionCause & { document: string })[];
  rejectedSize(): { documents: number; bytes: number };
  /** What they were refused for, the most frequent first. */
  rejectionGroups(): RejectionGroup[];
  /** Gives up the rejected documents with these ids, which is remembered for good; returns how many there were. */
  drop(ids: readonly string[]): number;
  /** Notes of this kind that streams of the same source left: the ids of all, or the value of one. */
  noted(kind: string): string[];
  note(kind: string, id: string): string | undefined;
  child(key: string): ChildRow | undefined;
  openChildren(): ChildRow[];
  /** The number of children of each status. */
  childCounts(): Partial<Record<ChildRow['status'], number>>;
  walk(walk: string): WalkRow | undefined;
  walks(): WalkRow[];
  /** Freezes the range of a walk that begins now. */
  begin(walk: string, kind: WalkKind, range: Range): WalkRow;
  /** Finishes a walk, and says whether it did: one whose range was extended meanwhile, beyond `toMs`, goes on from its cursor. */
  finish(walk: string, atMs: number, toMs?: number): boolean;
  /** Ends a walk before it has read its range, for good. Returns whether it was under way. */
  cancel(walk: string, atMs: number): boolean;
  /** Ends an interrupted walk and gives the rest of its range to another walk, which begins with that range or is extended by it. */
  handOver(from: string, to: string, kind: WalkKind, atMs: number): void;
  /** Stores a batch before it is written, so that its documents can be looked up after a crash. */
  prepare(walk: string, number: number, rows: Row[]): void;
  commit(commit: Commit): void;
  /**
   * Resolves when everything so far is durable, and this process is known to be the one that may write. Rejects when another
   * one has taken over: nothing may be sent any more.
   */
  settled(): Promise<void>;
  /** Batches that were prepared and never committed. */
  prepared(stream: StreamName, namespace: string): Prepared[];
  /** Stores the rows that arrived as delivered, removes their rejections, and forgets the prepared batches. */
  resolve(arrived: ReadonlySet<string>): void;
  /** The newest rows; with a range, only those that reach into it. */
  ledger(limit: number, range?: Range): StoredLedgerRow[];
  /** The ranges that were read to an end and settled, in order; they outlive the rows of the ledger. */
  covered(): Range[];
  /** Present records that were shipped without their detail, those the longest ago first. */
  incomplete(limit: number): Incomplete[];
  countIncomplete(): number;
  /** All owed records, or the first of them by their key. */
  allOwed(limit: number): Owed[];
  /** Sets a walk back to an earlier time. Revisions stay, so that nothing is shipped twice. Returns whether there is such a walk. */
  rewind(walk: string, toMs: number): boolean;
  /**
   * Forgets records that are older, for good: what lies before `untilMs` is never read again, since it could not be told
   * from what is new. That is earlier than asked for where a gap or an unfinished walk still needs it. Records whose detail
   * is due or owed, and those without a time, stay known. Returns the number of forgotten records, too.
   */
  forget(beforeMs: number): { records: number; untilMs: number };
  /** Until when records were forgotten; undefined where none ever were. */
  forgottenUntilMs(): number | undefined;
  /** Takes back that the last revision of each record was delivered: whatever it says is shipped under that ordinal again. */
  undeliver(documents: readonly { key: string; ordinal: number }[]): void;
  /** Has records compared in full when they are seen again. */
  compareAnew(keys: readonly string[]): void;
  /** Has every child read again. */
  readChildrenAgain(): void;
  /** Records of the range by their time, in parts of so many milliseconds; parts without a record are left out. */
  recordsPer(range: Range, partMs: number): PartOfHistory[];
  /** All records, whatever their time; `documents` are their revisions. */
  recordsInAll(): Omit<PartOfHistory, 'part'>;
  /** Documents by when their window was accepted, as far as the ledger reaches. */
  deliveredPer(range: Range, partMs: number): { part: number; documents: number }[];
  /** Documents that were refused in this range and are not accepted yet, by the sink's word for it. */
  rejectedPer(range: Range): { type: string; documents: number }[];
  /** What the children had when each was read whole last. */
  countOfChildren(): { total: number; children: number; atMs: number | undefined };
  /** The vendor's counts of settled windows and lists that meet the range, the newest first. */
  acceptedIn(range: Range): AcceptedCount[];
  /** Forgets everything about the pipeline, revisions too. */
  reset(): void;
}

export interface JobRow {
  id: number;
  /** `gaps`: only what is not proven to be delivered. */
  kind: 'backfill' | 'gaps';
  range: Range;
  pipelines: string[];
  as: 'event' | undefined;
  /** `paused` and `cancelled` by a person. */
  status: 'waiting' | 'running' | 'done' | 'failed' | 'paused' | 'cancelled';
  message: string | undefined;
  createdAtMs: number;
}

export interface RejectionRow extends StoredRejection {
  pipeline: string;
  atMs: number;
}

export interface StateStore extends PauseState {
  /** The identity of this state. */
  readonly id: string;
  /** Throws when the files of the state are gone, or are others: writes would be lost. */
  verify(): void;
  pipeline(name: string): PipelineState;
  pipelines(): string[];
  addJob(job: Pick<JobRow, 'kind' | 'range' | 'pipelines' | 'as'>): number;
  jobs(): JobRow[];
  /** What the work on a job has led to. It leaves what a person has said as it is, but for a paused job that is done. */
  setJob(id: number, status: 'waiting' | 'running' | 'done' | 'failed', message?: string): void;
  /** What a person wants. Returns whether the job was not over yet. */
  turnJob(id: number, status: 'waiting' | 'paused' | 'cancelled', message?: string): boolean;
  /** Rows of the ledger behind `afterId`, of all pipelines, without those of backfills; the oldest first. */
  readings(afterId: number, limit: number): Reading[];
  /** Rejections of all pipelines or of one, the oldest first. */
  rejections(filter: { pipeline?: string; limit: number }): RejectionRow[];
  /**
   * Gives a source another name, everywhere or not at all. `beginsAnew` are sinks that remember batches by the pipeline's
   * name, and know none of the new one. The lock must be held. Returns the pipelines by their new names.
   */
  renameSource(from: string, to: string, beginsAnew: readonly string[]): string[];
  /** A message between processes that have this state, by its name. */
  message(name: string): string | undefined;
  setMessage(name: string, text: string): void;
  /** Gives the room of what was forgotten back to the disk. The lock must be held. */
  vacuum(): void;
  close(): void;
}
