/** What the documents of every vendor have in common beside their fields: titles, and times that are no times. */
import { cut, type EcsField, type Fields, type Unfit } from './ecs.ts';
import { date } from './ecs-time.ts';

/** What every mapping sets, beside what the engine adds: the beginning of its `fields.ecs`. */
export const EVERY_DOCUMENT: readonly EcsField[] = [
  '@timestamp',
  'ecs.version',
  'message',
  'tags',
  'event.kind',
  'event.category',
  'event.type',
  'event.module',
  'event.dataset',
  'event.id',
  'event.original',
  'observer.vendor',
  'observer.product',
  'organization.id',
];

/** Kibana shows `message` as a title: one line. */
const MAX_TITLE = 256;

export function title(content: string): string {
  return cut(content, MAX_TITLE);
}

/** The members that a table does not know, as they came. */
export function pick(record: Fields, members: readonly string[]): Fields {
  const picked: [string, unknown][] = members.map((member) => [member, record[member]]);
  return Object.fromEntries(picked);
}

/** A date where the beginning of 1970 is, like the year 1, a way to say "never". */
export function moment(unfit: Unfit, field: string, value: unknown): string | undefined {
  const content = date(unfit, field, value);
  return content?.startsWith('1970-01-01T') ? undefined : content;
}
