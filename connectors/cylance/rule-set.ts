/**
 * Detection rule sets: CylanceOPTICS API guide, "Get Detection Rule Set List" and "Get Detection Rule Set Content". The
 * content has the rules of a set, and only the list has the policies that it is applied to. A record joins both. The default
 * set (a template for new ones) and the CSV (the same list with fewer members) are not read.
 */
import { members } from '../../members/cylance/rule-set.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { withListed } from './shared/listed.ts';
import { textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/rulesets/v2';
const LIST_SCOPE = 'opticsruleset:list';
const READ_SCOPE = 'opticsruleset:read';

const key = idOf(members, 'id', 'rule set');
const list = listAt({ path: LIST, scope: LIST_SCOPE });

export const ruleSet: Stream = {
  name: 'cylance.rule_set',
  about: {
    title: 'CylanceOPTICS detection rule sets',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details',
    key: 'the id of the rule set',
    limits: ['reported as deleted only when its content is gone, too'],
  },
  mode: 'snapshot',
  ignored: ['device_count', 'Device_count', 'DeviceCount', 'deviceCount'],
  secrets: [],
  key,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'last_modified')),
  isOpen: () => false, // the list shows every change
  changes: [
    { action: 'rule-set-rules-changed', of: (record) => memberOf(members, record, 'rules') },
    { action: 'rule-set-policies-changed', of: (record) => memberOf(members, record, 'policies') },
    { action: 'rule-set-renamed', of: (record) => textOf(memberOf(members, record, 'name')) },
  ],
  actions: { updated: 'rule-set-updated', deleted: 'rule-set-deleted' },
  pages: snapshotOf(key, list),
  detail: withListed({ path: `${LIST}/{id}`, scope: READ_SCOPE, list, key, members, deletesSoftly: false }),
  tombstone: (id) => ({ id, Deleted: true }),
};
