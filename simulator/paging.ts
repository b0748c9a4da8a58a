import type { FaultEndpoint } from './fault-plan.ts';
import { writeEnvelope } from './list-reply.ts';
import { readPaging } from './query.ts';
import { errorReply, jsonReply, type Reply } from './reply.ts';
import type { World } from './world.ts';

/** A list that is small enough to be at hand: numbers of things, in the order of the list. */
export interface SmallList {
  endpoint: FaultEndpoint;
  indexes: readonly number[];
  write(index: number): string;
  /** Called when a page with these is made; what it gives back is called once that page was sent whole. */
  sent?(indexes: readonly number[]): () => void;
}

/** A page of it in the standard envelope. */
export function pageReply(world: World, params: URLSearchParams, list: SmallList): Reply {
  const { faults, settings } = world;
  const { endpoint, indexes, write } = list;
  const paging = readPaging(params, settings.maxPageSize);
  if ('problem' in paging) return errorReply(400, paging.problem);
  const { page, pageSize } = paging;
  const status = faults.failPage(page * pageSize, endpoint);
  if (status !== undefined) return errorReply(status, 'the page could not be made');
  const total = indexes.length;
  if (page > Math.max(1, Math.ceil(total / pageSize))) return errorReply(404, 'the requested page does not exist');
  const from = (page - 1) * pageSize;
  const shown = indexes.slice(from, from + pageSize);
  const due = shown.length > 0 ? faults.due('list', endpoint) : undefined;
  const before = due && from > 0 ? indexes[from - 1] : undefined;
  const previous = before === undefined ? undefined : write(before);
  const body = writeEnvelope({ page, pageSize, total, items: shown.map(write), previous }, due);
  return jsonReply(body, due ? undefined : list.sent?.(shown));
}

/** A page of it as a bare array: past the end there is nothing; unless `paged`, it is always the whole list. */
export function arrayReply(world: World, params: URLSearchParams, list: SmallList, paged: boolean): Reply {
  const paging = readPaging(params, world.settings.maxPageSize);
  if ('problem' in paging) return errorReply(400, paging.problem);
  const from = (paging.page - 1) * paging.pageSize;
  const shown = paged ? list.indexes.slice(from, from + paging.pageSize) : list.indexes;
  return jsonReply(`[${shown.map(list.write).join(',')}]`, list.sent?.(shown));
}
