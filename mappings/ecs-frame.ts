/**
 * What every mapping does, done once: the record is read by its table, the document begun, the fields put that come from a
 * member each, and what is left over kept. A mapping is a table of its fields, and a function for what is its own.
 */
import type { EcsDocument, Mapping, SourceFacts, Table } from '../src/index.ts';
import {
  type CustomType,
  ECS_VERSION,
  type EcsField,
  type FieldList,
  type Fields,
  filled,
  integer,
  ip,
  isEmpty,
  isRecord,
  itemsAt,
  keyword,
  type Members,
  misfit,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from './ecs.ts';
import { conclude, EVERY_DOCUMENT, moment, pick } from './ecs-document.ts';
import { flat } from './ecs-flat.ts';

/** Makes the value of a field from that of a member; one that does not fit goes to `unfit`. */
export type Make = (unfit: Unfit, field: string, value: unknown) => unknown;

/** How a value of a type is made where a table says nothing else. */
const MAKERS = {
  keyword,
  match_only_text: keyword,
  wildcard: keyword,
  long: integer,
  boolean: truth,
  date: moment,
  ip,
  flattened: flat,
} satisfies Partial<Record<CustomType, Make>>;

/** A flag that is only worth a field where it is set: that the record is a tombstone. */
export const onlyTrue: Make = (unfit, field, value) => truth(unfit, field, value) || undefined;

/**
 * Fields below a prefix by their names: each with its type and, where it comes from one member of the record, that member,
 * and what makes its value where the type alone does not say it. The others are put by hand.
 */
export type Own<Name extends string> = Readonly<
  Record<string, CustomType | readonly [keyof typeof MAKERS, Name] | readonly [CustomType, Name, Make]>
>;

interface Written {
  custom: Record<string, CustomType>;
  /** Puts the fields that come from one member each. */
  write(target: Fields, said: Fields, unfit: Unfit): void;
}

function writtenAt(at: string, own: Own<string>): Written {
  const custom: Record<string, CustomType> = {};
  const steps: { name: string; field: string; member: string; make: Make }[] = [];
  for (const [name, declared] of Object.entries(own)) {
    const field = `${at}.${name}`;
    custom[field] = typeof declared === 'string' ? declared : declared[0];
    if (typeof declared === 'string') continue;
    const make = declared.length === 2 ? MAKERS[declared[0]] : declared[2];
    steps.push({ name, field, member: declared[1], make });
  }
  const write = (target: Fields, said: Fields, unfit: Unfit): void => {
    for (const { name, field, member, make } of steps) {
      const value = said[member];
      if (value !== undefined) put(target, name, make(unfit, field, value));
    }
  };
  return { custom, write };
}

/** An object inside a record, or each item of a list, that has fields of its own below the prefix. */
export interface PartShape<Name extends string> {
  /** `cylance.rule_set.rules` */
  at: string;
  members: Table<Name>;
  /** With `other`, the members that the table does not know are kept there. */
  own: Own<NoInfer<Name>>;
  /** A value that is no object is taken for this member of one. */
  alone?: NoInfer<Name>;
}

export interface Part<Name extends string> {
  /** Its fields by their full names, for the list of the mapping. */
  custom: Readonly<Record<string, CustomType>>;
  /** The members of an object, under the names of the table. */
  read(given: unknown): Members<Name>;
  /** The fields of an object, or of its members where they are read already; undefined when it has none. */
  of(unfit: Unfit, given: unknown, said?: Members<Name>): Fields | undefined;
  /** The fields of each object of a list. */
  items(unfit: Unfit, list: unknown, limit?: number): Fields[] | undefined;
}

export function partOf<Name extends string>({ at, members, own, alone }: PartShape<Name>): Part<Name> {
  const readObject = reader(members);
  const { custom, write } = writtenAt(at, own);
  const [other, keepsOther] = [`${at}.other`, 'other' in own];
  const read = (given: unknown): Members<Name> =>
    alone === undefined || isRecord(given) ? readObject(given) : ({ [alone]: given } as unknown as Members<Name>);
  const of = (unfit: Unfit, given: unknown, said = read(given)): Fields | undefined => {
    const result: Fields = {};
    write(result, said, unfit);
    if (keepsOther && said.others !== undefined) put(result, 'other', flat(unfit, other, rest(given, said)));
    return filled(result);
  };
  const items = (unfit: Unfit, list: unknown, limit?: number): Fields[] | undefined => {
    const result: Fields[] = [];
    for (const item of itemsAt(unfit, at, list, limit)) {
      // A value that cannot be read must not look like none.
      if (alone === undefined && !isRecord(item)) misfit(unfit, at, item);
      const fields = of(unfit, item);
      if (fields !== undefined) result.push(fields);
    }
    return result.length === 0 ? undefined : result;
  };
  return { custom, read, of, items };
}

/** The members of an object that its table does not know, as they came. */
export function rest(given: unknown, { others }: { readonly others?: readonly string[] }): Fields {
  return others === undefined || !isRecord(given) ? {} : pick(given, others);
}

/** Fields of the dictionary by the object that they stand in. */
export function below<Prefix extends string, Name extends string>(
  prefix: Prefix,
  names: readonly Name[],
): `${Prefix}.${Name}`[] {
  return names.map((name) => `${prefix}.${name}` as const);
}

/** A document on its way. */
export interface Draft {
  readonly record: Fields;
  readonly source: SourceFacts;
  /** Of the record; empty where the shape names none. */
  readonly id: string;
  readonly document: EcsDocument;
  /** `event.*` */
  readonly event: Fields;
  /** The fields below the prefix. */
  readonly own: Fields;
  /** The members that the table does not know: they have no field. */
  readonly other: Fields;
  readonly unfit: Unfit;
  readonly related: Related;
}

/** A mapping, beside its function. */
export interface Shape<Name extends string> {
  /** The stream's name: its fields stand below it. */
  prefix: string;
  observer: { vendor: string; product: string };
  members: Table<Name>;
  /** The member that identifies a record: one without it is no record. Left out where several members together do. */
  id?: NoInfer<Name>;
  /** `@timestamp`, where it is one member. */
  time?: NoInfer<Name>;
  /** The same, where it is when the record was made: `event.created` as well. */
  created?: NoInfer<Name>;
  event: { kind: string; category?: readonly string[]; type?: readonly string[]; provider?: string };
  /** The member with the tenant, for a source without the id of one. */
  tenant?(said: Members<Name>): unknown;
  /** Fields below the prefix; `other` and `unfit` belong to every mapping. */
  own: Own<NoInfer<Name>>;
  parts?: readonly Pick<Part<never>, 'custom'>[];
  /** Fields of the dictionary beside those of every document. */
  ecs: readonly EcsField[];
  /** Lists of objects, below the prefix, that are asked about one by one: whether one of them has this *and* that. Costs space. */
  nested?: readonly string[];
  /** Lists of which more, or fewer, than usual are kept, by the name of their field. */
  most?: Readonly<Record<string, number>>;
  /** A replacer of `JSON.stringify`: leaves out members that are never written. */
  without?(member: string, value: unknown): unknown;
}

/**
 * `fill` puts what the table does not say, and returns the message. It is pure, as a mapping is.
 */
export function mappingOf<Name extends string>(
  shape: Shape<Name>,
  fill: (draft: Draft, said: Members<Name>) => string,
): { mapping: Mapping; fields: FieldList } {
  const { prefix, id: idMember, created, time: timeMember = created, tenant, without } = shape;
  const { kind, category, type, provider } = shape.event;
  const { vendor, product } = shape.observer;
  const module = prefix.slice(0, prefix.indexOf('.'));
  const read = reader(shape.members);
  const { custom, write } = writtenAt(prefix, { ...shape.own, other: 'flattened', unfit: 'flattened' });
  const other = `${prefix}.other`;

  const mapping: Mapping = (record, source) => {
    if (!isRecord(record)) throw new Error('the record is no object');
    const said = read(record);
    const id = idMember === undefined ? '' : text(said[idMember]);
    if (id === undefined) throw new Error(`the record has no ${idMember}`);
    const unfit: Unfit = {};
    const own: Fields = {};
    const time = timeMember === undefined ? undefined : moment(unfit, '@timestamp', said[timeMember]);
    const event: Fields = { kind };
    if (category !== undefined) event.category = category.slice();
    if (type !== undefined) event.type = type.slice();
    event.module = module;
    event.dataset = prefix;
    if (provider !== undefined) event.provider = provider;
    if (id !== '') event.id = id;
    if (created !== undefined && time !== undefined) event.created = time;
    const document: EcsDocument = {
      '@timestamp': time,
      ecs: { version: ECS_VERSION },
      observer: { vendor, product },
      organization: { id: source.tenantId === '' ? (text(tenant?.(said)) ?? 'unknown') : source.tenantId },
      event,
    };
    const related: Related = { hosts: [], ip: [], user: [], hash: [] };
    const left = rest(record, said);
    const draft: Draft = { record, source, id, document, event, own, other: left, unfit, related };
    write(own, said as Fields, unfit);
    document.message = fill(draft, said);
    if (!isEmpty(left)) {
      const kept = without === undefined ? left : (JSON.parse(JSON.stringify(left, without)) as Fields);
      put(own, 'other', flat(unfit, other, kept));
    }
    conclude(document, prefix, draft);
    if (source.keepOriginal) event.original = JSON.stringify(record, without);
    return document;
  };

  const all = Object.assign({}, custom, ...(shape.parts ?? []).map((part) => part.custom)) as FieldList['custom'];
  const ecs = [...new Set([...EVERY_DOCUMENT, ...shape.ecs])];
  const { most, nested } = shape;
  const fields: FieldList = { prefix, custom: all, ecs, ...(most && { most }), ...(nested && { nested }) };
  return { mapping, fields };
}
