/** Focus views: CylanceOPTICS API guide, "Get Focus View List" and "Get a Focus View Summary"; the newer wording is the same. */
import { members } from '../../members/cylance/focus-view.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { recordAt, textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/foci/v2';
const SCOPE = 'opticsfocus:read';

export const viewId = idOf(members, 'id', 'focus view');

/** The list is never requested with `q`: the vendor then returns no focus view at present. */
export const listViews = listAt({ path: LIST, scope: SCOPE });

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
  ignored: [],
  secrets: [],
  key: viewId,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'created_at')),
  isOpen: () => false,
  changes: [
    { action: 'focus-view-status-changed', of: (record) => textOf(memberOf(members, record, 'status'))?.toUpperCase() },
    { action: 'focus-view-related', of: (record) => memberOf(members, record, 'relations') },
  ],
  actions: { updated: 'focus-view-updated', deleted: 'focus-view-deleted' },
  pages: snapshotOf(viewId, listViews),
  detail: (context, key) => recordAt(context, key, { path: `${LIST}/{id}`, scope: SCOPE, key: viewId }),
  tombstone: (key) => ({ id: key, Deleted: true }),
};
