/** What all lists of the CylanceOPTICS API share: the envelope around `page_items`, and how tolerant to read it. */

import {
  actionOf,
  foldedName,
  keyOf,
  type ListReply,
  type PageQuery,
  pathTo,
  SluiceError,
  type StreamContext,
} from '../../../src/index.ts';

/** A member of an envelope by its name in any spelling; those of records stand in tables (`members/`). */
export function member(record: unknown, name: string): unknown {
  if (typeof record !== 'object' || record === null) return undefined;
  const exact = (record as Record<string, unknown>)[name];
  if (exact !== undefined) return exact;
  const folded = foldedName(name);
  for (const own in record) if (foldedName(own) === folded) return (record as Record<string, unknown>)[own];
  return undefined;
}

/** A text without padding; undefined when empty or of another type. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  return text === '' ? undefined : text;
}

/**
 * Checks the envelope of a list reply. A reply without its array, or with another page than the one that was asked for,
 * throws: a changed or garbled reply must never read as "no data".
 */
export function readPage(
  reply: unknown,
  place: string,
  asked: { page: number; pageSize: number },
): ListReply & { total: number } {
  const items = itemsOf(reply);
  if (!Array.isArray(items)) throw garbled(`${place}: the reply has no page_items array`);
  const strays = items.filter(isOfEnvelope);
  const records = strays.length === 0 ? items : items.filter((item) => !isOfEnvelope(item));
  const said = (name: string) => [reply, ...strays].map((part) => count(member(part, name))).find(isNumber);
  const total = said('total_number_of_items');
  if (total === undefined) throw garbled(`${place}: the reply has no total_number_of_items`);
  const page = said('page_number');
  if (page !== undefined && page !== asked.page && records.length > 0) {
    throw garbled(`${place}: asked for page ${asked.page}, got page ${page}`);
  }
  const pageSize = pageSizeOf(said('page_size'), asked, records.length, total);
  if (records.length > Math.max(pageSize, asked.pageSize)) throw garbled(`${place}: more records than a page holds`);
  return { records, total, pageSize: pageSize > 0 ? Math.min(pageSize, asked.pageSize) : asked.pageSize };
}

/** Some encoders write `null` for an empty array: with a total of 0 beside it, it is one. */
function itemsOf(reply: unknown): unknown {
  const items = member(reply, 'page_items');
  return items === null && count(member(reply, 'total_number_of_items')) === 0 ? [] : items;
}

/** Some lists say there how many items are "on the page": on the last page that is less than a page holds. */
function pageSizeOf(
  said: number | undefined,
  asked: { page: number; pageSize: number },
  items: number,
  total: number,
): number {
  const isLastOfAsked = said === items && (asked.page - 1) * asked.pageSize + items === total;
  return said === undefined || isLastOfAsked ? asked.pageSize : said;
}

const ENVELOPE = new Set(['page_number', 'page_size', 'total_pages', 'total_number_of_items'].map(foldedName));

/** One documented sample (exceptions) has members of the envelope as items of the page: they belong to it, and are no records. */
function isOfEnvelope(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false;
  let found = false;
  for (const name in item) {
    if (!ENVELOPE.has(foldedName(name))) return false;
    found = true;
  }
  return found;
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined;
}

export interface ListAddress {
  path: string;
  /** The path as it is before an id stands in it; the path itself where there is none. */
  route?: string;
  scope: string;
  query?: Record<string, string>;
  /** A reply that is an array without an envelope is accepted, too: it says nothing of its total. */
  bareArray?: boolean;
  /** The vendor may answer 404 where there is nothing. */
  mayBeMissing?: boolean;
  /** The list belongs to one thing, which may not exist: then a 404 of its first page is thrown, as `skip`. */
  isOne?: boolean;
  /** For the first page; `patient` unless others can be had instead. */
  retry?: 'brief';
}

/**
 * One page of a list without a time filter. A 404 for a page behind the first says that the list shrank. For the first it
 * may be an empty list, or something in between that answers: then nobody knows whether the list is whole.
 */
export async function listPage(context: StreamContext, query: PageQuery, address: ListAddress): Promise<ListReply> {
  try {
    return await pageAt(context, query, address);
  } catch (error) {
    if (actionOf(error) !== 'skip') throw error;
    if (query.page > 1)
      throw new SluiceError('the list shrank while it was read', { action: 'walk-again', cause: error });
    if (address.isOne) throw error;
    return { records: [], total: 0, pageSize: query.pageSize, mayBeIncomplete: !address.mayBeMissing };
  }
}

async function pageAt(
  context: StreamContext,
  { page, pageSize, recognise, retry: asked }: PageQuery,
  { path, route = path, scope, query, bareArray, retry }: ListAddress,
): Promise<ListReply> {
  let digest: string | undefined;
  const reply = await context.client.json<ListReply>({
    path,
    route,
    query: { ...query, page, page_size: pageSize },
    scope,
    priority: context.priority,
    signal: context.signal,
    retry: asked ?? (page > 1 ? 'few' : (retry ?? 'patient')),
    recognise: (found) => {
      digest = found;
      return recognise?.(found);
    },
    accept: (body) =>
      bareArray && Array.isArray(body)
        ? { records: body, total: undefined, pageSize }
        : readPage(body, `GET ${path}`, { page, pageSize }),
  });
  return { ...reply, digest };
}

export interface RecordAddress {
  /** With `{id}` for the record's id. */
  path: string;
  scope: string;
  /** The stream's own. */
  key(record: unknown): string;
  /** The order of its members says something. */
  ordered?: boolean;
}

/** The page of one record, given up soon where others can be had. Throws `skip` when the vendor says that there is none. */
export function recordAt(context: StreamContext, key: string, address: RecordAddress): Promise<unknown> {
  return context.client.json({
    path: pathTo(address.path, key),
    route: address.path,
    scope: address.scope,
    priority: context.priority,
    signal: context.signal,
    retry: 'brief',
    ordered: address.ordered,
    accept: (reply) => ofRecord(reply, key, address),
  });
}

/** A detail without its id, or of another record, is a garbled reply. */
function ofRecord(reply: unknown, key: string, address: RecordAddress): unknown {
  const told = keyOf(address, reply);
  if (bare(told) === bare(key)) return reply;
  throw new SluiceError(`GET ${address.path.replace('{id}', key)}: the reply is of another record`, {
    action: 'retry',
  });
}

/** The two products write one id with and without dashes, in upper and in lower case. */
function bare(id: string): string {
  return id.replaceAll('-', '').toLowerCase();
}

function count(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : undefined;
}

function garbled(message: string): SluiceError {
  return new SluiceError(message, {
    action: 'retry',
    advice: 'If this stays so, the vendor changed its API: please report it, with the output of `sluice check`.',
  });
}
