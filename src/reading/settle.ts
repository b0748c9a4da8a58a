/**
 * Reads a list page by page until it is *settled*: two readings in a row saw the same records, and their number is the
 * vendor's total. Only then has no record slipped between two pages while the list moved.
 *
 * A *reading* joins passes until their union is as large as the total: when more records than a page holds have the same
 * time, their order may change with every request, and no single pass sees all of them. A union larger than the total holds
 * records that were deleted meanwhile, so the reading begins anew.
 */
import type { Json } from '../api/document.ts';
import { actionOf, SluiceError } from '../api/errors.ts';
import { keyOf } from '../api/records/identity.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Page } from '../api/walk.ts';
import { type AskedPage, openAsking, type PagesSeen } from './asking.ts';
import type { List, ListReply } from './list.ts';
import { isOfThisPart, isTooLarge, narrowed } from './narrow.ts';

/** The content of a list when it was accepted. */
export interface ListOutcome {
  keys: Set<string>;
  total: number | undefined;
  settled: boolean;
  /** How many passes were made. */
  passes: number;
  /** Positions of records that cannot be read; a list with such records is not settled. */
  unreadable: number[];
  /** The list keeps changing, so that a smaller part of it may settle. False for a list with equal replies and a wrong total. */
  isMoving: boolean;
}

/** The most passes of one reading; a dozen see all of 9,000 records with the same time. */
const MOST_PASSES = 60;

/** A reading ends after so many passes in a row without a new record: records still missing are not in the list. */
const BARREN_PASSES = 8;

/** Pages of the list, all with the cursor `resume`; ends when the list is settled, or was read often enough. */
export async function* settle(context: StreamContext, list: List, resume: Json): AsyncGenerator<Page, ListOutcome> {
  let before: Reading | undefined;
  let passes = 0;
  for (let attempt = 1; ; attempt++) {
    const reading: Reading = yield* read(context, list, resume, before?.last);
    const { keys, unreadable, last } = reading;
    passes += reading.passes;
    const isSame = before !== undefined && areEqual(before.keys, keys);
    const settled = isSame && before?.isWhole === true && reading.isWhole;
    // A list with equal replies in each pass and a wrong total will never settle.
    const isVain = isSame && !reading.isWhole && last.isRepeated;
    if (settled || isVain || unreadable.length > 0 || attempt >= context.settings.settleAttempts) {
      return { keys, total: last.total, settled, passes, unreadable, isMoving: !settled && !last.isRepeated };
    }
    before = reading;
  }
}

interface Reading {
  keys: Set<string>;
  /** As many keys as the vendor counts. */
  isWhole: boolean;
  passes: number;
  unreadable: number[];
  last: Pass;
}

async function* read(
  { settings, pagesAtOnce }: StreamContext,
  list: List,
  resume: Json,
  before: Pass | undefined,
): AsyncGenerator<Page, Reading> {
  let keys = new Set<string>();
  let total: number | undefined;
  let last = before;
  for (let passes = 1, barren = 0; ; passes++) {
    const pass = newPass();
    for await (const records of readPass(list, settings.pageSize, pass, last, pagesAtOnce))
      yield { records, cursor: resume };
    countHeld(pass, last);
    last = pass;
    const { unreadable } = pass;
    const size = keys.size;
    const joined = passes === 1 || pass.total !== total ? undefined : keys.union(pass.keys);
    const isAnew = joined === undefined || joined.size > (total ?? 0);
    keys = isAnew ? pass.keys : joined;
    total = pass.total;
    if (!pass.isSteady || unreadable.length > 0) return { keys, isWhole: false, passes, unreadable, last };
    const isWhole = keys.size === (total ?? keys.size);
    barren = isAnew || keys.size > size ? 0 : barren + 1;
    if (isWhole || pass.isRepeated || barren >= BARREN_PASSES || passes >= MOST_PASSES)
      return { keys, isWhole, passes, unreadable, last };
  }
}

function areEqual(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  if (one === other) return true;
  return one.size === other.size && other.isSubsetOf(one);
}

/** A page behind the first that cannot be read in any of its parts: it may be too deep for the vendor. */
export class DeepPage extends Error {
  readonly page: number;
  constructor(page: number, cause: unknown) {
    super(`page ${page}`, { cause });
    this.page = page;
  }
}

interface Pass {
  keys: Set<string>;
  /** The keys of pages that repeat the pass before, not added to `keys` yet: a pass that repeats to its end shares the keys of the one before. */
  held: string[][];
  /** The number of pages that were read. */
  count: number;
  total: number | undefined;
  /** The total and the size were the same on every page, and no page said that it may be incomplete. */
  isSteady: boolean;
  /** Every page had the same body as in the pass before. */
  isRepeated: boolean;
  unreadable: number[];
  /** Pages by the digest of their body. A page with the same body as in the pass before need not be compared. */
  pages: PagesSeen['pages'];
  said: PagesSeen['said'];
}

function newPass(): Pass {
  const seen = { keys: new Set<string>(), held: [], count: 0, unreadable: [], pages: new Map(), said: new Map() };
  return { ...seen, total: 0, isSteady: true, isRepeated: true };
}

function countHeld(pass: Pass, before: Pass | undefined): void {
  const isWhole = before !== undefined && pass.count === before.count && pass.pages.size === before.pages.size;
  if (pass.isRepeated && isWhole) pass.keys = before.keys;
  else for (const keys of pass.held) for (const key of keys) pass.keys.add(key);
  pass.held = [];
}

/** A pass without an end is given up after so many pages, or twice as many as the vendor announced. */
const MOST_PAGES = 20_000;

/** The most records of one list, whose keys are kept until the list is settled. A window is split long before. */
const MOST_RECORDS = 1_000_000;

/** After so many empty pages in a row the list counts as ended, whatever the vendor announced. */
const MOST_EMPTY = 3;

/** One pass over all pages; yields the records of pages that the pass before did not see. Ends early when the list shrinks. */
async function* readPass(
  list: List,
  wantedSize: number,
  pass: Pass,
  before: Pass | undefined,
  atOnce?: number,
): AsyncIterable<unknown[]> {
  let pages = 1;
  let pageSize = wantedSize;
  const asking = openAsking(list, before, atOnce);
  const [earlier] = before?.pages.values() ?? [];
  // Where the list stands still, it has as many pages as before.
  if (earlier?.pageSize === pageSize) asking.expect(pageSize, pagesIn(before?.total, pageSize));
  let empty = 0;
  let records = 0;
  for (let page = 1; page <= pages; page++) {
    if (page > Math.max(MOST_PAGES, (2 * (pass.total ?? 0)) / pageSize) || empty >= MOST_EMPTY) {
      pass.isSteady = false;
      return;
    }
    const asked = asking.ask(page, pageSize);
    const reply = await pageOf(list, asked, pass);
    const { same } = asked;
    // When one full page is the whole list, the next page is read too, since the total may be that of the page. It may not exist.
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
    if (reply.total !== undefined) pages = Math.max(pages, pagesIn(reply.total, pageSize));
    else if (keys.some((key) => !pass.keys.has(key))) pages++; // without a total, only a page with nothing new is the last
    if (reply.total === pageSize && keys.length === pageSize && keys.some((key) => !pass.keys.has(key)))
      pages = page + 1;
    if (reply.total !== undefined) asking.expect(pageSize, pages);
    // Keys are held back unless the tests for new keys above need them at the next page.
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
    if (reply.validators !== undefined) pass.said.set(page, reply.validators);
    if (reply.records.length > 0) yield reply.records;
    if (reply.pageSize !== pageSize) return; // pages of another size do not continue this pass
  }
}

function pagesIn(total: number | undefined, pageSize: number): number {
  return Math.ceil((total ?? 0) / pageSize);
}

function endless(): SluiceError {
  return new SluiceError(`a list has more than ${MOST_RECORDS} records`, {
    action: 'retry',
    isTooLarge: true,
    advice:
      'Look at the list in the console. To go on without it, leave out the stream that reads it (`streams` of the source).',
  });
}

/**
 * Numbers the repetitions of a key in one reply, since the vendor's total counts each of them.
 */
function namesOf(keys: string[]): string[] {
  const counts = new Map<string, number>();
  return keys.map((key) => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count === 1 ? key : `${key}\0${count}`; // no vendor has such a key
  });
}

/** One page; undefined when the list has shrunk and the page does not exist any more. */
async function pageOf(list: List, { query, reply }: AskedPage, pass: Pass): Promise<ListReply | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (actionOf(error) === 'walk-again') return undefined;
    if (!isOfThisPart(error)) throw error;
    const parts = await narrowed(list, query, pass.total, isTooLarge(error));
    if (parts !== undefined) {
      for (const position of parts.unreadable) pass.unreadable.push(position);
      return { ...parts.reply, joined: true };
    }
    if (query.page > 1) throw new DeepPage(query.page, error);
    // No part of the first page can be read: an outage, so the request waits for its end.
    return list.list(query);
  }
}
