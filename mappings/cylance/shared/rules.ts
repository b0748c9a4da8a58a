/** What detection rules, rule sets and exceptions have in common: inventory of the console, changed by a person. */
import { named } from '../../../members/cylance/shared/named.ts';
import { isRecord, keyword, keywords, listOf, put, reader, type Unfit } from '../../ecs.ts';
import { keepOthers } from '../../ecs-document.ts';
import type { Draft } from '../../ecs-frame.ts';
import { personOf } from './base.ts';

const modifierOf = reader({ id: ['user_id', 'UserId'], login: ['user_login', 'UserLogin', 'email'] });
const namedOf = reader(named);

/**
 * A document of inventory: `asset`, and `configuration` the category for what is set up in the console. Its type is
 * `info` even for a first or a later revision, since a rule may be met long after it was made or changed.
 */
export const INVENTORY = { kind: 'asset', category: ['configuration'], type: ['info'] } as const;

/** `rule.*`, which detections have as well. */
export const RULE = {
  id: ['keyword', 'Id'],
  name: ['keyword', 'Name'],
  description: ['keyword', 'Description'],
  version: ['keyword', 'Version'],
} as const;

/** The person who changed it last. */
export function putModifier(draft: Draft, modifiedBy: unknown): void {
  const said: ReturnType<typeof modifierOf> = isRecord(modifiedBy) ? modifierOf(modifiedBy) : { login: modifiedBy };
  put(draft.document, 'user', personOf(draft, said.id, said.login));
  keepOthers(draft.unfit, 'user', modifiedBy, said);
}

/** Objects with a name, or names. */
export function namesOf(unfit: Unfit, field: string, value: unknown): string[] | undefined {
  const names = listOf(value).map((item) => nameOf(unfit, field, item));
  return keywords(unfit, field, names);
}

/** An object with a name, or a name. */
export function nameAt(unfit: Unfit, field: string, value: unknown): string | undefined {
  return keyword(unfit, field, nameOf(unfit, field, value));
}

/** The name of an object that has hardly more than one. */
export function nameOf(unfit: Unfit, field: string, value: unknown): unknown {
  const said = namedOf(value);
  if (said.Name === undefined) return value;
  keepOthers(unfit, field, value, said);
  return said.Name;
}
