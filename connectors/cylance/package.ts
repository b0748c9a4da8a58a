/** Packages that can be deployed to devices: CylanceOPTICS API guide, "Get Packages" and "Get Package". */
import { members } from '../../members/cylance/package.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { recordAt, textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/packages/v2';
const LIST_SCOPE = 'opticspkgconfig:list';
const READ_SCOPE = 'opticspkgconfig:read';

const key = idOf(members, 'packageId', 'package');
const list = listAt({ path: LIST, scope: LIST_SCOPE });

export const packageStream: Stream = {
  name: 'cylance.package',
  about: {
    title: 'CylanceOPTICS packages',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details',
    key: 'the id of the package',
    limits: ['read whole at each look; a deleted one becomes a last revision'],
  },
  mode: 'snapshot',
  ignored: [],
  // Each link gives access to the package or to its place in the vendor's storage, and may be new in each reply.
  secrets: ['package_url', 'upload_to', 'upload_url'],
  key,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'uploadedOn')),
  isOpen: () => false, // the list shows every change
  // An upload begins, and then ends in one of three ways; an upload that is late may still arrive.
  changes: [
    { action: 'package-uploaded', of: (record) => hasStatus(record, 'success') },
    { action: 'package-upload-failed', of: (record) => hasStatus(record, 'failed') },
    { action: 'package-upload-timed-out', of: (record) => hasStatus(record, 'timeout') },
    { action: 'package-status-changed', of: statusOf },
  ],
  actions: { updated: 'package-updated', deleted: 'package-deleted' },
  pages: snapshotOf(key, list),
  detail: (context, id) => recordAt(context, id, { path: `${LIST}/{id}`, scope: READ_SCOPE, key }),
  tombstone: (id) => ({ packageId: id, Deleted: true }),
};

function statusOf(record: unknown): string | undefined {
  return textOf(memberOf(members, record, 'status'))?.toLowerCase();
}

/** Undefined if the record has no status. */
function hasStatus(record: unknown, status: string): boolean | undefined {
  const told = statusOf(record);
  return told === undefined ? undefined : told === status;
}
