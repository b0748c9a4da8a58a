/** InstaQueries: CylanceOPTICS API guide, "Get InstaQueries" and "Get InstaQuery". */
import { members } from '../../members/cylance/instaquery.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { recordAt } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/instaqueries/v2';
const LIST_SCOPE = 'opticssurvey:list';
const READ_SCOPE = 'opticssurvey:read';

export const queryId = idOf(members, 'id', 'query');

/** Whether `archived` means "archived ones too" or "only archived ones" is not documented: both lists together are right either way. */
export const QUERY_LISTS = [
  listAt({ path: LIST, scope: LIST_SCOPE }),
  listAt({ path: LIST, scope: LIST_SCOPE, query: { archived: 'true' }, mayBeMissing: true }),
];

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
  ignored: [],
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
  pages: snapshotOf(queryId, ...QUERY_LISTS),
  detail: (context, key) => recordAt(context, key, { path: `${LIST}/{id}`, scope: READ_SCOPE, key: queryId }),
  tombstone: (key) => ({ id: key, Deleted: true }),
};
