import { writeEnvelope } from './list-reply.ts';
import { readPaging } from './query.ts';
import { errorReply, jsonReply, type Reply } from './reply.ts';
import type { Site } from './resource.ts';

/** The items that a list shows, in order: their number, and any part of them. */
export interface Selection {
  total: number;
  slice(from: number, to: number): readonly number[];
}

export function selectionOf(indexes: readonly number[]): Selection {
  return { total: indexes.length, slice: (from, to) => indexes.slice(from, to) };
}

export interface PagedList {
  endpoint: string;
  /** Called once it is certain that the page will be made. */
  select(): Selection;
  write(index: number): string;
  /** Called when a page with these items is made; the returned function is called once that page was sent whole. */
  sent?(indexes: readonly number[]): () => void;
}

type Shown = Pick<Site, 'faults' | 'settings'>;

/** A page of a list in the standard envelope. */
export function pageReply({ faults, settings }: Shown, params: URLSearchParams, list: PagedList): Reply {
  const { endpoint, write } = list;
  const paging = readPaging(params, settings.maxPageSize);
  if ('problem' in paging) return errorReply(400, paging.problem);
  const { page, pageSize } = paging;
  const status = faults.failPage(page * pageSize, endpoint);
  if (status !== undefined) return errorReply(status, 'the page could not be made');
  const { total, slice } = list.select();
  if (page > Math.max(1, Math.ceil(total / pageSize))) return errorReply(404, 'the requested page does not exist');
  const from = (page - 1) * pageSize;
  const shown = slice(from, from + pageSize);
  const items = shown.map(write);
  const sent = list.sent?.(shown);
  const due = shown.length > 0 ? faults.due('list', endpoint) : undefined;
  const [before] = due && from > 0 ? slice(from - 1, from) : [];
  const previous = before === undefined ? undefined : write(before);
  return jsonReply(writeEnvelope({ page, pageSize, total, items, previous }, due), due ? undefined : sent);
}

/** A page of a list as a bare array, which is empty past the end; unless `paged`, it is always the whole list. */
export function arrayReply({ settings }: Shown, params: URLSearchParams, list: PagedList, paged: boolean): Reply {
  const paging = readPaging(params, settings.maxPageSize);
  if ('problem' in paging) return errorReply(400, paging.problem);
  const { total, slice } = list.select();
  const from = (paging.page - 1) * paging.pageSize;
  const shown = paged ? slice(from, from + paging.pageSize) : slice(0, total);
  return jsonReply(`[${shown.map(list.write).join(',')}]`, list.sent?.(shown));
}
