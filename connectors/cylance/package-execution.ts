/** Package executions: CylanceOPTICS API guide, "Get Package Executions" and "Get Package Execution". */
import { members } from '../../members/cylance/package-execution.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { recordAt } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/packages/v2/executions';
const LIST_SCOPE = 'opticspkgdeploy:list';
const READ_SCOPE = 'opticspkgdeploy:read';

const executionId = idOf(members, 'id', 'execution');
const list = listAt({ path: LIST, scope: LIST_SCOPE }, withoutAddresses);

export const packageExecution: Stream = {
  name: 'cylance.package_execution',
  about: {
    title: 'CylanceOPTICS package executions',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details',
    key: 'the id of the execution',
    limits: [
      'a document says how many packages were run, not which: their addresses, their arguments and the destination of the results are removed',
    ],
  },
  mode: 'snapshot',
  // The counts tell the progress; `deviceCount` is fixed when the request is made, unlike that of rules.
  ignored: [],
  secrets: ['destination', 'package', 'arguments'],
  key: executionId,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'createdAt')),
  isOpen: () => false,
  changes: [{ action: 'package-execution-progressed', of: (record) => memberOf(members, record, 'deviceStatuses') }],
  actions: { updated: 'package-execution-updated', deleted: 'package-execution-deleted' },
  pages: snapshotOf(executionId, list),
  detail: async (context, key) =>
    withoutAddresses(await recordAt(context, key, { path: `${LIST}/{id}`, scope: READ_SCOPE, key: executionId })),
  tombstone: (key) => ({ id: key, Deleted: true }),
};

/** Removes the address of a package, which is a secret, also where the address stands alone instead of the object with the member `package`. */
function withoutAddresses(record: unknown): unknown {
  const packages = memberOf(members, record, 'packageExecutions');
  if (!Array.isArray(packages) || !packages.some((one) => typeof one === 'string')) return record;
  const kept = packages.map((one) => (typeof one === 'string' ? {} : one));
  const entries = Object.entries(record as object);
  return Object.fromEntries(entries.map(([name, value]) => [name, value === packages ? kept : value]));
}
