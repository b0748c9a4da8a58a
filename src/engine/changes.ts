/**
 * Tells which records of a page are new or changed, and gets what is shipped for them.
 *
 * A record is *claimed* before it is delivered, so that two walks that meet it at the same time do not both ship it.
 */

import type { Room } from '../api/client.ts';
import type { EcsDocument, Json } from '../api/document.ts';
import { actionOf, isGeneral, messageOf, messageWithAdvice, SluiceError } from '../api/errors.ts';
import { createPace } from '../api/pace.ts';
import { completeHost, hostNote } from '../api/records/host-facts.ts';
import {
  DELETED,
  digestOf,
  documentId,
  exactHashOf,
  hasKey,
  isDigestOf,
  isSameHash,
  keyOf,
  keyOfTwin,
  revisionOf,
  withoutDetail,
} from '../api/records/identity.ts';
import { REMOVED, withoutSecrets } from '../api/records/secrets.ts';
import type { OutDocument } from '../api/sink.ts';
import type { IsNews, Stream, StreamContext } from '../api/stream.ts';
import type { Note, Walk } from '../api/walk.ts';
import { toJson } from '../sinks/serialize.ts';
import type { Known, Owed, Row } from '../state/store.ts';
import { type Revision, toDocument } from './document.ts';
import { answersOthers, noteAnswered, verdictOn, wasJudgedLately } from './gone.ts';
import { clearMissing } from './missing.ts';
import type { Pipeline } from './pipeline.ts';
import { refreshPauseMs } from './refresh.ts';

/** A key on its way to the sink. */
export interface Claim {
  key: string;
  walk: string;
  fingerprint: string | null;
  /** Made only when somebody waits, which is rare. */
  waiting: PromiseWithResolvers<void> | undefined;
}

/** Resolves when the record is committed, or given up. */
export function released(claim: Claim): Promise<void> {
  claim.waiting ??= Promise.withResolvers();
  return claim.waiting.promise;
}

/** Lets go of a key; who waits for it compares again. */
export function release(pipeline: Pipeline, claim: Claim): void {
  pipeline.claims.delete(claim.key);
  claim.waiting?.resolve();
}

/** What is to be remembered of a record, and the document that goes with it when there is something to ship. */
export interface Change {
  row: Row | undefined;
  out: OutDocument | undefined;
  claim: Claim;
  /** Its detail is to be asked for again, beside everything else. */
  owed?: Owed;
  /** It is not owed any more. */
  isPaid?: boolean;
}

/** So many records of a pipeline may wait for their detail beside the walks; beyond, the walks wait. */
export const MOST_OWED = 10_000;
const FIRST_OWED_PAUSE_MS = 2000;
const LONGEST_OWED_PAUSE_MS = 300_000;

export interface Sight {
  key: string;
  /** The list record; undefined when only its key is known. */
  record: unknown;
  fingerprint: string | null;
  /** It was passed without its detail, which is asked for now. */
  owed?: Owed;
}

/** A record of which only the key is known, or what was remembered when its detail could not be had. */
export function sightOfKey(pipeline: Pipeline, key: string): Sight {
  const owed = pipeline.owed.has(key) ? pipeline.state.owedOf(key) : undefined;
  if (owed === undefined) return { key, record: undefined, fingerprint: null };
  return { key, record: owed.record, fingerprint: pipeline.owed.get(key) ?? null, owed };
}

/** A record of the list as the engine sees it from here on: without secrets. Never throws. */
export function sight(pipeline: Pipeline, raw: unknown): Sight {
  const { stream } = pipeline.registered;
  const record = clean(stream, raw);
  return {
    key: record === raw ? keyOf(stream, record) : keyOfCleaned(stream, record, raw),
    record,
    fingerprint: attempt(() => revisionOf(record, pipeline.volatile)) ?? null,
  };
}

/** Where a secret stood in the key itself, or nothing else is left, the key is the one by which the list knows the record. */
function keyOfCleaned(stream: Stream, record: unknown, raw: unknown): string {
  const [key, listed] = [keyOf(stream, record), keyOf(stream, raw)];
  return hasKey(key) && hasKey(listed) ? key : listed;
}

/**
 * One reply may show one key several times, each time with another content. The one that was delivered before keeps the
 * key, or else the first by its fingerprint. Where the detail decides, that is all; else the others count as records
 * without a key, so that each is shipped once, and not in turns for ever.
 */
export function withoutTwins(pipeline: Pipeline, sights: Sight[], hasDetails: boolean): Sight[] {
  if (new Set(sights.map(({ key }) => key)).size === sights.length) return sights;
  const owners = new Map<string, Sight>();
  for (const [key, same] of Map.groupBy(sights, (seen) => seen.key)) {
    const known = same.length === 1 ? undefined : pipeline.state.known(key);
    const sorted = same.toSorted((one, other) => (printOf(one) < printOf(other) ? -1 : 1));
    owners.set(key, sorted.find((seen) => isAsListed(pipeline, seen, known)) ?? (sorted[0] as Sight));
  }
  if (hasDetails) return [...owners.values()];
  return sights.map((seen) => {
    const isOwner = printOf(seen) === printOf(owners.get(seen.key) as Sight);
    return isOwner ? seen : { ...seen, key: keyOfTwin(seen.key, printOf(seen)) };
  });
}

function printOf({ fingerprint }: Sight): string {
  return fingerprint ?? '';
}

/** What cannot be searched for secrets goes no further. */
function clean(stream: Stream, raw: unknown): unknown {
  try {
    return withoutSecrets(raw, stream.secrets);
  } catch {
    return REMOVED;
  }
}

/** Whether nothing needs to be done: it is known as it is, or on its way as it is. */
export function isUnchanged(pipeline: Pipeline, seen: Sight, known: Known | undefined): boolean {
  if (seen.fingerprint === null) return false;
  const claim = pipeline.claims.get(seen.key);
  if (claim !== undefined) return claim.fingerprint === seen.fingerprint;
  const { owed } = pipeline;
  if (owed.size > 0 && seen.owed === undefined && owed.get(seen.key) === seen.fingerprint) return true;
  return isAsListed(pipeline, seen, known);
}

/** Whether the list record is the one that was seen last. */
function isAsListed(pipeline: Pipeline, seen: Sight, known: Known | undefined): boolean {
  return isSameHash(known?.fingerprint, seen.fingerprint, () => exactHashOf(seen.record, pipeline.volatile));
}

/** Whether another walk is shipping it: whoever vouches for its delivery must wait for that. */
export function isClaimedElsewhere(pipeline: Pipeline, walk: Walk, seen: Sight): boolean {
  const claim = pipeline.claims.get(seen.key);
  return claim !== undefined && claim.walk !== walk.id;
}

export function isClaimed(pipeline: Pipeline, seen: Sight): boolean {
  return pipeline.claims.has(seen.key);
}

function claim(pipeline: Pipeline, walk: Walk, seen: Sight): Claim {
  const made: Claim = { key: seen.key, walk: walk.id, fingerprint: seen.fingerprint, waiting: undefined };
  pipeline.claims.set(seen.key, made);
  return made;
}

/** The change for a record that is shipped as the list has it. The record must not be claimed. */
export function changeFromList(pipeline: Pipeline, walk: Walk, seen: Sight, known: Known | undefined): Change {
  const mine = claim(pipeline, walk, seen);
  try {
    return toChange(pipeline, walk, seen, known, { record: seen.record, kind: 'list' }, mine);
  } catch (error) {
    release(pipeline, mine); // whoever waits for it would wait for ever
    throw error;
  }
}

/** The change for a record whose detail is shipped. Undefined when another walk delivered it meanwhile, or there is nothing to say of it. */
export async function changeFromDetail(
  pipeline: Pipeline,
  context: StreamContext,
  walk: Walk,
  seen: Sight,
): Promise<Change | undefined> {
  for (let other = pipeline.claims.get(seen.key); other !== undefined; other = pipeline.claims.get(seen.key)) {
    await released(other);
    context.signal.throwIfAborted();
  }
  const known = pipeline.state.known(seen.key);
  const isDone = isUnchanged(pipeline, seen, known);
  if (isDone && seen.owed === undefined) return undefined;
  const mine = claim(pipeline, walk, seen);
  const room = pipeline.memory.open(); // until there is a document: what it is made from may be large
  try {
    const shipped = isDone ? undefined : await fetchDetail(pipeline, context, walk, seen, known, room);
    if (shipped !== undefined) return toChange(pipeline, walk, seen, known, shipped, mine);
    if (pipeline.owed.has(seen.key)) return { row: undefined, out: undefined, claim: mine, isPaid: true };
  } catch (error) {
    release(pipeline, mine);
    throw error;
  } finally {
    room.release();
  }
  release(pipeline, mine);
  return undefined;
}

interface Shipped {
  record: unknown;
  kind: 'list' | 'detail' | 'detail-missing' | 'unreadable' | 'deleted' | 'owed' | 'suspect';
  /** Of what is owed: for how long the vendor does not want to be asked for it. */
  waitMs?: number;
}

/** Undefined for a record that is gone and of which there is nothing to say. */
async function fetchDetail(
  pipeline: Pipeline,
  context: StreamContext,
  walk: Walk,
  seen: Sight,
  known: Known | undefined,
  room: Room,
): Promise<Shipped | undefined> {
  const { stream } = pipeline.registered;
  const { client } = context;
  const within: StreamContext = { ...context, client: { ...client, json: (asked) => client.json({ ...asked, room }) } };
  const ask = async (): Promise<Shipped> => {
    const isNews: IsNews = (action, record) => isAnother(pipeline, known, action, record);
    const detail = await stream.detail?.(within, seen.key, seen.record, isNews);
    noteAnswered(pipeline, seen.key);
    if (known !== undefined) clearMissing(pipeline, [seen.key]);
    const pace = createPace();
    const record = clean(stream, detail);
    if (pace.isDue()) await pace.turn();
    return { record, kind: 'detail' };
  };
  let othersAnswered = false;
  try {
    return await ask().catch(async (error: unknown) => {
      room.release(); // those who are asked now may need it
      const isUnknown = actionOf(error) === 'skip' && seen.record !== undefined;
      if (!isUnknown && !isGeneral(error)) throw error;
      context.signal.throwIfAborted();
      const answered = answersOthers(pipeline, context, seen.key);
      othersAnswered = await (isUnknown ? answered : answered.catch(() => false));
      if (othersAnswered) return await ask(); // the route may have come back meanwhile, or another held it
      if (!isUnknown) throw error;
      const why = 'the vendor has no detail of a record that its list shows, nor of others';
      throw new SluiceError(why, { action: 'retry', cause: error });
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const action = error instanceof SluiceError ? error.action : 'reject'; // nobody foresaw it: it is this record's
    if (action === 'skip') return whenMissing(pipeline, context, walk, seen, known);
    if (action !== 'retry' && action !== 'reject') throw error;
    if (isGeneral(error) && !othersAnswered) throw error; // the walk waits, not the record
    const isOwed = action === 'retry' && seen.record !== undefined && isWaitedFor(pipeline, seen);
    if (isOwed && pipeline.owed.size >= MOST_OWED && !pipeline.owed.has(seen.key)) throw error;
    pipeline.log.warn({ key: seen.key }, `detail not available for now: ${messageWithAdvice(error)}`);
    const waitMs = error instanceof SluiceError ? error.waitMs : undefined;
    return isOwed ? { record: seen.record, kind: 'owed', waitMs } : withoutItsDetail(seen);
  }
}

/** Late is better than unseen: in the end a record is shipped as the list has it. */
function isWaitedFor({ state, owed, now, detailPatienceMs }: Pipeline, { key }: Sight): boolean {
  const sinceMs = waitingSinceMs(owed.has(key) ? state.owedOf(key) : undefined, now());
  return now() - sinceMs < detailPatienceMs;
}

/** An attempt that comes later than this was kept from coming: the machine slept, or no process ran. */
const LATE_MS = 60_000;

/** Since when it is waited for. Time in which nobody could ask does not count, and none that is still to come. */
function waitingSinceMs(before: Owed | undefined, nowMs: number): number {
  if (before === undefined) return nowMs;
  const lateMs = nowMs - before.nextAtMs;
  return Math.min(nowMs, lateMs > LATE_MS ? before.sinceMs + lateMs : before.sinceMs);
}

/** What is remembered of a record that the cursor passes without its detail. */
function owedFor(pipeline: Pipeline, walk: Walk, { key, record, owed }: Sight, waitMs = 0): Owed {
  const nowMs = pipeline.now();
  const before = owed ?? (pipeline.owed.has(key) ? pipeline.state.owedOf(key) : undefined);
  const attempts = (before?.attempts ?? 0) + 1;
  const pauseMs = Math.min(LONGEST_OWED_PAUSE_MS, FIRST_OWED_PAUSE_MS * 2 ** Math.min(attempts - 1, 20));
  const as = before === undefined ? walk.as : before.as;
  return {
    key,
    record: record as Json,
    as,
    sinceMs: waitingSinceMs(before, nowMs),
    nextAtMs: nowMs + Math.max(pauseMs, waitMs),
    attempts,
  };
}

/** Compares with what was delivered last, which was without secrets. */
function isAnother(pipeline: Pipeline, known: Known | undefined, action: string, record: unknown): boolean {
  const { stream } = pipeline.registered;
  const at = stream.changes.findIndex((change) => change.action === action);
  const part = attempt(() => stream.changes[at]?.of(withoutSecrets(record, stream.secrets)));
  return known === undefined || !isDigestOf(known.digests.split('\n')[at], part, pipeline.volatile);
}

function withoutItsDetail(seen: Sight): Shipped {
  return seen.record === undefined
    ? { record: undefined, kind: 'unreadable' }
    : { record: seen.record, kind: 'detail-missing' };
}

/**
 * The vendor says that there is no such detail. A record that was delivered is deleted when that is proven. One that the
 * list shows and that was never delivered is shipped as the list has it: it existed, and when it is gone for good, the
 * refresh will tell. The live edge does not wait for a proof: the refresh gets it at once.
 */
async function whenMissing(
  pipeline: Pipeline,
  context: StreamContext,
  walk: Walk,
  seen: Sight,
  known: Known | undefined,
): Promise<Shipped | undefined> {
  if (known === undefined) return seen.record === undefined ? undefined : withoutItsDetail(seen);
  const { stream } = pipeline.registered;
  if (known.deleted || (stream.tombstone === undefined && seen.record === undefined)) return undefined;
  if (stream.mode === 'windows' && walk.kind === 'live' && !walk.once)
    return wasJudgedLately(pipeline, seen.key) ? undefined : { record: undefined, kind: 'suspect' };
  const verdict = await verdictOn(pipeline, context, seen.key);
  if (verdict.kind === 'gone')
    return { record: stream.tombstone?.(seen.key, known.timeMs ?? undefined), kind: 'deleted' };
  const isListed = verdict.kind === 'listed';
  const why = isListed ? 'of a record that its list still shows' : 'of a record, and that it is deleted is not proven';
  pipeline.log.warn({ key: seen.key }, `the vendor has no detail ${why}`);
  if (seen.record !== undefined || !isListed || !(await answersOthers(pipeline, context, seen.key)))
    return withoutItsDetail(seen);
  const listed = sight(pipeline, verdict.record);
  const isChange = known.fingerprint !== null && !isAsListed(pipeline, listed, known);
  return withoutItsDetail(isChange ? listed : seen);
}

/** The change for a known record of which its list alone tells that it is deleted. */
export async function changeFromLoss(pipeline: Pipeline, walk: Walk, key: string): Promise<Change | undefined> {
  for (let other = pipeline.claims.get(key); other !== undefined; other = pipeline.claims.get(key))
    await released(other);
  const known = pipeline.state.known(key);
  const record = pipeline.registered.stream.tombstone?.(key, known?.timeMs ?? undefined);
  if (known === undefined || known.deleted || record === undefined) return undefined;
  const seen: Sight = { key, record: undefined, fingerprint: null };
  const mine = claim(pipeline, walk, seen);
  try {
    return toChange(pipeline, walk, seen, known, { record, kind: 'deleted' }, mine);
  } catch (error) {
    release(pipeline, mine);
    throw error;
  }
}

function toChange(
  pipeline: Pipeline,
  walk: Walk,
  seen: Sight,
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
  pipeline: Pipeline,
  walk: Walk,
  seen: Sight,
  known: Known | undefined,
  shipped: Shipped,
  mine: Claim,
): Change {
  const revision = revisionFor(pipeline, seen, shipped);
  return known !== undefined && isSameHash(known.revision, revision, () => earlierRevision(pipeline, shipped))
    ? { row: touched(pipeline, seen, known, shipped), out: undefined, claim: mine }
    : shippedChange(pipeline, walk, seen, shipped, known, revision, mine);
}

function earlierRevision({ volatile }: Pipeline, shipped: Shipped): string {
  const hash = exactHashOf(shipped.record, volatile);
  return shipped.kind === 'detail-missing' ? withoutDetail(hash) : hash;
}

/** A list record shipped as it is has its fingerprint as its revision: one hash less for every record. */
function revisionFor(pipeline: Pipeline, seen: Sight, shipped: Shipped): string {
  if (shipped.kind === 'deleted') return DELETED;
  if (shipped.kind === 'list' && seen.fingerprint !== null) return seen.fingerprint;
  const revision = revisionOf(shipped.record, pipeline.volatile);
  return shipped.kind === 'detail-missing' ? withoutDetail(revision) : revision;
}

function shippedChange(
  pipeline: Pipeline,
  walk: Walk,
  seen: Sight,
  shipped: Shipped,
  known: Known | undefined,
  revision: string,
  mine: Claim,
): Change {
  const { registered, source } = pipeline;
  const { stream } = registered;
  const ordinal = (known?.ordinal ?? 0) + 1;
  const detailMissing = shipped.kind === 'detail-missing';
  const parts = partsOf(stream, shipped.record);
  const digests = digestsOf(pipeline, parts, detailMissing ? (known?.digests ?? '') : undefined);
  const action = shipped.kind === 'deleted' ? stream.actions.deleted : actionFor(pipeline, known, parts, detailMissing);
  const id = documentId(stream.name, seen.key, ordinal, revision);
  const facts = { key: seen.key, revision, ordinal, action, detailMissing };
  const { document, serial } = serialised(pipeline, walk, shipped.record, facts);
  const timeMs =
    attempt(() => stream.timeMs(shipped.record)) ?? attempt(() => stream.timeMs(seen.record)) ?? known?.timeMs ?? null;
  const hasRefresh = stream.detail !== undefined && shipped.kind !== 'list';
  const seenMs = hasRefresh ? seenFirstMs(pipeline, walk, seen, known) : (known?.seenMs ?? null);
  const { refreshAtMs, refreshMs } = refreshAt(pipeline, shipped, seenMs ?? 0, known, true);
  const row: Row = {
    key: seen.key,
    rowId: known?.rowId,
    id,
    fingerprint: fingerprintToKeep(pipeline, seen, shipped, digests),
    revision,
    ordinal,
    timeMs,
    digests,
    deleted: shipped.kind === 'deleted',
    refreshAtMs,
    refreshMs,
    seenMs,
  };
  const notes = notesOf(pipeline, shipped.record, document);
  if (notes.length > 0) row.notes = notes;
  const hostId = (document.host as { id?: string } | undefined)?.id;
  const { json, ingestedAt } = serial;
  const out = { id, stream: stream.name, namespace: source.name, key: seen.key, revision, hostId, json, ingestedAt };
  return { row, out, claim: mine };
}

/** The document of a record, which is a `pipeline_error` where anything on the way to its bytes goes wrong. */
function serialised(pipeline: Pipeline, walk: Walk, record: unknown, facts: Revision) {
  const { registered, source, enrichHosts } = pipeline;
  try {
    const document = toDocument(registered, source, record, facts, walk, pipeline.now());
    if (enrichHosts && !registered.stream.describesHosts) completeHost(document, pipeline.state.note);
    return { document, serial: toJson(document) };
  } catch (error) {
    if (error instanceof SluiceError) throw error; // of the state, not of the record
    const why = `this record cannot be shipped: ${messageOf(error)}`;
    pipeline.log.warn({ key: facts.key }, why);
    const document = toDocument(registered, source, record, facts, walk, pipeline.now(), why);
    return { document, serial: toJson(document) };
  }
}

/** What is remembered for other streams of the source together with the record. */
function notesOf({ registered: { stream }, wantedNotes }: Pipeline, record: unknown, document: EcsDocument): Note[] {
  const all = wantedNotes.size > 0 ? attempt(() => stream.notes?.(record)) : undefined;
  const notes = (all ?? []).filter(({ kind }) => wantedNotes.has(kind));
  const host = stream.describesHosts ? hostNote(document) : undefined;
  return host === undefined ? notes : [...notes, host];
}

/** Nothing to ship: only the fingerprint and the next refresh move on. */
function touched(pipeline: Pipeline, seen: Sight, known: Known, shipped: Shipped): Row {
  const fingerprint =
    seen.record === undefined ? known.fingerprint : fingerprintToKeep(pipeline, seen, shipped, known.digests);
  return {
    ...known,
    key: seen.key,
    fingerprint,
    ...refreshAt(pipeline, shipped, knownSinceMs(pipeline, known), known, false),
  };
}

/** The detail that was due cannot be had: later. */
function postponed(pipeline: Pipeline, seen: Sight, known: Known): Row {
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
function fingerprintToKeep(pipeline: Pipeline, seen: Sight, shipped: Shipped, digests: string): string | null {
  if (shipped.kind === 'deleted') return null;
  if (shipped.kind !== 'detail' || seen.record === undefined) return seen.fingerprint;
  const { registered, volatile } = pipeline;
  const inDetail = digests.split('\n');
  const isAhead = partsOf(registered.stream, seen.record).some(
    (listed, index) => isSaid(listed, volatile) && !isDigestOf(inDetail[index], listed, volatile),
  );
  return isAhead ? null : seen.fingerprint;
}

/** History was seen first when the vendor received it, as far as the record says; a clock of its own proves nothing. */
function seenFirstMs(pipeline: Pipeline, walk: Walk, seen: Sight, known: Known | undefined): number {
  if (known !== undefined) return knownSinceMs(pipeline, known);
  const nowMs = pipeline.now();
  if (walk.kind !== 'backfill') return nowMs;
  return Math.min(nowMs, attempt(() => pipeline.registered.stream.arrivedMs?.(seen.record)) ?? nowMs);
}

/** Rows of older versions have its own time only. */
function knownSinceMs(pipeline: Pipeline, known: Known): number {
  return Math.min(pipeline.now(), known.seenMs ?? known.timeMs ?? pipeline.now());
}

function refreshAt(
  pipeline: Pipeline,
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

/** Of a part that only the detail tells, before the first detail: whatever it says then is no change. */
const UNSAID = '?';

/** One per entry of `changes`: what a later revision is named after. Without closures, since every record passes here. */
function partsOf(stream: Stream, record: unknown): unknown[] {
  return stream.changes.map((change) => {
    try {
      return change.of(record);
    } catch {
      return undefined;
    }
  });
}

function isSaid(part: unknown, volatile: ReadonlySet<string>): boolean {
  return digestOfAny(part, volatile) !== '';
}

function digestOfAny(part: unknown, volatile: ReadonlySet<string>): string {
  try {
    return digestOf(part, volatile);
  } catch {
    return '';
  }
}

/** A list record in place of the detail says nothing of some parts: they are as they were `before`. */
function digestsOf({ volatile }: Pipeline, parts: readonly unknown[], before: string | undefined): string {
  const earlier = before === undefined || before === '' ? [] : before.split('\n');
  let digests = '';
  for (let index = 0; index < parts.length; index++) {
    let digest = digestOfAny(parts[index], volatile);
    if (digest === '' && before !== undefined) digest = earlier[index] ?? UNSAID;
    digests += index === 0 ? digest : `\n${digest}`;
  }
  return digests;
}

/** The first part that says something else than when it was shipped last. A missing detail changes no part. */
function actionFor(
  pipeline: Pipeline,
  known: Known | undefined,
  parts: readonly unknown[],
  detailMissing: boolean,
): string | undefined {
  if (known === undefined) return undefined;
  const { registered, volatile } = pipeline;
  const { changes, actions } = registered.stream;
  const before = known.digests.split('\n');
  const differs = (index: number): boolean => {
    if (before[index] === undefined || before[index] === UNSAID) return false;
    if (detailMissing && !isSaid(parts[index], volatile)) return false;
    return !isDigestOf(before[index], parts[index], volatile);
  };
  return changes.find((_, index) => differs(index))?.action ?? actions.updated;
}

/** A record of any shape must not stop its walk. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
