/**
 * Detection rule sets: the guide's "Get Detection Rule Set Content" together with the record of "Get Detection Rule Set
 * List". Each of its rules is one object; what a rule does when it fires (responses) has a shape of its own per response
 * and stays as it is, flattened.
 */
import { members } from '../../members/cylance/rule-set.ts';
import { keyword, keywords, listOf, put } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { mappingOf, onlyTrue, partOf } from '../ecs-frame.ts';
import { entitled, OPTICS, PERSON } from './shared/base.ts';
import { INVENTORY, namesOf, putModifier } from './shared/rules.ts';

const PREFIX = 'cylance.rule_set';

/** The vendor's own sets have some hundred rules. */
const MAX_RULES = 2000;
const MAX_POLICIES = 2000;

const rulePart = partOf({
  at: `${PREFIX}.rules`,
  members: {
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
  },
  own: {
    id: ['keyword', 'detection_rule_id'],
    version: ['keyword', 'detection_rule_version'],
    name: ['keyword', 'detection_name'],
    description: ['match_only_text', 'detection_description'],
    category: ['keyword', 'category'],
    severity: ['keyword', 'severity'],
    operating_systems: ['keyword', 'operating_systems', namesOf],
    added: ['date', 'date_added'],
    enabled: ['boolean', 'enabled'],
    notification_enabled: ['boolean', 'notification_enabled'],
    responses: ['flattened', 'responses'],
    exceptions: ['flattened', 'exceptions'],
    playbooks: ['keyword', 'playbooks', keywords],
    other: 'flattened',
  },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members,
    id: 'id',
    time: 'last_modified',
    event: { ...INVENTORY, provider: 'DetectionRuleSet' },
    own: {
      description: ['match_only_text', 'description'],
      notification_message: ['match_only_text', 'notification_message'],
      category: ['keyword', 'category'],
      policies: ['keyword', 'policies', (unfit, field, value) => keywords(unfit, field, value, MAX_POLICIES)],
      /** As it was when this revision was read: its changes make no revision. */
      device_count: ['long', 'device_count'],
      rule_count: 'long',
      deleted: ['boolean', 'Deleted', onlyTrue],
    },
    parts: [rulePart],
    ecs: ['event.provider', 'rule.ruleset', ...PERSON],
    most: { [`${PREFIX}.policies`]: MAX_POLICIES, [`${PREFIX}.rules`]: MAX_RULES },
  },
  (draft, set) => {
    const { document, own, unfit } = draft;
    putModifier(draft, set.modified_by);
    const name = keyword(unfit, 'rule.ruleset', set.name);
    if (name !== undefined) document.rule = { ruleset: name };
    if (set.rules !== undefined) {
      own.rule_count = listOf(set.rules).length;
      put(own, 'rules', rulePart.items(unfit, set.rules, MAX_RULES));
    }
    return title(entitled(draft, 'Detection rule set', name, own.deleted === true));
  },
);
