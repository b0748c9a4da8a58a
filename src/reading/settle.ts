/**
 * Reads a list page by page until it is *settled*: two readings in a row saw the same records, and their number is the
 * vendor's total. Only then has no record slipped between two pages while the list moved.
 *
 * A *reading* joins passes until their union is as large as the total: where more records than a page holds have one time,
 * their order may change with every request, and no single pass sees all of them. A union above the total held something
 * that is gone meanwhile, so that the reading is begun anew.
 */
import type { Json } from '../api/document.ts';
import { actionOf, SluiceError } from '../api/errors.ts';
import { keyOf } from '../api/records/identity.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Page } from '../api/walk.ts';
import type { List, ListReply, PageQuery } from './list.ts';
import { isOfThisPart, isTooLarge, narrowed } from './narrow.ts';

/** What a list held when it was accepted. */
export interface ListOutcome {
  keys: Set<string>;
  total: number | undefined;
  settled: boolean;
  /** Positions in the list whose record cannot be had; the list is not settled then. */
  unreadable: number[];
  /** The list moves, so that a smaller part of it may settle. Not so a list that gives the same wrong total each time. */
  isMoving: boolean;
}

/** Passes of one reading at the most; of 9,000 ties a dozen see all. */
const MOST_PASSES = 60;

/** So many passes in a row that add nothing end a reading: the missing records are not in the list. */
const BARREN_PASSES = 8;

/** Pages of the list, all with the cursor that is given; ends when the list is settled, or was read often enough. */
export async function* settle(context: StreamContext, list: List, resume: Json): AsyncGenerator<Page, ListOutcome> {
  let before: Reading | undefined;
  for (let attempt = 1; ; attempt++) {
    const reading: Reading = yield* read(context, list, resume, before?.last);
    const { keys, unreadable, last } = reading;
    const isSame = before !== undefined && areEqual(before.keys, keys);
    const settled = isSame && before?.isWhole === true && reading.isWhole;
    // A list that repeats its reply word for word, with a wrong total, will not do better.
    const isVain = isSame && !reading.isWhole && last.isRepeated;
    if (settled || isVain || unreadable.length > 0 || attempt >= context.settings.settleAttempts) {
      return { keys, total: last.total, settled, unreadable, isMoving: !settled && !last.isRepeated };
    }
    before = reading;
  }
}

interface Reading {
  keys: Set<string>;
  /** As many keys as the vendor counts. */
  isWhole: boolean;
  unreadable: number[];
  last: Pass;
}

async function* read(
  { settings }: StreamContext,
  list: List,
  resume: Json,
  before: Pass | undefined,
): AsyncGenerator<Page, Reading> {
  let keys = new Set<string>();
  let total: number | undefined;
  let last = before;
  for (let passes = 1, barren = 0; ; passes++) {
    const pass = newPass();
    for await (const records of readPass(list, settings.pageSize, pass, last)) yield { records, cursor: resume };
    countHeld(pass, last);
    last = pass;
    const { unreadable } = pass;
    const size = keys.size;
    const joined = passes === 1 || pass.total !== total ? undefined : keys.union(pass.keys);
    const isAnew = joined === undefined || joined.size > (total ?? 0);
    keys = isAnew ? pass.keys : joined;
    total = pass.total;
    if (!pass.isSteady || unreadable.length > 0) return { keys, isWhole: false, unreadable, last };
    const isWhole = keys.size === (total ?? keys.size);
    barren = isAnew || keys.size > size ? 0 : barren + 1;
    if (isWhole || pass.isRepeated || barren >= BARREN_PASSES || passes >= MOST_PASSES)
      return { keys, isWhole, unreadable, last };
  }
}

function areEqual(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  if (one === other) return true;
  return one.size === other.size && other.isSubsetOf(one);
}

/** A page that cannot be had, in none of its parts: behind the first it may be too deep for the vendor. */
export class DeepPage extends Error {
  readonly page: number;
  constructor(page: number, cause: unknown) {
    super(`page ${page}`, { cause });
    this.page = page;
  }
}

interface Pass {
  keys: Set<string>;
  /** Pages that repeat the pass before: a pass of nothing but such pages has the keys of that pass. */
  held: string[][];
  /** How many pages were read. */
  count: number;
  total: number | undefined;
  /** The total and the size were the same on every page, and none was mayBeIncomplete. */
  isSteady: boolean;
  /** Every page had the very words of the pass before. */
  isRepeated: boolean;
  unreadable: number[];
  /** Pages by the digest of their body. A page that the pass before saw in the same words holds nothing to compare. */
  pages: Map<string, SeenPage>;
}

function newPass(): Pass {
  const seen = { keys: new Set<string>(), held: [], count: 0, unreadable: [], pages: new Map() };
  return { ...seen, total: 0, isSteady: true, isRepeated: true };
}

function countHeld(pass: Pass, before: Pass | undefined): void {
  const isWhole = before !== undefined && pass.count === before.count && pass.pages.size === before.pages.size;
  if (pass.isRepeated && isWhole) pass.keys = before.keys;
  else for (const keys of pass.held) for (const key of keys) pass.keys.add(key);
  pass.held = [];
}

interface SeenPage {
  keys: string[];
  total: number | undefined;
  pageSize: number;
}

/** A pass that finds no end is given up behind so many pages, or twice as many as the vendor announced. */
const MOST_PAGES = 20_000;

/** The most records of one list, whose keys are held until it is settled; a window of time is split long before. */
const MOST_RECORDS = 1_000_000;

/** So many empty pages in a row before the announced end are the end. */
const MOST_EMPTY = 3;

/** One pass over all pages; yields the records of those that the pass before did not see. A list that shrank ends it early. */
async function* readPass(
  list: List,
  wantedSize: number,
  pass: Pass,
  before: Pass | undefined,
): AsyncIterable<unknown[]> {
  let pages = 1;
  let pageSize = wantedSize;
  let empty = 0;
  let records = 0;
  for (let page = 1; page <= pages; page++) {
    if (page > Math.max(MOST_PAGES, (2 * (pass.total ?? 0)) / pageSize) || empty >= MOST_EMPTY) {
      pass.isSteady = false;
      return;
    }
    let same: SeenPage | undefined;
    const recognise = (digest: string): ListReply | undefined => {
      same = before?.pages.get(digest);
      return same && { ...same, records: [] };
    };
    const reply = await pageOf(list, { page, pageSize, recognise }, pass);
    // A full page with the whole total may be a cut list: the next page tells. It may be past the end.
    const isOnlyAsked = page > Math.ceil((pass.total ?? 0) / pageSize) && pass.total === pageSize;
    if (reply === undefined && isOnlyAsked) return;
    if (page === 1 && reply !== undefined) {
      pass.total = reply.total;
      pageSize = reply.pageSize;
    }
    pass.isRepeated &&= same !== undefined;
    pass.isSteady &&=
      reply !== undefined && reply.total === pass.total && reply.pageSize === pageSize && !reply.mayBeIncomplete;
    if (reply === undefined) return;
    let keys = same?.keys ?? reply.records.map((record) => keyOf(list, record));
    if (reply.total !== undefined) pages = Math.max(pages, Math.ceil(reply.total / pageSize));
    else if (keys.some((key) => !pass.keys.has(key))) pages++; // without a total, only a page with nothing new is the last
    if (reply.total === pageSize && keys.length === pageSize && keys.some((key) => !pass.keys.has(key)))
      pages = page + 1;
    // Kept for the tests above, which need these keys at the next page.
    if (pass.isRepeated && reply.total !== undefined && reply.total !== pageSize) pass.held.push(keys);
    else {
      const size = pass.keys.size;
      for (const key of keys) pass.keys.add(key);
      // Nearly always all keys are new, so that none can be there twice.
      if (pass.keys.size < size + keys.length && !reply.joined) {
        keys = namesOf(keys);
        for (const key of keys) pass.keys.add(key);
      }
    }
    pass.count++;
    records += keys.length;
    if (records > MOST_RECORDS) throw endless();
    empty = keys.length === 0 ? empty + 1 : 0;
    if (reply.digest !== undefined) pass.pages.set(reply.digest, { keys, total: reply.total, pageSize });
    if (reply.records.length > 0) yield reply.records;
    if (reply.pageSize !== pageSize) return; // pages of another size do not continue this pass
  }
}

function endless(): SluiceError {
  return new SluiceError(`a list has more than ${MOST_RECORDS} records`, {
    action: 'retry',
    isTooLarge: true,
    advice:
      'Look at the list in the console. Without the stream that reads it (`streams` of the source) all others go on.',
  });
}

/**
 * A key that one reply holds more than once is as many entries of the list, as the vendor's total counts them: the further
 * ones have a name of their own.
 */
function namesOf(keys: string[]): string[] {
  const counts = new Map<string, number>();
  return keys.map((key) => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count === 1 ? key : `${key}\0${count}`; // as no vendor writes a key
  });
}

/** Undefined when the list shrank under the pass. */
async function pageOf(list: List, query: PageQuery, pass: Pass): Promise<ListReply | undefined> {
  try {
    return await list.list(query.page === 1 ? { ...query, retry: 'few' } : query);
  } catch (error) {
    if (actionOf(error) === 'walk-again') return undefined;
    if (!isOfThisPart(error)) throw error;
    const parts = await narrowed(list, query, pass.total, isTooLarge(error));
    if (parts !== undefined) {
      for (const position of parts.unreadable) pass.unreadable.push(position);
      return { ...parts.reply, joined: true };
    }
    if (query.page > 1) throw new DeepPage(query.page, error);
    // No part of the page can be had: an outage, which is waited for.
    return list.list(query);
  }
}
