/** The history of file retrievals: CylanceOPTICS API guide, "Get Retrieved Files Results". */
import { members } from '../../members/cylance/retrieved-file.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { foldedPath } from './shared/ids.ts';
import { textOf } from './shared/pages.ts';
import { listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/devicecommands/v2/retrieved_files';
const SCOPE = 'opticscommand:read';

export const retrievedFile: Stream = {
  name: 'cylance.retrieved_file',
  about: {
    title: 'CylanceOPTICS file retrievals',
    endpoints: [`GET ${LIST}`],
    scopes: [SCOPE],
    reading: 'snapshot',
    key: 'device, path (in lower case on Windows), time of the request and correlation id',
    limits: [
      'read whole, since the vendor has no time filter',
      'a state that comes and goes between two looks (`reading.snapshot`, 5 minutes) is not seen',
    ],
  },
  mode: 'snapshot',
  ignored: [],
  secrets: [], // `ALWAYS_SECRET` has the link to the file and its password
  key,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'created_at')),
  isOpen: () => false,
  changes: [
    { action: 'retrieved-file-status-changed', of: (record) => textOf(memberOf(members, record, 'file_status')) },
  ],
  actions: { updated: 'retrieved-file-updated', deleted: 'retrieved-file-deleted' },
  pages: snapshotOf(key, listAt({ path: LIST, scope: SCOPE, bareArray: true })),
  tombstone,
};

/** The vendor gives retrievals no id. */
function key(record: unknown): string {
  const device = textOf(memberOf(members, record, 'device_id'));
  const path = textOf(memberOf(members, record, 'filepath'));
  if (device === undefined || path === undefined) throw new Error('the retrieval has no device or no path');
  const said = (name: 'created_at' | 'correlation_id') => textOf(memberOf(members, record, name)) ?? '';
  const parts = [device.replaceAll('-', '').toLowerCase(), foldedPath(path)];
  return [...parts, said('created_at'), said('correlation_id')].join('|');
}

/** The members that the key holds; a path may contain the key's separator. */
function tombstone(of: string): unknown {
  const [device_id, ...rest] = of.split('|');
  const [created_at, correlation_id] = rest.splice(-2).map((text) => (text === '' ? undefined : text));
  return { device_id, filepath: rest.join('|'), created_at, correlation_id, Deleted: true };
}
