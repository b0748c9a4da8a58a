/**
 * Detection exceptions: the guide's "Get Detection Exception Content", joined with what only its list says (who modified it
 * and when, and counts); the list item alone where the content could not be had; the tombstone of one that is
 * gone. An exception is a rule of its own (`ObjectType` is ExceptionRule), so it is `rule.*`; whoever modified it last
 * is `user.*`. Its id is what `cylance.detection.applied_exceptions.id` names.
 */
import { members } from '../../members/cylance/exception.ts';
import type { Mapping } from '../../src/index.ts';
import {
  address,
  type FieldList,
  type Fields,
  flat,
  hashOf,
  integer,
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
import { conclude, EVERY_DOCUMENT, personOf, pick, title } from './shared/base.ts';
import { assetOf, nameOf, namesOf } from './shared/rules.ts';

const PREFIX = 'cylance.exception';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.exception.object_type': 'keyword',
    'cylance.exception.schema_version': 'keyword',
    'cylance.exception.product': 'keyword',
    'cylance.exception.plugin': 'keyword',
    'cylance.exception.operating_systems': 'keyword',
    'cylance.exception.tags': 'keyword',
    /** The conditions, as the vendor's rule engine takes them. */
    'cylance.exception.states': 'flattened',
    /** In which order the conditions must come true, where that is said. */
    'cylance.exception.paths': 'flattened',
    /** As they were when this revision was shipped: a change of them alone ships none. */
    'cylance.exception.device_count': 'long',
    'cylance.exception.ruleset_count': 'long',
    'cylance.exception.policy_count': 'long',
    /** True in the document of one that is gone. */
    'cylance.exception.deleted': 'boolean',
    /** Members of the record that the guide does not know. */
    'cylance.exception.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.exception.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.provider',
    'rule.id',
    'rule.name',
    'rule.description',
    'rule.version',
    'user.id',
    'user.name',
    'user.domain',
    'user.email',
    'related.user',
    'related.hash',
    'related.ip',
  ],
};

const exceptionOf = reader(members);
type Exception = ReturnType<typeof exceptionOf>;

const modifiedByOf = reader({ id: ['UserId'], login: ['email', 'name'] });

export const mapping: Mapping = (record, source) => {
  const said = exceptionOf(record);
  const id = text(said.Id);
  if (id === undefined) throw new Error('the exception has no Id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const isDeleted = truth(unfit, `${PREFIX}.deleted`, said.Deleted) === true;
  const provider = keyword(unfit, 'event.provider', nameOf(unfit, `${PREFIX}.plugin`, said.Plugin));
  const { LastModified: modified } = said;
  const asset = { id, dataset: PREFIX, provider, modified, modifiedBy: undefined, isDeleted };
  const document = assetOf(asset, source, unfit, related);
  const event = document.event as Fields;
  const rule = ruleOf(id, said, unfit);
  document.rule = rule;
  document.message = title(typeof rule.name === 'string' ? `Exception: ${rule.name}` : `Exception ${id}`);
  if (isDeleted) {
    own.deleted = true;
    document.message = title(`Exception ${id} was deleted`);
  }
  const modifier = modifierOf(said.ModifiedBy, unfit, related);
  put(document, 'user', modifier.user);
  described(said, unfit, own);
  relate(said.States, related, 0);
  const others = said.others === undefined ? {} : pick(record as Fields, said.others);
  put(own, 'other', flat(unfit, `${PREFIX}.other`, { ...modifier.others, ...others }));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

function ruleOf(id: string, said: Exception, unfit: Unfit): Fields {
  const rule: Fields = { id };
  put(rule, 'name', keyword(unfit, 'rule.name', said.Name));
  put(rule, 'description', keyword(unfit, 'rule.description', said.Description));
  put(rule, 'version', keyword(unfit, 'rule.version', said.Version));
  return rule;
}

function modifierOf(value: unknown, unfit: Unfit, related: Related): { user?: Fields | undefined; others?: Fields } {
  const given = parsed(value);
  if (given === undefined) return { user: personOf(undefined, value, unfit, related) };
  const said = modifiedByOf(given);
  const user = personOf(said.id, said.login, unfit, related);
  return said.others === undefined ? { user } : { user, others: { ModifiedBy: pick(given, said.others) } };
}

function described(said: Exception, unfit: Unfit, own: Fields): void {
  put(own, 'object_type', keyword(unfit, `${PREFIX}.object_type`, said.ObjectType));
  put(own, 'schema_version', keyword(unfit, `${PREFIX}.schema_version`, said.SchemaVersion));
  put(own, 'product', keyword(unfit, `${PREFIX}.product`, nameOf(unfit, `${PREFIX}.product`, said.Product)));
  put(own, 'plugin', keyword(unfit, `${PREFIX}.plugin`, nameOf(unfit, `${PREFIX}.plugin`, said.Plugin)));
  put(own, 'operating_systems', namesOf(unfit, `${PREFIX}.operating_systems`, said.OperatingSystems));
  put(own, 'tags', keywords(unfit, `${PREFIX}.tags`, said.Tags));
  put(own, 'states', flat(unfit, `${PREFIX}.states`, said.States));
  put(own, 'paths', flat(unfit, `${PREFIX}.paths`, said.Paths));
  put(own, 'device_count', integer(unfit, `${PREFIX}.device_count`, said.DeviceCount));
  put(own, 'ruleset_count', integer(unfit, `${PREFIX}.ruleset_count`, said.RulesetCount));
  put(own, 'policy_count', integer(unfit, `${PREFIX}.policy_count`, said.PolicyCount));
}

/** Deeper than any condition of the guide. */
const MAX_DEPTH = 12;
const HASHES = ['md5', 'sha1', 'sha256'] as const;

/** Whole hashes and addresses that a condition compares with, so that a search for one finds what it is excepted from. */
function relate(value: unknown, related: Related, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  for (const [member, content] of Object.entries(value)) {
    if (member.toLowerCase() === 'data') for (const literal of listOf(content)) relateLiteral(literal, related);
    else relate(content, related, depth + 1);
  }
}

function relateLiteral(literal: unknown, related: Related): void {
  const ip = address(literal);
  if (ip !== undefined) related.ip.push(ip);
  for (const kind of HASHES) {
    const hash = hashOf({}, '', kind, literal);
    if (hash !== undefined) related.hash.push(hash);
  }
}
