/**
 * Proves that a record is deleted before anybody is told so.
 *
 * Its details route says that there is no such record, and the list, looked through where the record would be, does not
 * have it either. That alone proves nothing: a details route that is out of order answers so for everybody. So another
 * record that the list does have, the *witness*, is asked for at the same moment. Without a witness, two such looks an
 * hour apart are a proof. A list that is suddenly much shorter than before proves nothing (`missing.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, messageWithAdvice, SluiceError } from '../../api/errors.ts';
import { keyOf } from '../../api/records/identity.ts';
import type { Stream, StreamContext } from '../../api/stream.ts';
import { EVERYTHING } from '../../api/time.ts';
import type { Range, Walk } from '../../api/walk.ts';
import type { PipelineState } from '../../state/store.ts';
import { apartMs, clearMissing, type ListNeeds, missingSinceMs, noteTotal } from './missing.ts';
import { inPassing, partOf } from './part.ts';

type DeletionVerdict = { kind: 'gone' | 'unproven' } | { kind: 'listed'; record: unknown };

type Batch = Map<string, PromiseWithResolvers<DeletionVerdict>>;

/** For each walk: the keys that are judged together next, and the end of the judgement before. */
const courts = new WeakMap<StreamContext, { next: Batch | undefined; before: Promise<void> }>();
/** Keys that are suspected within this time are looked for together. */
const GATHER_MS = 100;
/** Two looks without a witness are a proof when they lie so far apart. */
const APART_MS = 3_600_000;

/** When a key was last judged as not deleted: judging it at every poll would read the list at every poll. */
const passed = new WeakMap<PipelineState, Map<string, number>>();
const AGAIN_MS = 900_000;
const MOST_PASSED = 10_000;

export function wasJudgedLately(pipeline: ListNeeds, key: string): boolean {
  const atMs = passed.get(pipeline.state)?.get(key);
  return atMs !== undefined && Math.abs(pipeline.now() - atMs) < AGAIN_MS;
}

function notePassed({ state, now }: ListNeeds, key: string): void {
  const all = passed.get(state) ?? new Map<string, number>();
  passed.set(state, all);
  if (all.size >= MOST_PASSED) all.clear();
  all.set(key, now());
}

/** What became of a known record whose detail answers that it does not exist. */
export function verdictOn(pipeline: ListNeeds, context: StreamContext, key: string): Promise<DeletionVerdict> {
  const court = courts.get(context) ?? { next: undefined, before: Promise.resolve() };
  courts.set(context, court);
  let batch = court.next;
  if (batch === undefined) {
    const mine: Batch = new Map();
    batch = mine;
    court.next = mine;
    court.before = court.before
      .then(() => sleep(GATHER_MS, undefined, { signal: context.signal }).catch(() => {}))
      .then(() => {
        court.next = undefined;
        return judge(pipeline, context, mine);
      });
  }
  const waiting = batch.get(key) ?? Promise.withResolvers<DeletionVerdict>();
  batch.set(key, waiting);
  return waiting.promise;
}

/** The key whose detail was had last: the best witness while nothing is delivered yet. */
const answered = new WeakMap<PipelineState, string>();

export function noteAnswered({ state }: ListNeeds, key: string): void {
  answered.set(state, key);
}

/** For each walk: the question that is about to be asked, whose answer all its records share. */
const questions = new WeakMap<StreamContext, Promise<boolean>>();

/**
 * Whether the details route answers for other records, asked after this call: where it answers nobody, it is out of
 * order, and its "no such record" says nothing of the record with this `key`.
 */
export function answersOthers(pipeline: ListNeeds, context: StreamContext, key: string): Promise<boolean> {
  const question =
    questions.get(context) ??
    sleep(GATHER_MS, undefined, { signal: context.signal }).then(() => {
      questions.delete(context);
      const last = answered.get(pipeline.state);
      const known = pipeline.state.newestKeys(MOST_WITNESSES);
      const others = [...(last === undefined ? [] : [last]), ...known].filter((other) => other !== key);
      return hasWitness(pipeline, context, new Map(others.map((other) => [other, undefined])));
    });
  questions.set(context, question);
  return question;
}

/** Never throws: an error is passed to those who wait for a verdict. */
async function judge(pipeline: ListNeeds, context: StreamContext, batch: Batch): Promise<void> {
  try {
    const verdicts = await verdictsOn(pipeline, context, [...batch.keys()]);
    for (const [key, { resolve }] of batch) {
      const verdict = verdicts.get(key) ?? { kind: 'unproven' };
      if (verdict.kind !== 'gone') notePassed(pipeline, key);
      resolve(verdict);
    }
  } catch (error) {
    const isOfOne = actionOf(error) === 'retry' && error instanceof SluiceError && error.general === undefined;
    if (isOfOne) pipeline.log.warn(`whether records are deleted cannot be told for now: ${messageWithAdvice(error)}`);
    for (const { resolve, reject } of batch.values()) isOfOne ? resolve({ kind: 'unproven' }) : reject(error);
  }
}

async function verdictsOn(
  pipeline: ListNeeds,
  context: StreamContext,
  keys: readonly string[],
): Promise<Map<string, DeletionVerdict>> {
  const verdicts = new Map<string, DeletionVerdict>();
  const look = await lookFor(pipeline, { ...inPassing(context), knownKeys: () => [] }, keys);
  for (const [key, record] of look.found) verdicts.set(key, { kind: 'listed', record });
  clearMissing(pipeline, look.found.keys());
  const unlisted = look.isWhole ? keys.filter((key) => !look.found.has(key)) : [];
  if (unlisted.length === 0) return verdicts;
  const absent = await absentAmong(pipeline, context, unlisted);
  if (!(await isAsUsual(pipeline, context, look))) return verdicts;
  const enoughMs = (await hasWitness(pipeline, context, look.others)) ? withWitnessMs(pipeline) : APART_MS;
  const nowMs = context.now();
  for (const key of absent) {
    if (enoughMs > 0 && nowMs - missingSinceMs(pipeline, key, nowMs) < enoughMs) continue;
    verdicts.set(key, { kind: 'gone' });
    clearMissing(pipeline, [key]);
  }
  return verdicts;
}

/** Where the details still answer, two readings of the list have to agree, as for lists without details. */
function withWitnessMs(pipeline: ListNeeds): number {
  return pipeline.registered.stream.deletesSoftly ? apartMs(pipeline) : 0;
}

/** What the list says of the keys that are looked for. */
interface Look {
  found: Map<string, unknown>;
  /** No part of the list was unsettled or left out: a key that was not found is not listed. */
  isWhole: boolean;
  /** Other records of the list that are known: they may be witnesses. */
  others: Map<string, unknown>;
  /** How many records the list has, where all of it was read. */
  total: number | undefined;
}

const MOST_WITNESSES = 5;

interface Search extends Look {
  pipeline: ListNeeds;
  context: StreamContext;
  wanted: ReadonlySet<string>;
}

async function lookFor(pipeline: ListNeeds, context: StreamContext, keys: readonly string[]): Promise<Look> {
  const { stream } = pipeline.registered;
  const search: Search = {
    ...{ pipeline, context, wanted: new Set(keys) },
    ...{ found: new Map(), isWhole: false, others: new Map(), total: undefined },
  };
  if (stream.mode === 'children') return search;
  if (stream.mode === 'windows' && (await lookAround(search))) return search;
  const all = new Set<string>();
  const learned: Known[] = [];
  search.isWhole = await read(search, EVERYTHING, (key, record) => {
    all.add(key);
    const known = timesOf(stream, key, record);
    if (learned.length === 0 && known !== undefined) learned.push(known);
  });
  search.total = all.size;
  for (const known of learned)
    if (await isWhereItsTimeIs(search, known)) pipeline.state.setFact(OWN_TIME, known.stored);
  return search;
}

const WALK: Walk = { id: 'is-it-gone', kind: 'refresh', range: EVERYTHING };

/** Reads a part of the list. Says whether all of it was read. */
async function read(search: Search, range: Range, each: (key: string, record: unknown) => void): Promise<boolean> {
  const { pipeline, context, wanted, found, others } = search;
  const { stream } = pipeline.registered;
  const pages = partOf(stream, context, WALK, range, null);
  for (;;) {
    const { done, value } = await pages.next();
    if (done) return value;
    for (const record of value.records) {
      const key = keyOf(stream, record);
      each(key, record);
      if (wanted.has(key)) found.set(key, record);
      else if (others.size < MOST_WITNESSES && pipeline.state.known(key)?.deleted === false) others.set(key, record);
    }
  }
}

/** The times that the detail and the list give for a record may differ a little. */
const AROUND_MS = 60_000;
/** At most so many ranges are read one by one. */
const MOST_PLACES = 20;
/** The fact that names a record which the list has under its own time, not under that of its arrival. */
const OWN_TIME = 'listed by its own time';

/**
 * Looks where the records would be if the list is filtered by their own time. Says whether no other
 * place is left: all keys were found, or the list is seen to be filtered so.
 */
async function lookAround(search: Search): Promise<boolean> {
  const { pipeline, context, wanted, found } = search;
  const { stream } = pipeline.registered;
  const times = [...wanted].map((key) => pipeline.state.known(key)?.timeMs ?? undefined);
  const places = placesOf(times.filter((ms) => ms !== undefined));
  let isByOwnTime = stream.arrivedMs === undefined;
  let isWhole = true;
  for (const place of places) {
    const isSettled = await read(search, place, (key, record) => {
      const known = timesOf(stream, key, record);
      if (known !== undefined && isOutside(known.arrivedMs, place, AROUND_MS + context.settings.overlapMs))
        isByOwnTime = true; // its arrival lies elsewhere
    });
    isWhole &&= isSettled;
  }
  if (found.size === wanted.size) return true;
  if (times.includes(undefined)) return false;
  if (!isByOwnTime) isByOwnTime = await isKnownToBeByOwnTime(search);
  search.isWhole = isWhole;
  return isByOwnTime;
}

function isOutside(ms: number, { fromMs, toMs }: Range, byMs: number): boolean {
  return ms < fromMs - byMs || ms > toMs + byMs;
}

/** Ranges around the times, joined where they touch; where there are too many, one that has them all. */
function placesOf(times: readonly number[]): Range[] {
  const places: Range[] = [];
  for (const ms of [...times].sort((one, other) => one - other)) {
    const last = places.at(-1);
    if (last !== undefined && ms - AROUND_MS <= last.toMs) last.toMs = ms + AROUND_MS;
    else places.push({ fromMs: ms - AROUND_MS, toMs: ms + AROUND_MS });
  }
  const [first] = places;
  return first === undefined || places.length <= MOST_PLACES
    ? places
    : [{ fromMs: first.fromMs, toMs: (places.at(-1) as Range).toMs }];
}

interface Known {
  stored: { key: string; timeMs: number };
  arrivedMs: number;
}

/** Undefined unless both times say where a record is listed, and differ. */
function timesOf(stream: Stream, key: string, record: unknown): Known | undefined {
  try {
    const [timeMs, arrivedMs] = [stream.timeMs(record), stream.arrivedMs?.(record)];
    if (timeMs === undefined || arrivedMs === undefined || Math.abs(timeMs - arrivedMs) < 2 * AROUND_MS) return;
    return { stored: { key, timeMs }, arrivedMs };
  } catch {
    return undefined;
  }
}

/** The vendor may have changed its filter since that was learned, so the list is asked. */
async function isKnownToBeByOwnTime(search: Search): Promise<boolean> {
  const stored = search.pipeline.state.fact(OWN_TIME) as Known['stored'] | undefined;
  return stored !== undefined && (await isWhereItsTimeIs(search, { stored, arrivedMs: 0 }));
}

async function isWhereItsTimeIs(search: Search, { stored }: Known): Promise<boolean> {
  let isThere = false;
  const range = { fromMs: stored.timeMs - 1000, toMs: stored.timeMs + 1000 };
  await read(search, range, (key) => {
    isThere ||= key === stored.key;
  });
  return isThere;
}

/** The keys whose detail still answers that they do not exist, now that the list was read. */
async function absentAmong(pipeline: ListNeeds, context: StreamContext, keys: readonly string[]): Promise<string[]> {
  const absent: string[] = [];
  for (const key of keys) {
    const answer = await ask(pipeline, context, key, undefined);
    if (answer === 'skip') absent.push(key);
    if (answer === undefined) clearMissing(pipeline, [key]);
  }
  return absent;
}

/** Whether the list has about as many records as before. */
async function isAsUsual(pipeline: ListNeeds, context: StreamContext, { total }: Look): Promise<boolean> {
  const { stream } = pipeline.registered;
  const count = stream.mode === 'windows' ? (await stream.peek?.(context, EVERYTHING))?.total : total;
  return count === undefined || noteTotal(pipeline, count) === undefined;
}

async function hasWitness(
  pipeline: ListNeeds,
  context: StreamContext,
  others: ReadonlyMap<string, unknown>,
): Promise<boolean> {
  for (const [key, record] of others) if ((await ask(pipeline, context, key, record)) === undefined) return true;
  return false;
}

/** The action of the error with which a detail was refused; undefined when it was had. */
async function ask(
  pipeline: ListNeeds,
  context: StreamContext,
  key: string,
  record: unknown,
): Promise<string | undefined> {
  try {
    await pipeline.registered.stream.detail?.(context, key, record, () => false);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof SluiceError && error.general !== undefined) throw error;
    return actionOf(error);
  }
}
