/** InstaQueries: CylanceOPTICS API guide, "Get InstaQueries" and "Get InstaQuery". */
import { members } from '../../members/cylance/instaquery.ts';
import {
  type ListReply,
  memberOf,
  type PageQuery,
  parseTimeMs,
  type Stream,
  type StreamContext,
  walkSnapshot,
} from '../../src/index.ts';
import { listPage, recordAt, textOf } from './shared/pages.ts';

const LIST = '/instaqueries/v2';
const LIST_SCOPE = 'opticssurvey:list';
const READ_SCOPE = 'opticssurvey:read';

export const instaquery: Stream = {
  name: 'cylance.instaquery',
  about: {
    title: 'CylanceOPTICS InstaQueries',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with and without the archived ones, with details',
    key: 'the id of the query',
    limits: [
      'read whole, since the vendor has no time filter: `lookback` and `--from` do not narrow it',
      'a deleted query becomes a last revision; results of it stay',
      'a state that comes and goes between two looks (`reading.snapshot`, 5 minutes) is not seen',
    ],
  },
  mode: 'snapshot',
  volatile: [],
  secrets: [],
  key: queryId,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'created_at')),
  isOpen: () => false,
  changes: [
    { action: 'instaquery-archived', of: (record) => memberOf(members, record, 'archived') },
    { action: 'instaquery-results-available', of: (record) => memberOf(members, record, 'results_available') },
    { action: 'instaquery-progressed', of: (record) => memberOf(members, record, 'progress') },
  ],
  actions: { updated: 'instaquery-updated', deleted: 'instaquery-deleted' },
  pages: (context, walk) => walkSnapshot(context, { lists: listsOf(context), key: queryId, findsDeleted: true }, walk),
  detail: (context, key) => recordAt(context, key, { path: `${LIST}/{id}`, scope: READ_SCOPE, key: queryId }),
  tombstone: (key) => ({ id: key, Deleted: true }),
};

export function queryId(record: unknown): string {
  const id = textOf(memberOf(members, record, 'id'));
  if (id === undefined) throw new Error('the query has no id');
  return id;
}

/** Whether `archived` means "these too" or "only these" is not documented: both lists together are right either way. */
export function listsOf(context: StreamContext): ((query: PageQuery) => Promise<ListReply>)[] {
  const filters: Record<string, string>[] = [{}, { archived: 'true' }];
  return filters.map(
    (filter) => (query) =>
      listPage(context, query, { path: LIST, query: filter, scope: LIST_SCOPE, mayBeMissing: 'archived' in filter }),
  );
}
