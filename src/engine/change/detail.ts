/** Gets the detail of a record, or says what is shipped instead, or that it is owed. */
import type { Room } from '../../api/client.ts';
import type { Json } from '../../api/document.ts';
import { actionOf, isGeneral, messageWithAdvice, SluiceError } from '../../api/errors.ts';
import { createPace } from '../../api/pace.ts';
import { isDigestOf } from '../../api/records/identity.ts';
import { withoutSecrets } from '../../api/records/secrets.ts';
import type { IsNews, StreamContext } from '../../api/stream.ts';
import type { Walk } from '../../api/walk.ts';
import type { Known, Owed } from '../../state/store.ts';
import { answersOthers, noteAnswered, verdictOn, wasJudgedLately } from '../completeness/gone.ts';
import { clearMissing, type ListNeeds } from '../completeness/missing.ts';
import type { Pipeline } from '../pipeline.ts';
import { attempt, type CompareNeeds, clean, isAsListed, type Observed, observe } from './compare.ts';

export type DetailNeeds = CompareNeeds & ListNeeds & Pick<Pipeline, 'detailPatienceMs'>;

/** So many records of a pipeline may be owed; with more, the walks wait. */
export const MOST_OWED = 10_000;

const FIRST_OWED_PAUSE_MS = 2000;

const LONGEST_OWED_PAUSE_MS = 300_000;

export interface Shipped {
  record: unknown;
  kind: 'list' | 'detail' | 'detail-missing' | 'unreadable' | 'deleted' | 'owed' | 'suspect';
  /** Of an owed record: for how long the vendor does not want to be asked for its detail. */
  waitMs?: number;
}

/** Undefined for a record that is gone and of which there is nothing to say. */
export async function fetchDetail(
  pipeline: DetailNeeds,
  context: StreamContext,
  walk: Walk,
  seen: Observed,
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
  const outOfOrder = (cause: unknown): SluiceError => {
    const why = 'the vendor has no detail of a record that its list shows, nor of others';
    return new SluiceError(why, { action: 'retry', cause });
  };
  /** Once others were answered. A detail is missing where they are answered again: else an outage has begun meanwhile. */
  const askAgain = (): Promise<Shipped> =>
    ask().catch(async (error: unknown) => {
      const isOutage = actionOf(error) === 'skip' && !(await answersOthers(pipeline, context, seen.key));
      throw isOutage ? outOfOrder(error) : error;
    });
  let othersAnswered = false;
  try {
    return await ask().catch(async (error: unknown) => {
      room.release(); // the records that are asked for now may need it
      const isUnknown = actionOf(error) === 'skip' && seen.record !== undefined;
      if (!isUnknown && !isGeneral(error)) throw error;
      context.signal.throwIfAborted();
      const answered = answersOthers(pipeline, context, seen.key);
      othersAnswered = await (isUnknown ? answered : answered.catch(() => false));
      if (othersAnswered) return await askAgain(); // the route may have come back meanwhile
      throw isUnknown ? outOfOrder(error) : error;
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const action = error instanceof SluiceError ? error.action : 'reject'; // an unforeseen error is this record's own
    if (action === 'skip') return whenMissing(pipeline, context, walk, seen, known, askAgain);
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
function isWaitedFor({ state, owed, now, detailPatienceMs }: DetailNeeds, { key }: Observed): boolean {
  const sinceMs = waitingSinceMs(owed.has(key) ? state.owedOf(key) : undefined, now());
  return now() - sinceMs < detailPatienceMs;
}

/** An attempt that comes later than this could not be made in time: the machine slept, or no process ran. */
const LATE_MS = 60_000;

/** Since when the detail is waited for. Time in which it could not be asked for does not count, nor does a time in the future. */
function waitingSinceMs(before: Owed | undefined, nowMs: number): number {
  if (before === undefined) return nowMs;
  const lateMs = nowMs - before.nextAtMs;
  return Math.min(nowMs, lateMs > LATE_MS ? before.sinceMs + lateMs : before.sinceMs);
}

/** What is remembered of a record that the cursor passes without its detail. */
export function owedFor(pipeline: DetailNeeds, walk: Walk, { key, record, owed }: Observed, waitMs = 0): Owed {
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

/** Compares with the document that was delivered last, which was without secrets. */
function isAnother(pipeline: DetailNeeds, known: Known | undefined, action: string, record: unknown): boolean {
  const { stream } = pipeline.registered;
  const at = stream.changes.findIndex((change) => change.action === action);
  const part = attempt(() => stream.changes[at]?.of(withoutSecrets(record, stream.secrets)));
  return known === undefined || !isDigestOf(known.digests.split('\n')[at], part, pipeline.ignored);
}

function withoutItsDetail(seen: Observed): Shipped {
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
  pipeline: DetailNeeds,
  context: StreamContext,
  walk: Walk,
  seen: Observed,
  known: Known | undefined,
  askAgain: () => Promise<Shipped>,
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
  const listed = observe(pipeline, verdict.record);
  const isChange = known.fingerprint !== null && !isAsListed(pipeline, listed, known);
  if (!isChange) return withoutItsDetail(seen);
  try {
    return await askAgain(); // the route may have come back while the list was read
  } catch (error) {
    context.signal.throwIfAborted();
    if (isGeneral(error)) throw error;
    return withoutItsDetail(actionOf(error) === 'skip' ? listed : seen);
  }
}
