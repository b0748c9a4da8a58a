import type { Json } from '../artifacts.ts';
import { csvLine } from '../csv.ts';
import type { Reply } from '../reply.ts';
import type { Site } from '../resource.ts';
import { type Extra, inPages, itemsOf } from './extra.ts';

/** The lists of rules, rule sets and exceptions as CSV, with the guide's columns. */

type Column = readonly [heading: string, of: (item: Json) => unknown];

const login = (of: unknown) => (of as { login?: string } | null)?.login;
const member = (name: string) => (item: Json) => item[name];

const ID: Column = ['Id', member('Id')];
const NAME: Column = ['Name', member('Name')];
const SHARED: readonly Column[] = [
  ['Last Modified', member('LastModified')],
  ['Modified By', ({ ModifiedBy }) => login(ModifiedBy)],
  ['Device Count', member('DeviceCount')],
  ['Ruleset Count', member('RulesetCount')],
];
const RULES: readonly Column[] = [
  ...[NAME, ID, ['Version', member('Version')] as const, ['Description', member('Description')] as const],
  ...[['Severity', member('Severity')] as const, ['Category', member('Category')] as const, ...SHARED],
];
const EXCEPTIONS: readonly Column[] = [
  ...[NAME, ID, ['Version', member('Version')] as const],
  ...[['Description', ({ Description, description }: Json) => Description ?? description] as const, ...SHARED],
];
const RULE_SETS: readonly Column[] = [
  ['Id', member('id')],
  ['Last Modified', member('last_modified')],
  ['Modified By', ({ modified_by }) => login(modified_by)],
  ['Name', member('name')],
  ['Description', member('description')],
  ['Notification', member('notification_message')],
  ['Category', member('category')],
  ['Device Count', member('device_count')],
];

function csvOf(name: string, path: string, scope: string, columns: readonly Column[]): Extra {
  const lines = (items: readonly Json[]) => items.map((item) => csvLine(columns.map(([, of]) => of(item)))).join('');
  const csv = (site: Site): Reply => ({
    status: 200,
    type: 'text/csv; charset=utf-8',
    body: csvLine(columns.map(([heading]) => heading)) + lines(itemsOf(site, name)),
  });
  return {
    ...{ endpoint: `${name}/csv`, path: `${path}/csv`, scope },
    // The export takes no parameters. cyapi requests the export of rule sets page by page, and reads only the envelope.
    answer: (site, asked) =>
      asked.params.has('page') ? inPages(site, asked, `${name}/csv`, itemsOf(site, name)) : csv(site),
  };
}

export const CSV_LISTS: readonly Extra[] = [
  csvOf('rules', '/rules/v2', 'opticsrule:list', RULES),
  csvOf('rule-sets', '/rulesets/v2', 'opticsruleset:list', RULE_SETS),
  csvOf('exceptions', '/exceptions/v2', 'opticsexception:list', EXCEPTIONS),
];
