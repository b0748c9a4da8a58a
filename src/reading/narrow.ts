/**
 * Narrows down a page that fails: smaller pages cover the same positions, until the records that cannot be read are found.
 * Those are skipped and reported; all others are read.
 */
import { actionOf, SluiceError } from '../api/errors.ts';
import type { List, ListReply, PageQuery } from './list.ts';

/** Whether a record in the page may be to blame: not for a refusal of the route or source, nor one that a person must fix. */
export function isOfThisPart(error: unknown): boolean {
  if (!(error instanceof SluiceError) || error.general !== undefined) return false;
  return error.action === 'retry' || error.action === 'reject';
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof SluiceError && error.isTooLarge;
}

interface Narrowed {
  reply: ListReply;
  /** Positions in the list, from 0, of records that cannot be read. */
  unreadable: number[];
}

/** The readable records of a page that failed; undefined when no part of the page can be read: then no record is to blame. */
export async function narrowed(
  list: List,
  { page, pageSize }: PageQuery,
  knownTotal: number | undefined,
  isLarge = false,
): Promise<Narrowed | undefined> {
  const found: Found = {
    records: [],
    unreadable: [],
    total: knownTotal === 0 ? undefined : knownTotal,
    answers: 0,
    isOtherSize: false,
    isTooLarge: isLarge,
  };
  if (pageSize === 1) {
    // The record is to blame when earlier pages were answered or, for the first record, when the second can be read.
    const isAlone = page > 1 || (isLarge && (await readPart(list, 2, 1, found)));
    const total = page > 1 ? knownTotal : Math.max(1, found.total ?? 1);
    return isAlone ? { reply: { records: [], total, pageSize }, unreadable: [page - 1] } : undefined;
  }
  const size = partSize(pageSize);
  const first = ((page - 1) * pageSize) / size + 1;
  const failed: number[] = [];
  for (let part = first; part < first + pageSize / size; part++) {
    if (found.total !== undefined && (part - 1) * size >= found.total) break;
    if (!(await readPart(list, part, size, found))) failed.push(part);
  }
  const [only] = failed;
  const isOnly = failed.length === 1 && found.answers === 0 && only !== undefined;
  if (isOnly) {
    const parts = await narrowed(list, { page: only, pageSize: size }, found.total, found.isTooLarge);
    return parts && { ...parts, reply: { ...parts.reply, pageSize } };
  }
  // A vendor that ignores the requested page size cannot be asked for parts.
  if ((found.answers === 0 && !found.isTooLarge) || found.isOtherSize) return undefined;
  for (const part of failed) {
    const parts = await narrowed(list, { page: part, pageSize: size }, found.total, found.isTooLarge);
    // The first part cannot be read in however small pieces: size is not the reason.
    if (parts === undefined && found.answers === 0) return undefined;
    if (parts !== undefined) found.answers++;
    if (parts === undefined) for (let at = 0; at < size; at++) found.unreadable.push((part - 1) * size + at);
    else {
      for (const record of parts.reply.records) found.records.push(record);
      for (const position of parts.unreadable) found.unreadable.push(position);
    }
  }
  const unreadable = found.unreadable.filter((position) => position < (found.total ?? Number.POSITIVE_INFINITY));
  return { reply: { records: found.records, total: found.total, pageSize }, unreadable };
}

interface Found {
  records: unknown[];
  unreadable: number[];
  total: number | undefined;
  /** The number of parts that were answered, also those without records. */
  answers: number;
  isOtherSize: boolean;
  /** Replies exceed a size limit: smaller parts may not. */
  isTooLarge: boolean;
}

/** Reads one part of the page. Returns whether that succeeded. */
async function readPart(list: List, page: number, pageSize: number, found: Found): Promise<boolean> {
  try {
    const reply = await list.list({ page, pageSize, retry: 'brief' });
    for (const record of reply.records) found.records.push(record);
    found.total ??= reply.total;
    found.isOtherSize ||= reply.pageSize !== pageSize;
    found.answers++;
    return true;
  } catch (error) {
    if (actionOf(error) === 'walk-again') {
      found.answers++;
      return true;
    }
    if (!isOfThisPart(error)) throw error;
    found.isTooLarge ||= isTooLarge(error);
    return false;
  }
}

/** The size of parts that cover the page exactly. */
function partSize(pageSize: number): number {
  for (const parts of [2, 5, 3, 7]) if (pageSize % parts === 0) return pageSize / parts;
  return 1;
}
