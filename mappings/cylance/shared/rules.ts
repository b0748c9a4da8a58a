/** What detection rules, rule sets and exceptions have in common: inventory of the console, changed by a person. */
import { named } from '../../../members/cylance/shared/named.ts';
import type { EcsDocument, SourceFacts } from '../../../src/types.ts';
import {
  type Fields,
  isRecord,
  keywords,
  listOf,
  put,
  type Related,
  reader,
  severityOf,
  type Unfit,
} from '../../ecs.ts';
import { keepOthers, moment, originOf, personOf } from './base.ts';

const modifierOf = reader({ id: ['user_id', 'UserId'], login: ['user_login', 'UserLogin', 'email'] });
const namedOf = reader(named);

interface Said {
  id: string;
  dataset: string;
  provider: string | undefined;
  modified: unknown;
  modifiedBy: unknown;
  isDeleted: boolean;
}

/**
 * A document of inventory: `asset`, and `configuration` the category for what is set up in the console. Its type is
 * `info` even for a first or a later revision, since a rule may be met long after it was made or changed.
 */
export function assetOf(said: Said, source: SourceFacts, unfit: Unfit, related: Related): EcsDocument {
  const modified = moment(unfit, '@timestamp', said.modified);
  const event: Fields = {
    ...{ kind: 'asset', category: ['configuration'], type: [said.isDeleted ? 'deletion' : 'info'], module: 'cylance' },
    ...{ dataset: said.dataset, id: said.id },
  };
  put(event, 'provider', said.provider);
  const document: EcsDocument = { '@timestamp': modified, ...originOf(source), event };
  const { modifiedBy } = said;
  const modifier: ReturnType<typeof modifierOf> = isRecord(modifiedBy) ? modifierOf(modifiedBy) : { login: modifiedBy };
  put(document, 'user', personOf(modifier.id, modifier.login, unfit, related));
  keepOthers(unfit, 'user', modifiedBy, modifier);
  return document;
}

/** The vendor's word goes below the prefix, its place on the common scale into the event. */
export function judge(event: Fields, severity: string | undefined): void {
  put(event, 'severity', severity === undefined ? undefined : severityOf(severity));
}

/** Objects with a name, or names. */
export function namesOf(unfit: Unfit, field: string, value: unknown): string[] | undefined {
  const names = listOf(value).map((item) => nameOf(unfit, field, item));
  return keywords(unfit, field, names);
}

/** The name of an object that has hardly more than one. */
export function nameOf(unfit: Unfit, field: string, value: unknown): unknown {
  const said = namedOf(value);
  if (said.Name === undefined) return value;
  keepOthers(unfit, field, value, said);
  return said.Name;
}
