/** Focus views: CylanceOPTICS API guide, "Get Focus View List" and "Get a Focus View Summary"; the newer wording is the same. */
import { members } from '../../members/cylance/focus-view.ts';
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

const LIST = '/foci/v2';
const SCOPE = 'opticsfocus:read';

export const focusView: Stream = {
  name: 'cylance.focus_view',
  about: {
    title: 'CylanceOPTICS focus views',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [SCOPE],
    reading: 'snapshot, with details',
    key: 'the id of the focus view',
  },
  mode: 'snapshot',
  volatile: [],
  secrets: [],
  key: viewId,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'created_at')),
  isOpen: () => false,
  changes: [
    { action: 'focus-view-status-changed', of: (record) => textOf(memberOf(members, record, 'status'))?.toUpperCase() },
    { action: 'focus-view-related', of: (record) => memberOf(members, record, 'relations') },
  ],
  actions: { updated: 'focus-view-updated', deleted: 'focus-view-deleted' },
  pages: (context, walk) =>
    walkSnapshot(context, { lists: [(query) => listViews(context, query)], key: viewId, findsDeleted: true }, walk),
  detail: (context, key) => recordAt(context, key, { path: `${LIST}/{id}`, scope: SCOPE, key: viewId }),
  tombstone: (key) => ({ id: key, Deleted: true }),
};

export function viewId(record: unknown): string {
  const id = textOf(memberOf(members, record, 'id'));
  if (id === undefined) throw new Error('the focus view has no id');
  return id;
}

/** Never with `q`: asked so, the vendor shows no focus view at all these days. */
export function listViews(context: StreamContext, query: PageQuery): Promise<ListReply> {
  return listPage(context, query, { path: LIST, scope: SCOPE });
}
