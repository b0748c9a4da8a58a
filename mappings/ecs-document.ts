/** What the documents of every vendor have in common beside their fields: titles, and times that are no times. */
import { saysNothing } from '../src/index.ts';
import {
  cut,
  type EcsField,
  type Fields,
  filled,
  isAnythingCut,
  isRecord,
  misfit,
  put,
  type Related,
  relatedOf,
  set,
  type Unfit,
} from './ecs.ts';
import { date } from './ecs-time.ts';

/** The fields that every mapping sets, beside those that the engine adds: the beginning of its `fields.ecs`. */
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

/** Says that not all of the record is in the document. Its `unfit` names what is cut, and how much of it is kept. */
export const CONTENT_IS_CUT = 'content_is_cut';

/** What a mapping gathers beside the document. */
export interface Gathered {
  /** The fields below the prefix. */
  own: Fields;
  unfit: Unfit;
  related?: Related;
}

/** How every mapping ends: what it gathered goes into the document, and a tag says so where something is cut. */
export function conclude(document: Fields, prefix: string, { own, unfit, related }: Gathered): void {
  if (related !== undefined) put(document, 'related', relatedOf(unfit, related));
  put(own, 'unfit', filled(unfit));
  set(document, prefix, own);
  if (isAnythingCut(unfit)) document.tags = [...((document.tags as string[] | undefined) ?? []), CONTENT_IS_CUT];
}

/** The members that a table does not know, as they came. */
export function pick(record: Fields, members: readonly string[]): Fields {
  const picked: [string, unknown][] = members.map((member) => [member, record[member]]);
  return Object.fromEntries(picked);
}

/** Keeps the members of an object that its table does not know, where the object has no field of its own for them. */
export function keepOthers(
  unfit: Unfit,
  field: string,
  given: unknown,
  { others }: { readonly others?: readonly string[] },
): void {
  if (!isRecord(given) || others === undefined) return;
  const saying = others.filter((member) => !saysNothing(given[member]));
  if (saying.length > 0) misfit(unfit, field, pick(given, saying));
}

/** A date where the beginning of 1970 is, like the year 1, a way to say "never". */
export function moment(unfit: Unfit, field: string, value: unknown): string | undefined {
  const content = date(unfit, field, value);
  return content?.startsWith('1970-01-01T') ? undefined : content;
}
