/** Reads the lists of the CylanceOPTICS API: the envelope around `page_items`, tolerantly. */

import {
  actionOf,
  foldedName,
  keyOf,
  type ListReply,
  type PageQuery,
  pathTo,
  SluiceError,
  type StreamContext,
  type Validators,
} from '../../../src/index.ts';

/** A member of an envelope by its name in any spelling; the tables in `members/` are for records. */
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
 * Checks the envelope of a list reply. A reply without its array, or with another page than the requested one, throws: a
 * changed or garbled reply must never read as "no data".
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

/** The items of a page. Some encoders write `null` for an empty array: with a total of 0, it counts as one. */
function itemsOf(reply: unknown): unknown {
  const items = member(reply, 'page_items');
  return items === null && count(member(reply, 'total_number_of_items')) === 0 ? [] : items;
}

/** The page size. Some lists tell the number of items "on the page" instead, which is smaller on the last page. */
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

/** Whether an item is a part of the envelope: one documented sample (exceptions) has members of the envelope among the items. */
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
  /** The path with a placeholder instead of an id; by default the path itself. */
  route?: string;
  scope: string;
  query?: Record<string, string>;
  /** A reply that is an array without an envelope, and so without a total, is accepted too. */
  bareArray?: boolean;
  /** The vendor may answer 404 for an empty list. */
  mayBeMissing?: boolean;
  /** The list belongs to one parent, which may not exist: a 404 for the first page then throws `skip`. */
  isOne?: boolean;
  /** How long the first page is retried: `patient` if left out, `brief` if other lists can be read instead. */
  retry?: 'brief';
}

/**
 * One page of a list without a time filter. A 404 for a page behind the first means that the list shrank. For the first page
 * it may mean an empty list, or come from a gateway: then the list may be incomplete.
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
  { page, pageSize, recognise, unless, retry: asked }: PageQuery,
  { path, route = path, scope, query, bareArray, retry }: ListAddress,
): Promise<ListReply> {
  let digest: string | undefined;
  let validators: Validators | undefined;
  const reply = await context.client.json<ListReply>({
    path,
    route,
    query: { ...query, page, page_size: pageSize },
    scope,
    priority: context.priority,
    signal: context.signal,
    retry: asked ?? (page > 1 ? 'few' : (retry ?? 'patient')),
    unless,
    recognise: (found, said) => {
      [digest, validators] = [found, said];
      return recognise?.(found);
    },
    accept: (body) =>
      bareArray && Array.isArray(body)
        ? { records: body, total: undefined, pageSize }
        : readPage(body, `GET ${path}`, { page, pageSize }),
  });
  return { ...reply, digest, validators };
}

export interface RecordAddress {
  /** The path, with `{id}` for the record's id. */
  path: string;
  scope: string;
  key(record: unknown): string;
  /** The order of the record's members matters. */
  ordered?: boolean;
}

/** The detail of one record, given up soon if others can be read. Throws `skip` when the vendor says that it does not exist. */
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

/** An id without dashes and in one casing: the two products write the same id differently. */
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
