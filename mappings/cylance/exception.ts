/**
 * Detection exceptions: the guide's "Get Detection Exception Content", joined with what only its list says (who modified it
 * and when, and counts); the list item alone where the content could not be had; the tombstone of one that is
 * gone. An exception is a rule of its own (`ObjectType` is ExceptionRule), so it is `rule.*`; whoever modified it last
 * is `user.*`. Its id is what `cylance.detection.applied_exceptions.id` names.
 */
import { members } from '../../members/cylance/exception.ts';
import { address, hashOf, keyword, keywords, listOf, parsed, put, type Related, reader } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { below, type Draft, mappingOf, onlyTrue, partOf, rest } from '../ecs-frame.ts';
import { entitled, OPTICS, PERSON, personOf } from './shared/base.ts';
import { INVENTORY, nameAt, nameOf, namesOf, RULE } from './shared/rules.ts';

const PREFIX = 'cylance.exception';

const modifiedByOf = reader({ id: ['UserId'], login: ['email', 'name'] });

/** The exception itself: `rule.*`. */
const rulePart = partOf({
  at: 'rule',
  members,
  own: {
    ...RULE,
  },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members,
    id: 'Id',
    time: 'LastModified',
    event: INVENTORY,
    own: {
      object_type: ['keyword', 'ObjectType'],
      schema_version: ['keyword', 'SchemaVersion'],
      product: ['keyword', 'Product', nameAt],
      plugin: ['keyword', 'Plugin', nameAt],
      operating_systems: ['keyword', 'OperatingSystems', namesOf],
      tags: ['keyword', 'Tags', keywords],
      /** The conditions, as the vendor's rule engine takes them. */
      states: ['flattened', 'States'],
      /** In which order the conditions must come true, where that is said. */
      paths: ['flattened', 'Paths'],
      /** As they were when this revision was shipped: a change of them alone ships none. */
      device_count: ['long', 'DeviceCount'],
      ruleset_count: ['long', 'RulesetCount'],
      policy_count: ['long', 'PolicyCount'],
      /** True in the document of one that is gone. */
      deleted: ['boolean', 'Deleted', onlyTrue],
    },
    ecs: [
      'event.provider',
      ...below('rule', ['id', 'name', 'description', 'version']),
      ...PERSON,
      ...below('related', ['hash', 'ip']),
    ],
  },
  (draft, said) => {
    const { record, document, event, own, unfit, related } = draft;
    put(event, 'provider', keyword(unfit, 'event.provider', nameOf(unfit, `${PREFIX}.plugin`, said.Plugin)));
    const rule = rulePart.of(unfit, record, said);
    put(document, 'rule', rule);
    putModifier(draft, said.ModifiedBy);
    relate(said.States, related, 0);
    return title(entitled(draft, 'Exception', rule?.name, own.deleted === true));
  },
);

/** The person who modified it last. A text alone is taken for the login. */
function putModifier(draft: Draft, value: unknown): void {
  const given = parsed(value);
  const said: ReturnType<typeof modifiedByOf> = given === undefined ? { login: value } : modifiedByOf(given);
  put(draft.document, 'user', personOf(draft, said.id, said.login));
  put(draft.other, 'ModifiedBy', rest(given, said));
}

/** Deeper than any condition of the guide. */
const MAX_DEPTH = 12;
const HASHES = ['md5', 'sha1', 'sha256'] as const;

/** Whole hashes and addresses that a condition compares with, so that a search for one finds the exception. */
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
