/**
 * Detection rules: the guide's "Get Detection Rule Content" together with the record of "Get Detection Rule List", and
 * with the natural language and the counts that the stream adds. What a rule looks for has a shape of its own per rule
 * and stays as it is, flattened.
 */
import * as tables from '../../members/cylance/detection-rule.ts';
import type { Mapping } from '../../src/index.ts';
import {
  asText,
  cutAt,
  type FieldList,
  type Fields,
  filled,
  flat,
  integer,
  itemsAt,
  keyword,
  keywords,
  listOf,
  parsed,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { conclude, EVERY_DOCUMENT, pick, title } from './shared/base.ts';
import { assetOf, judge, nameOf, namesOf } from './shared/rules.ts';

const PREFIX = 'cylance.detection_rule';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.detection_rule.severity': 'keyword',
    'cylance.detection_rule.object_type': 'keyword',
    'cylance.detection_rule.schema_version': 'keyword',
    'cylance.detection_rule.source_grouping': 'keyword',
    'cylance.detection_rule.operating_systems': 'keyword',
    'cylance.detection_rule.plugin': 'keyword',
    'cylance.detection_rule.product': 'keyword',
    'cylance.detection_rule.tags': 'keyword',
    'cylance.detection_rule.states': 'flattened',
    'cylance.detection_rule.paths': 'flattened',
    /** One text for each path of the rule, one line for each of its conditions. */
    'cylance.detection_rule.natural_language': 'match_only_text',
    'cylance.detection_rule.natural_language_other': 'flattened',
    /** As they were when this revision was read: their changes make no revision. */
    'cylance.detection_rule.counts.devices': 'long',
    'cylance.detection_rule.counts.rule_sets': 'long',
    'cylance.detection_rule.counts.policies': 'long',
    'cylance.detection_rule.counts.other': 'flattened',
    /** Why a part is not in this document: missing, failed or version_unchanged (then an earlier revision has it). */
    'cylance.detection_rule.unavailable.natural_language': 'keyword',
    'cylance.detection_rule.unavailable.counts': 'keyword',
    'cylance.detection_rule.deleted': 'boolean',
    /** Members of the record that the guide does not know. */
    'cylance.detection_rule.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.detection_rule.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.provider',
    'event.severity',
    'rule.id',
    'rule.name',
    'rule.description',
    'rule.category',
    'rule.version',
    'user.id',
    'user.name',
    'user.domain',
    'user.email',
    'related.user',
  ],
};

const ruleOf = reader(tables.members);
type Rule = ReturnType<typeof ruleOf>;

const countsOf = reader(tables.Counts);
const languageOf = reader({ Name: [], Paths: [] });
const unavailableOf = reader({ NaturalLanguage: [], Counts: [] });

export const mapping: Mapping = (record, source) => {
  const rule = ruleOf(record);
  const id = text(rule.Id);
  if (id === undefined) throw new Error('the record has no Id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const isDeleted = truth(unfit, `${PREFIX}.deleted`, rule.Deleted) === true;
  const { LastModified: modified, ModifiedBy: modifiedBy } = rule;
  const said = { id, dataset: PREFIX, provider: 'DetectionRule', modified, modifiedBy, isDeleted };
  const document = assetOf(said, source, unfit, related);
  const event = document.event as Fields;
  document.rule = identity(id, rule, unfit);
  const { name } = document.rule as Fields;
  document.message = title(typeof name === 'string' ? `Detection rule: ${name}` : `Detection rule ${id}`);
  if (isDeleted) {
    own.deleted = true;
    document.message = title(`Detection rule ${id} was deleted`);
  }
  const severity = keyword(unfit, `${PREFIX}.severity`, rule.Severity);
  put(own, 'severity', severity);
  judge(event, severity);
  described(rule, unfit, own);
  spoken(rule, unfit, own);
  counted(rule, unfit, own);
  lacking(rule.Unavailable, unfit, own);
  if (rule.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record as Fields, rule.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

function identity(id: string, rule: Rule, unfit: Unfit): Fields {
  const result: Fields = { id };
  put(result, 'name', keyword(unfit, 'rule.name', rule.Name));
  put(result, 'description', keyword(unfit, 'rule.description', rule.Description));
  put(result, 'category', keyword(unfit, 'rule.category', rule.Category));
  put(result, 'version', keyword(unfit, 'rule.version', rule.Version));
  return result;
}

function described(rule: Rule, unfit: Unfit, own: Fields): void {
  put(own, 'object_type', keyword(unfit, `${PREFIX}.object_type`, rule.ObjectType));
  put(own, 'schema_version', keyword(unfit, `${PREFIX}.schema_version`, rule.SchemaVersion));
  put(own, 'source_grouping', keyword(unfit, `${PREFIX}.source_grouping`, rule.RuleSourceGrouping));
  put(own, 'operating_systems', namesOf(unfit, `${PREFIX}.operating_systems`, rule.OperatingSystems));
  put(own, 'plugin', keyword(unfit, `${PREFIX}.plugin`, nameOf(unfit, `${PREFIX}.plugin`, rule.Plugin)));
  put(own, 'product', keyword(unfit, `${PREFIX}.product`, nameOf(unfit, `${PREFIX}.product`, rule.Product)));
  put(own, 'tags', keywords(unfit, `${PREFIX}.tags`, rule.Tags));
  put(own, 'states', flat(unfit, `${PREFIX}.states`, rule.States));
  put(own, 'paths', flat(unfit, `${PREFIX}.paths`, rule.Paths));
}

/** An object with `Paths`, a list of lists of sentences; or only that list; or one text. Its `Name` is the rule's. */
function spoken({ Name: name, NaturalLanguage: value }: Rule, unfit: Unfit, own: Fields): void {
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
  const others = said.others === undefined ? {} : pick(object, said.others);
  const other = text(said.Name) === text(name) ? others : { Name: said.Name, ...others };
  put(own, 'natural_language_other', flat(unfit, `${PREFIX}.natural_language_other`, other));
}

/** What the rule's own reply counts, otherwise the list. */
function counted(rule: Rule, unfit: Unfit, own: Fields): void {
  const given = parsed(rule.Counts);
  const said = given === undefined ? {} : countsOf(given);
  const counts: Fields = {};
  const count = (field: string, ...values: unknown[]) => {
    const value = values.find((one) => one !== undefined);
    put(counts, field, integer(unfit, `${PREFIX}.counts.${field}`, value));
  };
  count('devices', said.DeviceCount, rule.DeviceCount);
  count('rule_sets', said.RulesetCount, rule.RulesetCount);
  count('policies', said.PolicyCount, rule.PolicyCount);
  if (given === undefined) put(counts, 'other', flat(unfit, `${PREFIX}.counts.other`, rule.Counts));
  else if (said.others !== undefined)
    put(counts, 'other', flat(unfit, `${PREFIX}.counts.other`, pick(given, said.others)));
  put(own, 'counts', filled(counts));
}

function lacking(value: unknown, unfit: Unfit, own: Fields): void {
  const said = unavailableOf(value);
  const unavailable: Fields = {};
  const at = `${PREFIX}.unavailable`;
  put(unavailable, 'natural_language', keyword(unfit, `${at}.natural_language`, said.NaturalLanguage));
  put(unavailable, 'counts', keyword(unfit, `${at}.counts`, said.Counts));
  put(own, 'unavailable', filled(unavailable));
}
