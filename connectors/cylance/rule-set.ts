/**
 * Detection rule sets: CylanceOPTICS API guide, "Get Detection Rule Set List" and "Get Detection Rule Set Content". The
 * rules of a set stand in its content, the policies that it is applied to in the list alone, so that a record is both
 * together. The default set is a template for new ones, and the CSV the same list with fewer members: neither is read.
 */
import { members } from '../../members/cylance/rule-set.ts';
import {
  type ListReply,
  memberOf,
  type PageQuery,
  parseTimeMs,
  type Stream,
  type StreamContext,
  walkSnapshot,
} from '../../src/index.ts';
import { withListed } from './shared/listed.ts';
import { listPage, recordAt, textOf } from './shared/pages.ts';

const LIST = '/rulesets/v2';
const LIST_SCOPE = 'opticsruleset:list';
const READ_SCOPE = 'opticsruleset:read';

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
  volatile: ['device_count', 'Device_count', 'DeviceCount', 'deviceCount'],
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
  pages: (context, walk) =>
    walkSnapshot(context, { lists: [(query) => list(context, query)], key, findsDeleted: true }, walk),
  async detail(context, id, listed) {
    const content = await recordAt(context, id, { path: `${LIST}/{id}`, scope: READ_SCOPE, key });
    return withListed(
      context,
      { list: (query) => list(context, query), key, members, deletesSoftly: false },
      id,
      content,
      listed,
    );
  },
  tombstone: (id) => ({ id, Deleted: true }),
};

function key(record: unknown): string {
  const id = textOf(memberOf(members, record, 'id'));
  if (id === undefined) throw new Error('the rule set has no id');
  return id;
}

function list(context: StreamContext, query: PageQuery): Promise<ListReply> {
  return listPage(context, query, { path: LIST, scope: LIST_SCOPE });
}
