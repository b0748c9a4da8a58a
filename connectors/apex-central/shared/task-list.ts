/** Reads the lists of Apex Central: pages by offset and limit, inside the content of a task's reply. */
import { type Json, type ListReply, type PageQuery, SluiceError, type StreamContext } from '../../../src/index.ts';
import { garbled, listed, readTaskReply, short } from './envelope.ts';
import { listOf, member, wholeOf } from './json.ts';
import { PATH, TASK_TYPE } from './routes.ts';

export interface TaskList {
  url: string;
  /** The payload of the request beside the pagination. */
  payload: { [member: string]: Json };
  /** Names of the list in the content, in any casing. */
  names: readonly string[];
  retry: 'patient' | 'brief';
}

/** One page. An empty list is an answer; a content without any list is not. */
export function taskPage(
  context: StreamContext,
  list: TaskList,
  { page, pageSize, retry }: Pick<PageQuery, 'page' | 'pageSize' | 'retry'>,
): Promise<ListReply> {
  const pagination = { offset: (page - 1) * pageSize, limit: pageSize };
  const { priority, signal } = context;
  return context.client.json<ListReply>({
    ...{ path: PATH, scope: '', route: list.url, priority, signal },
    body: { Url: list.url, TaskType: TASK_TYPE, Payload: { pagination, ...list.payload } },
    retry: retry ?? (page > 1 ? 'few' : list.retry),
    accept: (reply) => readPage(context, reply, list, page, pageSize),
  });
}

function readPage({ log }: StreamContext, reply: unknown, list: TaskList, page: number, pageSize: number): ListReply {
  const { url, names } = list;
  const { content, failures } = readTaskReply(reply, url);
  if (failures.length > 0) log.warn(`${url} is not whole: ${listed(failures)}`);
  const records: unknown[] = [];
  let total: number | undefined = 0;
  for (const entry of content) {
    if (entry.kind === 'unreadable') throw garbled(`${url}: the content is no JSON: ${short(entry.text)}`);
    const inner = entry.content;
    const found = Array.isArray(inner) ? inner : member(inner, ...names);
    const items = listOf(found);
    const said = wholeOf(member(inner, 'totalCount', 'total') ?? member(member(inner, 'pagination'), 'total'));
    if (items === undefined || (found === undefined && said !== 0))
      throw garbled(`${url}: the content has no ${names[0]}`);
    for (const item of items) records.push(item);
    const count = countOf(said, items.length);
    total = count === undefined || total === undefined ? undefined : total + count;
  }
  // Behind the first page, a total of 0 means that the list has no total and that it has ended.
  if (total === 0 && (page > 1 || content.length === 0)) total = undefined;
  if (page > 1 && records.length === 0 && total !== undefined && total > (page - 1) * pageSize) {
    throw new SluiceError('the list shrank while it was read', { action: 'walk-again' });
  }
  // Servers that did not answer may have more entries: the others are read all the same, and no entry counts as deleted.
  return { records, total, pageSize, mayBeIncomplete: failures.length > 0 };
}

/** Undefined for a total that is not set: the vendor writes -1 then, or 0 beside a list with entries. */
function countOf(said: number | undefined, listed: number): number | undefined {
  const isSet = said !== undefined && said >= 0 && (said > 0 || listed === 0);
  return isSet ? said : undefined;
}
