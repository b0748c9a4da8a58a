/**
 * Reads a list page by page until it is *settled*: two passes saw the same records, and their number is the vendor's
 * total. Only then has no record slipped between two pages while the list moved.
 */
import { actionOf } from '../errors.ts';
import { keyOf } from '../identity.ts';
import type { Json, Page, StreamContext } from '../types.ts';

/** A list reply, checked by the connector. */
export interface ListReply {
  records: unknown[];
  /** The vendor's own count; undefined where it gives none. */
  total: number | undefined;
  /** What the vendor used, which may be less than what was asked for. */
  pageSize: number;
  /** Of the reply's body: the same digest means the same records. */
  digest?: string;
  /** Nobody knows whether this is the whole list: it never settles. */
  doubtful?: boolean;
}

export interface PageQuery {
  page: number;
  pageSize: number;
  /** Knows the reply by its digest, so that it need not be parsed. */
  recognise?: (digest: string) => ListReply | undefined;
}

export interface List {
  /** One page. Throws `walk-again` for a page past the end. */
  list(query: PageQuery): Promise<ListReply>;
  key(record: unknown): string;
}

/** What a list held when it was accepted. */
export interface Outcome {
  keys: Set<string>;
  total: number | undefined;
  settled: boolean;
}

/** Pages of the list, all with the cursor that is given; ends when the list is settled, or was read often enough. */
export async function* settle(context: StreamContext, list: List, resume: Json): AsyncGenerator<Page, Outcome> {
  let before: Pass | undefined;
  for (let attempt = 1; ; attempt++) {
    const pass: Pass = { keys: new Set(), total: 0, steady: true, pages: new Map() };
    for await (const records of readPass(list, context.settings.pageSize, pass, before)) {
      yield { records, cursor: resume };
    }
    if (before !== undefined && agree(before, pass)) return { ...pass, settled: true };
    if (attempt >= context.settings.settleAttempts) return { ...pass, settled: false };
    before = pass;
  }
}

/** A page behind the first that cannot be had: it may be too deep for the vendor. */
export class DeepPage extends Error {
  readonly page: number;
  constructor(page: number, cause: unknown) {
    super(`page ${page}`, { cause });
    this.page = page;
  }
}

interface Pass {
  keys: Set<string>;
  total: number | undefined;
  /** The total and the size were the same on every page, and none was doubtful. */
  steady: boolean;
  /** Pages by the digest of their body. A page that the pass before saw in the same words holds nothing to compare. */
  pages: Map<string, SeenPage>;
}

interface SeenPage {
  keys: string[];
  total: number | undefined;
  pageSize: number;
}

/** One pass over all pages; yields the records of those that the pass before did not see. A list that shrank ends it early. */
async function* readPass(
  list: List,
  wantedSize: number,
  pass: Pass,
  before: Pass | undefined,
): AsyncIterable<unknown[]> {
  let pages = 1;
  let pageSize = wantedSize;
  for (let page = 1; page <= pages; page++) {
    let same: SeenPage | undefined;
    const recognise = (digest: string): ListReply | undefined => {
      same = before?.pages.get(digest);
      return same && { ...same, records: [] };
    };
    const reply = await pageOf(list, { page, pageSize, recognise });
    if (page === 1 && reply !== undefined) {
      pass.total = reply.total;
      pageSize = reply.pageSize;
    }
    pass.steady &&= reply !== undefined && reply.total === pass.total && reply.pageSize === pageSize && !reply.doubtful;
    if (reply === undefined) return;
    const keys = same?.keys ?? reply.records.map((record) => keyOf(list, record));
    if (reply.total !== undefined) pages = Math.max(pages, Math.ceil(reply.total / pageSize));
    else if (keys.some((key) => !pass.keys.has(key))) pages++; // without a total, only a page with nothing new is the last
    for (const key of keys) pass.keys.add(key);
    if (reply.digest !== undefined) pass.pages.set(reply.digest, { keys, total: reply.total, pageSize });
    if (reply.records.length > 0) yield reply.records;
    if (reply.pageSize !== pageSize) return; // pages of another size do not continue this pass
  }
}

/** Undefined when the list shrank under the pass. */
async function pageOf(list: List, query: PageQuery): Promise<ListReply | undefined> {
  try {
    return await list.list(query);
  } catch (error) {
    if (actionOf(error) === 'retry' && query.page > 1) throw new DeepPage(query.page, error);
    if (actionOf(error) !== 'walk-again') throw error;
    return undefined;
  }
}

function agree(one: Pass, other: Pass): boolean {
  return (
    one.steady &&
    other.steady &&
    other.keys.size === (other.total ?? other.keys.size) &&
    one.keys.size === other.keys.size &&
    other.keys.isSubsetOf(one.keys)
  );
}
