/**
 * Detection rule sets: the guide's "Get Detection Rule Set Content" together with the record of "Get Detection Rule Set
 * List". Each of its rules is one object; what a rule does when it fires (responses) has a shape of its own per response
 * and stays as it is, flattened.
 */
import { members } from '../../members/cylance/rule-set.ts';
import type { Mapping } from '../../src/index.ts';
import {
  type FieldList,
  type Fields,
  flat,
  integer,
  isEmpty,
  isRecord,
  itemsAt,
  keyword,
  keywords,
  listOf,
  misfit,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { conclude, EVERY_DOCUMENT, moment, pick, title } from './shared/base.ts';
import { assetOf, namesOf } from './shared/rules.ts';

const PREFIX = 'cylance.rule_set';

/** The vendor's own sets have some hundred rules. */
const MAX_RULES = 2000;
const MAX_POLICIES = 2000;

export const fields: FieldList = {
  prefix: PREFIX,
  most: { [`${PREFIX}.policies`]: MAX_POLICIES, [`${PREFIX}.rules`]: MAX_RULES },
  custom: {
    'cylance.rule_set.description': 'match_only_text',
    'cylance.rule_set.notification_message': 'match_only_text',
    'cylance.rule_set.category': 'keyword',
    'cylance.rule_set.policies': 'keyword',
    /** As it was when this revision was read: its changes make no revision. */
    'cylance.rule_set.device_count': 'long',
    'cylance.rule_set.rule_count': 'long',
    'cylance.rule_set.rules.id': 'keyword',
    'cylance.rule_set.rules.version': 'keyword',
    'cylance.rule_set.rules.name': 'keyword',
    'cylance.rule_set.rules.description': 'match_only_text',
    'cylance.rule_set.rules.category': 'keyword',
    'cylance.rule_set.rules.severity': 'keyword',
    'cylance.rule_set.rules.operating_systems': 'keyword',
    'cylance.rule_set.rules.added': 'date',
    'cylance.rule_set.rules.enabled': 'boolean',
    'cylance.rule_set.rules.notification_enabled': 'boolean',
    'cylance.rule_set.rules.responses': 'flattened',
    'cylance.rule_set.rules.exceptions': 'flattened',
    'cylance.rule_set.rules.playbooks': 'keyword',
    'cylance.rule_set.rules.other': 'flattened',
    'cylance.rule_set.deleted': 'boolean',
    /** Members of the record that the guide does not know. */
    'cylance.rule_set.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.rule_set.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.provider',
    'rule.ruleset',
    'user.id',
    'user.name',
    'user.domain',
    'user.email',
    'related.user',
  ],
};

const setOf = reader(members);

const ruleOf = reader({
  detection_rule_id: ['DetectionRuleId'],
  detection_rule_version: ['DetectionRuleVersion'],
  detection_name: ['DetectionName'],
  detection_description: ['DetectionDescription'],
  category: [],
  severity: [],
  operating_systems: ['OperatingSystems'],
  date_added: ['DateAdded'],
  enabled: [],
  notification_enabled: ['NotificationEnabled'],
  responses: [],
  exceptions: [],
  playbooks: [],
});

export const mapping: Mapping = (record, source) => {
  const set = setOf(record);
  const id = text(set.id);
  if (id === undefined) throw new Error('the record has no id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const isDeleted = truth(unfit, `${PREFIX}.deleted`, set.Deleted) === true;
  const { last_modified: modified, modified_by: modifiedBy } = set;
  const said = { id, dataset: PREFIX, provider: 'DetectionRuleSet', modified, modifiedBy, isDeleted };
  const document = assetOf(said, source, unfit, related);
  const event = document.event as Fields;
  const name = keyword(unfit, 'rule.ruleset', set.name);
  if (name !== undefined) document.rule = { ruleset: name };
  document.message = title(name === undefined ? `Detection rule set ${id}` : `Detection rule set: ${name}`);
  if (isDeleted) {
    own.deleted = true;
    document.message = title(`Detection rule set ${id} was deleted`);
  }
  put(own, 'description', keyword(unfit, `${PREFIX}.description`, set.description));
  put(own, 'notification_message', keyword(unfit, `${PREFIX}.notification_message`, set.notification_message));
  put(own, 'category', keyword(unfit, `${PREFIX}.category`, set.category));
  put(own, 'policies', keywords(unfit, `${PREFIX}.policies`, set.policies, MAX_POLICIES));
  put(own, 'device_count', integer(unfit, `${PREFIX}.device_count`, set.device_count));
  if (set.rules !== undefined) {
    own.rule_count = listOf(set.rules).length;
    put(own, 'rules', rulesOf(unfit, set.rules));
  }
  if (set.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record as Fields, set.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

const AT = `${PREFIX}.rules`;

/** What is no object is kept as text: a rule that nobody can read must not look like none. */
function rulesOf(unfit: Unfit, value: unknown): Fields[] {
  const result: Fields[] = [];
  for (const item of itemsAt(unfit, AT, value, MAX_RULES)) {
    if (!isRecord(item)) misfit(unfit, AT, item);
    else {
      const rule = oneOf(unfit, item);
      if (!isEmpty(rule)) result.push(rule);
    }
  }
  return result;
}

function oneOf(unfit: Unfit, item: Fields): Fields {
  const said = ruleOf(item);
  const rule: Fields = {};
  put(rule, 'id', keyword(unfit, `${AT}.id`, said.detection_rule_id));
  put(rule, 'version', keyword(unfit, `${AT}.version`, said.detection_rule_version));
  put(rule, 'name', keyword(unfit, `${AT}.name`, said.detection_name));
  put(rule, 'description', keyword(unfit, `${AT}.description`, said.detection_description));
  put(rule, 'category', keyword(unfit, `${AT}.category`, said.category));
  put(rule, 'severity', keyword(unfit, `${AT}.severity`, said.severity));
  put(rule, 'operating_systems', namesOf(unfit, `${AT}.operating_systems`, said.operating_systems));
  put(rule, 'added', moment(unfit, `${AT}.added`, said.date_added));
  put(rule, 'enabled', truth(unfit, `${AT}.enabled`, said.enabled));
  put(rule, 'notification_enabled', truth(unfit, `${AT}.notification_enabled`, said.notification_enabled));
  put(rule, 'responses', flat(unfit, `${AT}.responses`, said.responses));
  put(rule, 'exceptions', flat(unfit, `${AT}.exceptions`, said.exceptions));
  put(rule, 'playbooks', keywords(unfit, `${AT}.playbooks`, said.playbooks));
  if (said.others !== undefined) put(rule, 'other', flat(unfit, `${AT}.other`, pick(item, said.others)));
  return rule;
}
