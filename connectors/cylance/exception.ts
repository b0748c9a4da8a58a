/**
 * Detection exceptions: CylanceOPTICS API guide, "Get Detection Exceptions List" and "Get Detection Exception Content". The
 * content has the conditions; only the list tells who changed the exception and when. A record joins both.
 */
import { members, OperatingSystems } from '../../members/cylance/exception.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { withListed } from './shared/listed.ts';
import { textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/exceptions/v2';
const LIST_SCOPE = 'opticsexception:list';
const READ_SCOPE = 'opticsexception:read';

const key = idOf(members, 'Id', 'exception');
const list = listAt({ path: LIST, scope: LIST_SCOPE });

export const exception: Stream = {
  name: 'cylance.exception',
  about: {
    title: 'CylanceOPTICS detection exceptions',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details',
    key: 'the id of the exception',
    limits: [
      'one that leaves a list with others in it is reported as deleted, also where its content may still be had',
    ],
  },
  mode: 'snapshot',
  ignored: [
    ...['DeviceCount', 'RulesetCount', 'PolicyCount', 'deviceCount', 'rulesetCount', 'policyCount'],
    ...['device_count', 'ruleset_count', 'policy_count'],
  ],
  secrets: [],
  key,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'LastModified')),
  isOpen: () => false,
  // Every update raises the version, so it is named last.
  changes: [
    { action: 'exception-conditions-changed', of: (record) => memberOf(members, record, 'States') },
    { action: 'exception-renamed', of: (record) => textOf(memberOf(members, record, 'Name')) },
    { action: 'exception-description-changed', of: (record) => textOf(memberOf(members, record, 'Description')) },
    { action: 'exception-systems-changed', of: systemsOf },
    { action: 'exception-version-changed', of: (record) => textOf(memberOf(members, record, 'Version')) },
  ],
  actions: { updated: 'exception-updated', deleted: 'exception-deleted' },
  pages: snapshotOf(key, list),
  detail: withListed({ path: `${LIST}/{id}`, scope: READ_SCOPE, list, key, members, deletesSoftly: true }),
  deletesSoftly: true,
  tombstone: (id) => ({ Id: id, Deleted: true }),
};

/** The operating systems in one spelling: list and content may write them differently. */
function systemsOf(record: unknown): string {
  const systems = memberOf(members, record, 'OperatingSystems');
  if (!Array.isArray(systems)) return textOf(systems) ?? '';
  const names = systems.map((system) =>
    (textOf(memberOf(OperatingSystems, system, 'Name')) ?? textOf(system) ?? '').toLowerCase(),
  );
  return names.sort().join();
}
