/** What is shipped for a new or changed record, and what is remembered of it. */
import { DELETED, exactHashOf, isDigestOf, isSameHash, revisionOf, withoutDetail } from '../../api/records/identity.ts';
import { seenAgain } from '../../api/records/last.ts';
import type { OutDocument } from '../../api/sink.ts';
import type { StreamContext } from '../../api/stream.ts';
import type { Walk } from '../../api/walk.ts';
import type { MappedAs } from '../../state/raw/record.ts';
import type { Known, Owed, Row } from '../../state/store.ts';
import type { Claim } from '../claims.ts';
import type { Pipeline } from '../pipeline.ts';
import { actionFor, digestsOf, isSaid, partsOf, unsaid } from './action.ts';
import { beforeOf, remembers } from './closing.ts';
import { attempt, isUnchanged, type Observed } from './compare.ts';
import { type DetailNeeds, fetchDetail, owedFor, type Shipped } from './detail.ts';
import { leavesNotes, type OutNeeds, type Revised, ready } from './out.ts';
import { refreshPauseMs } from './refresh.ts';

export type ChangeNeeds = DetailNeeds & OutNeeds & Pick<Pipeline, 'memory' | 'refresh' | 'alerts'>;

/** What is to be remembered of a record, and the document that goes with it when there is something to ship. */
export interface Change {
  row: Row | undefined;
  out: OutDocument | undefined;
  claim: Claim;
  /** Since when the vendor has had a new record that a poll met; left out of history and of later revisions. */
  availableMs?: number;
  /** Set for an alert where alerts are limited: the same as an event with a tag. */
  asHeld?: () => Pick<Change, 'out' | 'raw'> | undefined;
  /** The begin of the line that is kept of the record, where records are kept. */
  raw?: string;
  /** Its detail is to be asked for again, beside everything else. */
  owed?: Owed;
  /** It is not owed any more. */
  isPaid?: boolean;
  /** The user's own mapping ships nothing of it. */
  isDropped?: boolean;
}

function claim({ claims }: ChangeNeeds, walk: Walk, { key, fingerprint }: Observed): Claim {
  return claims.take({ key, walk: walk.id, fingerprint });
}

/** The change for a record that is shipped as the list has it. The record must not be claimed. */
export function changeFromList(pipeline: ChangeNeeds, walk: Walk, seen: Observed, known: Known | undefined): Change {
  return changed(pipeline, walk, seen, known, { record: seen.record, kind: 'list' });
}

/** Takes the claim, which goes on with the change. */
function changed(
  pipeline: ChangeNeeds,
  walk: Walk,
  seen: Observed,
  known: Known | undefined,
  shipped: Shipped,
): Change {
  const mine = claim(pipeline, walk, seen);
  try {
    return toChange(pipeline, walk, seen, known, shipped, mine);
  } catch (error) {
    pipeline.claims.release(mine); // whoever waits for it would wait for ever
    throw error;
  }
}

/** The change for a record whose detail is shipped. Undefined when another walk delivered it meanwhile, or there is nothing to say of it. */
export async function changeFromDetail(
  pipeline: ChangeNeeds,
  context: StreamContext,
  walk: Walk,
  seen: Observed,
): Promise<Change | undefined> {
  const taken = await pipeline.claims.whenFree(
    seen.key,
    () => {
      const known = pipeline.state.known(seen.key);
      const isDone = isUnchanged(pipeline, seen, known);
      return isDone && seen.owed === undefined ? undefined : { known, isDone, mine: claim(pipeline, walk, seen) };
    },
    context.signal,
  );
  if (taken === undefined) return undefined;
  const { known, isDone, mine } = taken;
  const room = pipeline.memory.open(); // until there is a document: what it is made from may be large
  try {
    const shipped = isDone ? undefined : await fetchDetail(pipeline, context, walk, seen, known, room);
    if (shipped !== undefined) return toChange(pipeline, walk, seen, known, shipped, mine);
    if (pipeline.owed.has(seen.key)) return { row: undefined, out: undefined, claim: mine, isPaid: true };
  } catch (error) {
    pipeline.claims.release(mine);
    throw error;
  } finally {
    room.release();
  }
  pipeline.claims.release(mine);
  return undefined;
}

/** The change for a known record of which its list alone tells that it is deleted. */
export function changeFromLoss(pipeline: ChangeNeeds, walk: Walk, key: string): Promise<Change | undefined> {
  return pipeline.claims.whenFree(key, () => {
    const known = pipeline.state.known(key);
    const record = pipeline.registered.stream.tombstone?.(key, known?.timeMs ?? undefined);
    if (known === undefined || known.deleted || record === undefined) return undefined;
    const seen: Observed = { key, record: undefined, fingerprint: null };
    return changed(pipeline, walk, seen, known, { record, kind: 'deleted' });
  });
}

function toChange(
  pipeline: ChangeNeeds,
  walk: Walk,
  seen: Observed,
  known: Known | undefined,
  shipped: Shipped,
  mine: Claim,
): Change {
  if (shipped.kind === 'owed')
    return { row: undefined, out: undefined, claim: mine, owed: owedFor(pipeline, walk, seen, shipped.waitMs) };
  if (shipped.kind === 'suspect') {
    const row = { ...(known as Known), key: seen.key, refreshAtMs: pipeline.now() };
    return { row, out: undefined, claim: mine };
  }
  if (shipped.kind === 'unreadable')
    return { row: postponed(pipeline, seen, known as Known), out: undefined, claim: mine };
  const asBefore = seen.owed === undefined ? walk : { ...walk, as: seen.owed.as };
  const change = changeOf(pipeline, asBefore, seen, known, shipped, mine);
  if (pipeline.owed.has(seen.key)) change.isPaid = true;
  return change;
}

function changeOf(
  pipeline: ChangeNeeds,
  walk: Walk,
  seen: Observed,
  known: Known | undefined,
  shipped: Shipped,
  mine: Claim,
): Change {
  const revision = revisionFor(pipeline, seen, shipped);
  return known !== undefined && isSameHash(known.revision, revision, () => earlierRevision(pipeline, shipped))
    ? { row: touched(pipeline, seen, known, shipped), out: undefined, claim: mine }
    : shippedChange(pipeline, walk, seen, shipped, known, revision, mine);
}

function earlierRevision({ ignored }: ChangeNeeds, shipped: Shipped): string {
  const hash = exactHashOf(shipped.record, ignored);
  return shipped.kind === 'detail-missing' ? withoutDetail(hash) : hash;
}

/** A list record shipped as it is has its fingerprint as its revision: one hash less for every record. */
function revisionFor(pipeline: ChangeNeeds, seen: Observed, shipped: Shipped): string {
  if (shipped.kind === 'deleted') return DELETED;
  if (shipped.kind === 'list' && seen.fingerprint !== null) return seen.fingerprint;
  const revision = revisionOf(shipped.record, pipeline.ignored);
  return shipped.kind === 'detail-missing' ? withoutDetail(revision) : revision;
}

function shippedChange(
  pipeline: ChangeNeeds,
  walk: Walk,
  seen: Observed,
  shipped: Shipped,
  known: Known | undefined,
  revision: string,
  mine: Claim,
): Change {
  const { stream } = pipeline.registered;
  const { kind, record } = shipped;
  const before = known?.ordinal ?? 0;
  const ordinal = before + 1;
  const detailMissing = kind === 'detail-missing';
  const parts = partsOf(stream, record);
  const digests = digestsOf(pipeline, parts, detailMissing ? (known?.digests ?? '') : undefined);
  const action = kind === 'deleted' ? stream.actions.deleted : actionFor(pipeline, known, parts, detailMissing);
  const timeMs =
    attempt(() => stream.timeMs(record)) ?? attempt(() => stream.timeMs(seen.record)) ?? known?.timeMs ?? null;
  const told = { action, as: walk.as, before: beforeOf(stream, known, pipeline.ignored) };
  const mappedAs = { atMs: pipeline.now(), kind: kind as MappedAs['kind'], ...told };
  const revised = { record, key: seen.key, revision, ordinal, timeMs, mappedAs };
  const made = ready(pipeline, revised, pipeline.state.note);
  // Nobody has heard of it, so nobody is told that it is gone.
  const isUnheard = kind === 'deleted' && known !== undefined && before === 0;
  const out = isUnheard ? undefined : made.out;
  const hasRefresh = stream.detail !== undefined && kind !== 'list';
  const seenMs = hasRefresh ? seenFirstMs(pipeline, walk, seen, known) : (known?.seenMs ?? null);
  const { refreshAtMs, refreshMs } = refreshAt(pipeline, shipped, seenMs ?? 0, known, true);
  const row: Row = {
    key: seen.key,
    rowId: known?.rowId,
    id: out?.id,
    fingerprint: fingerprintToKeep(pipeline, seen, shipped, digests),
    revision,
    ordinal: out === undefined ? before : ordinal,
    timeMs,
    digests,
    last: made.last,
    deleted: kind === 'deleted',
    refreshAtMs,
    refreshMs,
    seenMs,
  };
  if (made.notes.length > 0) row.notes = made.notes;
  if (out === undefined) return { row: droppedRow(row, detailMissing), out, claim: mine, isDropped: true };
  if (detailMissing) row.isBare = true;
  const isPolled = walk.kind === 'live' || walk.kind === 'catch-up';
  const isNew = isPolled && row.ordinal === 1 && stream.mode === 'windows';
  const availableMs = isNew ? (attempt(() => stream.arrivedMs?.(seen.record)) ?? timeMs ?? undefined) : undefined;
  const change: Change = { row, out, claim: mine, availableMs, raw: made.raw };
  if (pipeline.alerts !== undefined && made.isAlert)
    change.asHeld = () => held(pipeline, { ...revised, mappedAs: { ...mappedAs, as: 'held' } });
  return change;
}

/** Undefined where the user's own mapping drops what is no alert: then it stays one. */
function held(pipeline: ChangeNeeds, revised: Revised): Pick<Change, 'out' | 'raw'> | undefined {
  const { out, raw } = ready(pipeline, revised, pipeline.state.note);
  return out && { out, raw };
}

/** Its ordinal stays, which counts documents. One of which nothing was ever shipped is not asked for again by itself. */
function droppedRow(row: Row, detailMissing: boolean): Row {
  return row.ordinal > 0 || detailMissing ? row : { ...row, refreshAtMs: null, refreshMs: 0 };
}

/** Nothing to ship: only what is remembered moves on. */
function touched(pipeline: ChangeNeeds, seen: Observed, known: Known, shipped: Shipped): Row {
  const { stream } = pipeline.registered;
  const isRebuilt = known.fingerprint === null && known.digests === unsaid(stream);
  const isUnheardOf = isRebuilt || (known.last === undefined && remembers(stream)); // rows of older versions
  const learned = isUnheardOf && shipped.kind !== 'deleted' ? asDelivered(pipeline, seen, known, shipped) : undefined;
  const digests = learned?.digests ?? known.digests;
  const fingerprint =
    seen.record === undefined ? known.fingerprint : fingerprintToKeep(pipeline, seen, shipped, digests);
  return {
    ...known,
    ...learned,
    last: seenAgain(known.last ?? learned?.last, pipeline.now()),
    key: seen.key,
    fingerprint,
    ...refreshAt(pipeline, shipped, knownSinceMs(pipeline, known), known, false),
  };
}

/** What was remembered when this revision was delivered, and is not in a state that was rebuilt from documents. */
function asDelivered(
  pipeline: ChangeNeeds,
  { key }: Observed,
  { revision, ordinal, timeMs, digests: unknown }: Known,
  { record, kind }: Shipped,
): Pick<Row, 'digests' | 'last' | 'notes'> {
  const parts = partsOf(pipeline.registered.stream, record);
  const digests = digestsOf(pipeline, parts, kind === 'detail-missing' ? unknown : undefined);
  if (!leavesNotes(pipeline) && !remembers(pipeline.registered.stream)) return { digests };
  const mappedAs = { atMs: pipeline.now(), kind: kind as MappedAs['kind'], action: undefined, as: undefined };
  const { notes, last } = ready(
    { ...pipeline, raw: undefined },
    { record, key, revision, ordinal, timeMs, mappedAs },
    pipeline.state.note,
  );
  return notes.length > 0 ? { digests, last, notes } : { digests, last };
}

/** The detail that was due cannot be had: later. */
function postponed(pipeline: ChangeNeeds, seen: Observed, known: Known): Row {
  return {
    ...known,
    key: seen.key,
    ...refreshAt(pipeline, { record: undefined, kind: 'detail-missing' }, knownSinceMs(pipeline, known), known, false),
  };
}

/**
 * The fingerprint says "as the list has it, it is delivered". When the detail is already ahead of the list in a part that
 * the stream watches, it does not: the record may return to the state of the list unnoticed. Then it is compared anew.
 */
function fingerprintToKeep(pipeline: ChangeNeeds, seen: Observed, shipped: Shipped, digests: string): string | null {
  if (shipped.kind === 'deleted') return null;
  if (shipped.kind !== 'detail' || seen.record === undefined) return seen.fingerprint;
  const { registered, ignored } = pipeline;
  const inDetail = digests.split('\n');
  const isAhead = partsOf(registered.stream, seen.record).some(
    (listed, index) => isSaid(listed, ignored) && !isDigestOf(inDetail[index], listed, ignored),
  );
  return isAhead ? null : seen.fingerprint;
}

/** History was seen first when the vendor received it, as far as the record says; a clock of its own proves nothing. */
function seenFirstMs(pipeline: ChangeNeeds, walk: Walk, seen: Observed, known: Known | undefined): number {
  if (known !== undefined) return knownSinceMs(pipeline, known);
  const nowMs = pipeline.now();
  if (walk.kind !== 'backfill') return nowMs;
  return Math.min(nowMs, attempt(() => pipeline.registered.stream.arrivedMs?.(seen.record)) ?? nowMs);
}

/** Rows of older versions have its own time only. */
function knownSinceMs(pipeline: ChangeNeeds, known: Known): number {
  return Math.min(pipeline.now(), known.seenMs ?? known.timeMs ?? pipeline.now());
}

function refreshAt(
  pipeline: ChangeNeeds,
  shipped: Shipped,
  seenMs: number,
  known: Known | undefined,
  isNewRevision: boolean,
): { refreshAtMs: number | null; refreshMs: number } {
  const nowMs = pipeline.now();
  const { stream } = pipeline.registered;
  if (stream.detail === undefined || shipped.kind === 'deleted' || shipped.kind === 'list')
    return { refreshAtMs: null, refreshMs: 0 };
  const facts = {
    open: attempt(() => stream.isOpen(shipped.record)) ?? false,
    detailMissing: shipped.kind === 'detail-missing',
    changed: known !== undefined && isNewRevision,
    seenMs,
    previousMs: isNewRevision ? 0 : (known?.refreshMs ?? 0),
  };
  const refreshMs = refreshPauseMs(facts, pipeline.refresh, nowMs);
  return { refreshAtMs: refreshMs === 0 ? null : nowMs + refreshMs, refreshMs };
}
