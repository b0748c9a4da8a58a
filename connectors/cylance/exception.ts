/** Detection exceptions: CylanceOPTICS API guide, "Get Detection Exceptions List" and "Get Detection Exception Content". */
import { actionOf, SluiceError } from '../../src/errors.ts';
import type { ListReply, PageQuery } from '../../src/reading/settle.ts';
import { walkSnapshot } from '../../src/reading/snapshot.ts';
import { parseTimeMs } from '../../src/time.ts';
import type { Stream, StreamContext } from '../../src/types.ts';
import { listPage, member, ofRecord, textOf } from './pages.ts';

const LIST = '/exceptions/v2';
const LIST_SCOPE = 'opticsexception:list';
const READ_SCOPE = 'opticsexception:read';

export const exception: Stream = {
  name: 'cylance.exception',
  about: {
    title: 'CylanceOPTICS detection exceptions',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details',
    key: 'the id of the exception',
  },
  mode: 'snapshot',
  volatile: ['DeviceCount', 'RulesetCount', 'PolicyCount', 'deviceCount', 'rulesetCount', 'policyCount', 'Listed'],
  secrets: ['password', 'download_url', 'downloadurl'],
  key,
  timeMs: (record) => parseTimeMs(member(record, 'LastModified') ?? member(member(record, 'Listed'), 'LastModified')),
  isOpen: () => false,
  // Every update raises the version, so it is named last.
  changes: [
    { action: 'exception-conditions-changed', of: (record) => member(record, 'States') },
    { action: 'exception-renamed', of: (record) => textOf(member(record, 'Name')) },
    { action: 'exception-description-changed', of: (record) => textOf(member(record, 'Description')) },
    { action: 'exception-systems-changed', of: systemsOf },
    { action: 'exception-version-changed', of: (record) => textOf(member(record, 'Version')) },
  ],
  actions: { updated: 'exception-updated', deleted: 'exception-deleted' },
  pages: (context, walk) =>
    walkSnapshot(context, { lists: [(query) => list(context, query)], key, findsDeleted: true }, walk),
  detail,
  tombstone: (id) => ({ Id: id, Deleted: true }),
};

function key(record: unknown): string {
  const id = textOf(member(record, 'Id'));
  if (id === undefined) throw new Error('the exception has no Id');
  return id;
}

/** List and content may write them differently. */
function systemsOf(record: unknown): string {
  const systems = member(record, 'OperatingSystems');
  if (!Array.isArray(systems)) return textOf(systems) ?? '';
  return systems.map((system) => textOf(member(system, 'Name')) ?? textOf(system) ?? '').join();
}

function list(context: StreamContext, query: PageQuery): Promise<ListReply> {
  return listPage(context, query, { path: LIST, scope: LIST_SCOPE });
}

/**
 * The content, and under `Listed` what only the list says: when it was modified, by whom, and the counts. A list item
 * of another version was modified by somebody else, so it is looked for once more.
 */
async function detail(context: StreamContext, id: string, listed?: unknown): Promise<unknown> {
  const content = await context.client.json({
    path: `${LIST}/${encodeURIComponent(id)}`,
    scope: READ_SCOPE,
    priority: context.priority,
    signal: context.signal,
    retry: 'brief',
    accept: (reply) => ofRecord(reply, id, `GET ${LIST}/${id}`),
  });
  if (listed !== undefined && mayBelong(listed, content)) return { ...(content as object), Listed: listed };
  const found = await find(context, id);
  return mayBelong(found, content) ? { ...(content as object), Listed: found } : content;
}

function mayBelong(item: unknown, content: unknown): boolean {
  const [one, other] = [item, content].map((record) => textOf(member(record, 'Version')));
  return one === undefined || other === undefined || one === other;
}

/**
 * The list item of an exception. Deactivating is a "soft delete": the content may still be had, so one that is not in
 * the list is gone. Whether it really is, the engine finds out before it says so.
 */
async function find(context: StreamContext, id: string): Promise<unknown> {
  const { pageSize } = context.settings;
  for (let page = 1, left = true; left; page++) {
    const reply = await list(context, { page, pageSize }).catch((error: unknown) => {
      throw actionOf(error) === 'walk-again' ? unsure(id, error) : error;
    });
    if (reply.doubtful) throw unsure(id);
    const item = reply.records.find((record) => textOf(member(record, 'Id'))?.toLowerCase() === id.toLowerCase());
    if (item !== undefined) return item;
    left = page * reply.pageSize < (reply.total ?? 0);
  }
  throw new SluiceError(`exception ${id} is not in the list`, { action: 'skip' });
}

/** Puts off this one exception; the walk goes on. */
function unsure(id: string, cause?: unknown): SluiceError {
  return new SluiceError(`whether the list has exception ${id} is not known`, { action: 'retry', cause });
}
