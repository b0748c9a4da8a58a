/**
 * Detection rules: the guide's "Get Detection Rule Content" together with the record of "Get Detection Rule List", and
 * with the natural language and the counts that the stream adds. What a rule looks for has a shape of its own per rule
 * and stays as it is, flattened.
 */
import * as tables from '../../members/cylance/detection-rule.ts';
import {
  asText,
  cutAt,
  type Fields,
  filled,
  integer,
  itemsAt,
  keywords,
  listOf,
  type Members,
  parsed,
  put,
  reader,
  text,
} from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { flat } from '../ecs-flat.ts';
import { below, type Draft, mappingOf, onlyTrue, partOf, rest } from '../ecs-frame.ts';
import { severityOf } from '../ecs-names.ts';
import { entitled, OPTICS, PERSON } from './shared/base.ts';
import { INVENTORY, nameAt, namesOf, putModifier, RULE } from './shared/rules.ts';
import { ATTACK, attackOf } from './shared/threats.ts';

const PREFIX = 'cylance.detection_rule';

type Rule = Members<keyof typeof tables.members>;

const countsOf = reader(tables.Counts);
const languageOf = reader({ Name: [], Paths: [] });

/** The rule itself: `rule.*`. */
const rulePart = partOf({
  at: 'rule',
  members: tables.members,
  own: {
    ...RULE,
    category: ['keyword', 'Category'],
  },
});
/** Why a part is not in this document: missing, failed or version_unchanged (then an earlier revision has it). */
const unavailablePart = partOf({
  at: `${PREFIX}.unavailable`,
  members: { NaturalLanguage: [], Counts: [] },
  own: { natural_language: ['keyword', 'NaturalLanguage'], counts: ['keyword', 'Counts'] },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members: tables.members,
    id: 'Id',
    time: 'LastModified',
    event: { ...INVENTORY, provider: 'DetectionRule' },
    own: {
      severity: ['keyword', 'Severity'],
      object_type: ['keyword', 'ObjectType'],
      schema_version: ['keyword', 'SchemaVersion'],
      source_grouping: ['keyword', 'RuleSourceGrouping'],
      operating_systems: ['keyword', 'OperatingSystems', namesOf],
      plugin: ['keyword', 'Plugin', nameAt],
      product: ['keyword', 'Product', nameAt],
      tags: ['keyword', 'Tags', keywords],
      states: ['flattened', 'States'],
      paths: ['flattened', 'Paths'],
      /** One text for each path of the rule, one line for each of its conditions. */
      natural_language: 'match_only_text',
      natural_language_other: 'flattened',
      /** As they were when this revision was read: their changes make no revision. */
      'counts.devices': 'long',
      'counts.rule_sets': 'long',
      'counts.policies': 'long',
      'counts.other': 'flattened',
      deleted: ['boolean', 'Deleted', onlyTrue],
    },
    parts: [unavailablePart],
    ecs: [
      ...below('event', ['provider', 'severity']),
      ...below('rule', ['id', 'name', 'description', 'category', 'version']),
      ...ATTACK,
      ...PERSON,
    ],
  },
  (draft, rule) => {
    const { record, document, event, own, unfit } = draft;
    putModifier(draft, rule.ModifiedBy);
    const identity = rulePart.of(unfit, record, rule);
    put(document, 'rule', identity);
    const tags = listOf(rule.Tags);
    const said = { texts: [rule.Name, rule.Description, ...tags], words: [rule.Category, ...tags] };
    put(document, 'threat', attackOf(said));
    if (typeof own.severity === 'string') put(event, 'severity', severityOf(own.severity));
    spoken(draft, rule);
    counted(draft, rule);
    put(own, 'unavailable', unavailablePart.of(unfit, rule.Unavailable));
    return title(entitled(draft, 'Detection rule', identity?.name, own.deleted === true));
  },
);

/** An object with `Paths`, a list of lists of sentences; or only that list; or one text. Its `Name` is the rule's. */
function spoken({ own, unfit }: Draft, { Name: name, NaturalLanguage: value }: Rule): void {
  const field = `${PREFIX}.natural_language`;
  const object = parsed(value);
  const said = object === undefined ? undefined : languageOf(object);
  const paths: string[] = [];
  for (const path of itemsAt(unfit, field, said === undefined ? value : said.Paths)) {
    const sentences = listOf(path)
      .map(asText)
      .filter((one) => one !== undefined);
    if (sentences.length > 0) paths.push(cutAt(unfit, field, sentences.join('\n')));
  }
  put(own, 'natural_language', paths);
  if (object === undefined || said === undefined) return;
  const others = rest(object, said);
  const other = text(said.Name) === text(name) ? others : { Name: said.Name, ...others };
  put(own, 'natural_language_other', flat(unfit, `${PREFIX}.natural_language_other`, other));
}

/** The counts of the rule's own reply, otherwise those of the list. */
function counted({ own, unfit }: Draft, rule: Rule): void {
  const given = parsed(rule.Counts);
  const said = given === undefined ? {} : countsOf(given);
  const counts: Fields = {};
  const count = (field: string, value: unknown) => {
    put(counts, field, integer(unfit, `${PREFIX}.counts.${field}`, value));
  };
  count('devices', said.DeviceCount ?? rule.DeviceCount);
  count('rule_sets', said.RulesetCount ?? rule.RulesetCount);
  count('policies', said.PolicyCount ?? rule.PolicyCount);
  const left = given === undefined ? rule.Counts : rest(given, said);
  put(counts, 'other', flat(unfit, `${PREFIX}.counts.other`, left));
  put(own, 'counts', filled(counts));
}
