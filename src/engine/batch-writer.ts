/**
 * The way of one walk's changes into the sink: batches are written one after the other, and a page's cursor is saved
 * with the batch that completes this page and every page before it.
 */

import type { Json } from '../api/document.ts';
import { messageOf, SluiceError } from '../api/errors.ts';
import type { Accepted, ChildRow, Gap, Page } from '../api/walk.ts';
import { stamped } from '../sinks/serialize.ts';
import type { JobPart } from '../state/jobs/parts.ts';
import { wholeLine } from '../state/raw/record.ts';
import type { LedgerRow, Row, StoredRejection } from '../state/store.ts';
import { type Decided, factsWith } from './alerts/limit.ts';
import type { Change } from './change/change.ts';
import { watchedSinceMs } from './completeness/open-parts.ts';
import type { WalkProgress } from './jobs/progress.ts';
import type { Pipeline } from './pipeline.ts';
import { ledgerRow, newTally, tallyChange, type WindowTally } from './tally.ts';

type WriterNeeds = Pick<
  Pipeline,
  | 'name'
  | 'sink'
  | 'state'
  | 'registered'
  | 'source'
  | 'raw'
  | 'claims'
  | 'alerts'
  | 'owed'
  | 'commits'
  | 'rejections'
  | 'told'
  | 'sinkGate'
  | 'batch'
  | 'events'
  | 'log'
  | 'now'
>;

/** A page whose records are not all delivered yet. */
export interface PageInFlight {
  /** The part of a job that it belongs to. */
  part: JobPart | undefined;
  cursor: Json;
  accepted: Accepted | undefined;
  child: ChildRow | undefined;
  gaps: readonly Gap[];
  closedGaps: readonly string[];
  facts: Page['facts'];
  /** Records of the page that are still on their way into a batch. */
  open: number;
  /** What became of the records of its window. */
  tally: WindowTally;
}

export interface BatchWriter {
  /** Announces a page; its cursor is saved once `done` was called for each of its `open` records. */
  begin(page: Page, open: number): PageInFlight;
  /** A record of the page needs nothing any more, or goes into the batch; `listed` is its key in the list, if that is another one. */
  done(page: PageInFlight, change?: Change, listed?: string): void;
  /** Waits while the sink is behind. Throws what a write threw. */
  ready(): Promise<void>;
  /** Writes and commits every change so far. */
  flush(): Promise<void>;
  /** Ends the writer: waits for the write under way, and releases every claim. */
  close(): Promise<void>;
}

interface Filling {
  changes: Change[];
  /** For each change, the tally of its window, and its key in the list. */
  counted: { tally: WindowTally; listed: string | undefined }[];
  /** Bytes of its documents, and of what is kept of them. */
  size: number;
  timer: NodeJS.Timeout | undefined;
}

/** The way of one walk into the sink; `firstNumber` is the number of its last committed batch. */
export function openBatchWriter(
  pipeline: WriterNeeds,
  walkId: string,
  firstNumber: number,
  signal: AbortSignal,
  progress?: WalkProgress,
): BatchWriter {
  const pages: PageInFlight[] = [];
  /** Tallies of the windows whose last page was not announced yet. */
  const tallies = new Map<string, WindowTally>();
  let filling = emptyBatch();
  let number = firstNumber;
  let writing: Promise<void> | undefined;
  let failure: unknown;

  const isFull = (): boolean =>
    filling.changes.length >= pipeline.batch.documents || filling.size >= pipeline.batch.bytes;

  /** Takes completed pages off the front: their cursor and ledger rows go with the batch that is written now. */
  const completedPages = (): PageInFlight[] => {
    const open = pages.findIndex((page) => page.open > 0);
    return pages.splice(0, open === -1 ? pages.length : open);
  };

  const writeFilled = async (): Promise<void> => {
    const batch = filling;
    let decided: Decided | undefined;
    clearTimeout(batch.timer);
    filling = emptyBatch();
    const completed = completedPages();
    if (batch.changes.length === 0 && completed.length === 0) return;
    try {
      requireOpen(pipeline);
      if (batch.changes.some(({ out }) => out !== undefined)) pipeline.rejections.require();
      if (pipeline.alerts !== undefined) [decided, batch.changes] = pipeline.alerts.decide(batch.changes);
      await keep(pipeline, batch.changes);
      requireOpen(pipeline); // another walk may have failed meanwhile
      const { rejections, receipt } = await writeBatch(pipeline, walkId, ++number, batch.changes, signal);
      const rejected = new Set(rejections.map((rejection) => rejection.id));
      batch.counted.forEach(({ tally, listed }, index) => {
        const change = batch.changes[index] as Change;
        tallyChange(tally, change, listed, change.out !== undefined && rejected.has(change.out.id));
      });
      const ledger = completed.flatMap((page) => rowOfPage(pipeline, walkId, page) ?? []);
      const rows = rowsOf(batch.changes);
      const owed = batch.changes.flatMap((change) => change.owed ?? []);
      const paid = batch.changes.flatMap((change) => (change.isPaid ? [change.claim.key] : []));
      const cursor = completed.at(-1)?.cursor;
      const children = completed.flatMap((page) => page.child ?? []);
      const gaps = completed.flatMap((page) => page.gaps);
      const closedGaps = completed.flatMap((page) => page.closedGaps);
      const documents = batch.changes.filter((change) => change.out !== undefined).length;
      progress?.delivered(documents - rejections.length, rejections.length);
      for (const { child, part } of completed) if (child !== undefined) progress?.child(part);
      pipeline.state.commit({
        ...{ walk: walkId, number, rows, cursor, ledger, rejections, children, receipt },
        ...{ gaps, closedGaps, owed, paid },
        facts: Object.assign({}, ...completed.map((page) => page.facts), factsWith(pipeline.state, decided)),
        progress: progress?.take(),
      });
      await pipeline.state.settled();
      if (decided !== undefined && decided.held > 0) pipeline.events.held(decided.held);
      decided = undefined;
      for (const key of paid) pipeline.owed.delete(key);
      for (const { claim, owed: one } of batch.changes) if (one) pipeline.owed.set(claim.key, claim.fingerprint);
      if (owed.length + paid.length > 0) pipeline.events.owed(pipeline.owed.size);
      pipeline.commits++;
      for (const row of ledger) pipeline.events.window(row);
      for (const child of children) pipeline.events.child(child);
      if (gaps.length + closedGaps.length > 0) pipeline.events.gaps(pipeline.state.gaps());
      tellRejections(pipeline, rejections);
      pipeline.rejections.took(documents, rejections);
      pipeline.events.delivered(walkId, documents - rejections.length, rejections.length);
      tellLatency(pipeline, walkId, batch.changes);
    } finally {
      if (decided !== undefined) pipeline.alerts?.takeBack(decided);
      for (const change of batch.changes) pipeline.claims.release(change.claim);
    }
  };

  /** Nothing more will be written: who waits for a record of it, be it this walk itself, would wait for ever. */
  const giveUp = (): void => {
    clearTimeout(filling.timer);
    for (const change of filling.changes) pipeline.claims.release(change.claim);
    filling = emptyBatch();
  };

  /** One write at a time; a failure is kept for the next `ready` or `flush`. */
  const write = (): Promise<void> => {
    const before = writing ?? Promise.resolve();
    const mine = before
      .then(() => {
        if (failure === undefined) return writeFilled();
      })
      .catch(async (error: unknown) => {
        failure ??= error;
        pipeline.sinkGate.close(error);
        giveUp();
        await pipeline.sink.outcomeUnknown?.(pipeline.name, walkId);
      })
      .finally(() => {
        if (writing === mine) writing = undefined;
      });
    writing = mine;
    return mine;
  };

  const writeSoon = (): void => {
    filling.timer ??= setTimeout(() => void write(), pipeline.batch.waitMs);
  };

  return {
    begin(page, open) {
      const { cursor, accepted, child, gaps = [], closedGaps = [], facts, window = '' } = page;
      const tally = tallies.get(window) ?? newTally(window === '');
      tallies.set(window, tally);
      if (accepted !== undefined || child !== undefined) tallies.delete(window);
      const part = progress?.partOf(page);
      const inFlight = { part, cursor, accepted, child, gaps, closedGaps, facts, open, tally };
      pages.push(inFlight);
      if (accepted !== undefined || child !== undefined) writeSoon(); // a walk without news remembers how far it came, too
      return inFlight;
    },
    done(page, change, listed) {
      page.open--;
      progress?.finished(page.part);
      if (change === undefined) return;
      if (failure !== undefined) return pipeline.claims.release(change.claim);
      filling.changes.push(change);
      filling.counted.push({ tally: page.tally, listed });
      filling.size += (change.out?.json.length ?? 0) + (change.raw?.length ?? 0);
      writeSoon();
      if (isFull()) void write();
    },
    async ready() {
      while (failure === undefined && writing !== undefined && isFull()) await writing;
      if (failure !== undefined) throw failure;
    },
    async flush() {
      await write();
      if (failure !== undefined) throw failure;
      pipeline.rejections.require(); // the last batch of a walk may have been one too many
    },
    async close() {
      failure ??= new SluiceError('the walk has ended', { action: 'retry' });
      await writing;
      giveUp();
    },
  };
}

function emptyBatch(): Filling {
  return { changes: [], counted: [], size: 0, timer: undefined };
}

/** Further causes of rejections are not logged. */
const MOST_TOLD = 100;

/** Logs the first rejection of each cause and field; all of them are kept. */
function tellRejections({ told, log }: WriterNeeds, rejections: readonly StoredRejection[]): void {
  for (const { key, type, field, reason } of rejections) {
    const cause = field === undefined ? type : `${type} in ${field}`;
    if (told.has(cause) || told.size >= MOST_TOLD) continue;
    told.add(cause);
    log.warn(
      { key },
      `the sink rejects documents: ${cause}: ${reason.slice(0, 300)} (\`sluice rejections list\` has all)`,
    );
  }
}

/** Of new records that a poll met; what the vendor had before the stream was watched is history. */
function tellLatency({ state, events }: WriterNeeds, walk: string, changes: readonly Change[]): void {
  const all = changes.flatMap(({ availableMs }) => availableMs ?? []);
  if (all.length === 0) return;
  const sinceMs = watchedSinceMs(state);
  const times = all.filter((ms) => ms >= sinceMs);
  if (times.length > 0) events.acknowledged(walk, times);
}

function rowsOf(changes: readonly Change[]): Row[] {
  return changes.flatMap((change) => change.row ?? []);
}

/** The row of a page that ends a window, a list, or the reading of a child. */
function rowOfPage(
  { registered }: WriterNeeds,
  walk: string,
  { accepted, child, tally }: PageInFlight,
): LedgerRow | undefined {
  const kind = child !== undefined ? 'child' : registered.stream.mode === 'windows' ? 'window' : 'list';
  return accepted && ledgerRow(walk, kind, accepted, tally);
}

/** Throws what a write of another walk threw: which of its documents arrived is not known. */
function requireOpen({ sinkGate }: WriterNeeds): void {
  if (sinkGate.failure !== undefined) throw sinkGate.failure;
}

/** Before the batch is sent: what cannot be kept is not delivered. */
async function keep({ raw, source, registered }: WriterNeeds, changes: readonly Change[]): Promise<void> {
  if (raw === undefined) return;
  const lines = changes.flatMap(({ raw: begin, out }) =>
    begin === undefined || out === undefined ? [] : [wholeLine(begin, out.json)],
  );
  if (lines.length > 0) await raw.keep(source.name, registered.stream.name, lines);
}

/** Prepares the batch, then writes it; the caller commits. Nothing may change this order. */
async function writeBatch(
  pipeline: WriterNeeds,
  walk: string,
  number: number,
  changes: Change[],
  signal: AbortSignal,
): Promise<{ rejections: StoredRejection[]; receipt: Json }> {
  const { sink, state } = pipeline;
  const documents = changes.map((change) => change.out).filter((out) => out !== undefined);
  if (documents.length === 0) return { rejections: [], receipt: state.walk(walk)?.receipt ?? null };
  if (sink.looksUp) state.prepare(walk, number, rowsOf(changes));
  await state.settled();
  pipeline.events.asking(walk);
  const written = await sink
    .write({ pipeline: pipeline.name, walk, number, documents }, signal)
    .catch((error: unknown) => {
      pipeline.events.answered(walk, { failure: messageOf(error) });
      throw error;
    });
  pipeline.events.answered(walk, { taken: true });
  const rejections = written.rejections.map((rejection): StoredRejection => {
    const out = documents.find((one) => one.id === rejection.id);
    const document = out === undefined ? 'null' : stamped(out, new Date(pipeline.now()).toISOString());
    return { ...rejection, key: out?.key ?? '', document };
  });
  return { rejections, receipt: written.receipt };
}
