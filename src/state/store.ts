/** What the engine asks of a state store. Every call is atomic and durable when it returns. */

import type { Json, StreamName } from '../api/document.ts';
import type { Prepared, Rejection } from '../api/sink.ts';
import type { Accepted, ChildRow, Gap, Note, Range, WalkKind } from '../api/walk.ts';

/** The knowledge of one record that was seen: about 100 bytes. */
export interface Known {
  /** Its row; undefined for a record that is not stored yet. */
  rowId: number | undefined;
  /** Fingerprint of the list record; null when it must be compared in full the next time that it is seen. */
  fingerprint: string | null;
  /** Revision of the document that was shipped last. */
  revision: string;
  /** 1 for the first revision. */
  ordinal: number;
  timeMs: number | null;
  /** One digest per entry of `Stream.changes`, joined by line feeds. */
  digests: string;
  deleted: boolean;
  /** When the detail is to be asked for again; null for never. */
  refreshAtMs: number | null;
  /** The pause that led to `refreshAtMs`. */
  refreshMs: number;
  /** When it was seen first, epoch milliseconds; null where its detail is never asked for, and in rows of older versions. */
  seenMs: number | null;
}

/**
 * A record whose detail could not be had yet, and that is not delivered until it can, or has waited too long. It is
 * stored in the commit that lets the cursor pass it.
 */
export interface Owed {
  key: string;
  /** The list record, without secrets. */
  record: Json;
  /** As its walk shipped it (`backfill --as event`). */
  as: 'event' | undefined;
  sinceMs: number;
  nextAtMs: number;
  /** How often its detail was asked for in vain. */
  attempts: number;
}

/** A record whose detail is to be asked for again. */
export interface Due {
  key: string;
  atMs: number;
  rowId: number;
}

/** A row to remember; with `id` when a document goes with it. */
export interface Row extends Known {
  key: string;
  id?: string;
  /** Notes for other streams of its source. */
  notes?: Note[];
}

export interface WalkRow {
  walk: string;
  kind: WalkKind;
  range: Range;
  cursor: Json | undefined;
  receipt: Json | undefined;
  /** Number of the last batch; before the first, the time at which the walk was begun first. */
  batch: number;
  /** Epoch milliseconds; undefined while the walk is under way. */
  finishedAtMs: number | undefined;
}

export interface LedgerRow extends Accepted {
  walk: string;
  delivered: number;
  rejected: number;
  /** Records whose detail could not be had yet: they are remembered, and not delivered. */
  owed: number;
  /** distinct − delivered − rejected − owed. */
  unchanged: number;
}

export interface StoredRejection extends Rejection {
  key: string;
  document: string;
}

export interface Commit {
  walk: string;
  number: number;
  rows: Row[];
  /** Left out when no page was completed by this batch. */
  cursor?: Json;
  ledger: LedgerRow[];
  rejections: StoredRejection[];
  /** Ids whose rejection is over, since they were delivered now. */
  accepted?: string[];
  /** Children whose reading was completed by this batch. */
  children: ChildRow[];
  gaps?: readonly Gap[];
  /** Ids of gaps that are closed. */
  closedGaps?: readonly string[];
  /** Records that the cursor passes without their detail. */
  owed?: readonly Owed[];
  /** Keys of records that are not owed any more. */
  paid?: readonly string[];
  facts?: { readonly [name: string]: Json };
  receipt: Json;
}

/** The part of the state that belongs to one pipeline. */
export interface PipelineState {
  /** The tenant whose records are remembered here: the first one that was named. */
  tenant(named: string): string;
  known(key: string): Known | undefined;
  /** The same for the records of a page, in one query. */
  knownAmong(keys: readonly string[]): Map<string, Known>;
  /** Keys of records in the range (without one: all) that are not known to be deleted. */
  keysBetween(range?: Range): Iterable<string>;
  /** Of the present records, those with the latest times. */
  newestKeys(limit: number): string[];
  /** Records whose detail is due, oldest first, behind the one given; those put off beyond `beyondMs` are due, too. */
  due(nowMs: number, limit: number, after?: Due, beyondMs?: number): Due[];
  /** The oldest time that any walk was asked to cover; undefined before the first. */
  coveredFromMs(): number | undefined;
  counts(): { records: number; deleted: number; due: number; rejections: number; owed: number; gaps: number };
  /** What was remembered under this name; undefined when nothing was. */
  fact(name: string): Json | undefined;
  setFact(name: string, value: Json): void;
  /** The oldest first. */
  gaps(): Gap[];
  /** Owed records whose detail is to be asked for by now, those due longest first; and those put off longer than any can be. */
  owed(dueMs: number, limit: number): Owed[];
  owedOf(key: string): Owed | undefined;
  /** Since when known records have been missing from their list, by key; those that are given are missing since `sinceMs` at the latest. */
  missing(): Map<string, number>;
  setMissing(keys: Iterable<string>, sinceMs: number): void;
  /** They were found again, or told as deleted. */
  clearMissing(keys: Iterable<string>): void;
  /** Documents that were refused for good, in the order of their ids, from behind the one given. */
  rejected(limit: number, afterId?: string): StoredRejection[];
  /** What streams of the same source left in notes of this kind: their ids, or the value of one. */
  noted(kind: string): string[];
  note(kind: string, id: string): string | undefined;
  child(key: string): ChildRow | undefined;
  openChildren(): ChildRow[];
  /** How many children there are of each status. */
  childCounts(): Partial<Record<ChildRow['status'], number>>;
  walk(walk: string): WalkRow | undefined;
  walks(): WalkRow[];
  /** Freezes the range of a walk that begins now. */
  begin(walk: string, kind: WalkKind, range: Range): WalkRow;
  /** Finishes a walk, and says whether it did: one whose range was extended meanwhile, beyond `toMs`, goes on from its cursor. */
  finish(walk: string, atMs: number, toMs?: number): boolean;
  /** Ends an interrupted walk and leaves what it did not read to another one, which begins with it, or is extended by it. */
  handOver(from: string, to: string, kind: WalkKind, atMs: number): void;
  /** Notes what is about to be written, so that it can be looked up after a crash. */
  prepare(walk: string, number: number, rows: Row[]): void;
  commit(commit: Commit): void;
  /** Batches that were prepared and never committed. */
  prepared(stream: StreamName, namespace: string): Prepared[];
  /** Turns the rows that arrived into knowledge (their rejections are over) and forgets the prepared batches. */
  resolve(arrived: ReadonlySet<string>): void;
  ledger(limit: number): (LedgerRow & { atMs: number })[];
  /** Lets a walk read again from a time on, now. Revisions stay: nothing is shipped twice. Says whether there is such a walk. */
  rewind(walk: string, toMs: number): boolean;
  /** Forgets everything, revisions too. */
  reset(): void;
}

export interface JobRow {
  id: number;
  kind: 'backfill';
  range: Range;
  pipelines: string[];
  as: 'event' | undefined;
  status: 'waiting' | 'running' | 'done' | 'failed';
  message: string | undefined;
  createdAtMs: number;
}

export interface RejectionRow extends StoredRejection {
  pipeline: string;
  atMs: number;
}

export interface StateStore {
  /** The identity of this state. */
  readonly id: string;
  /** Throws when the files of the state are gone, or are others: writes would be lost. */
  verify(): void;
  pipeline(name: string): PipelineState;
  pipelines(): string[];
  addJob(job: Pick<JobRow, 'kind' | 'range' | 'pipelines' | 'as'>): number;
  jobs(): JobRow[];
  setJob(id: number, status: JobRow['status'], message?: string): void;
  /** The oldest first. */
  rejections(filter: { pipeline?: string; limit: number }): RejectionRow[];
  close(): void;
}
