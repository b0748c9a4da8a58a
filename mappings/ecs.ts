/**
 * What all mappings share: reading vendors' values tolerantly, and writing only what fits an ECS field.
 *
 * Everything here is on the way of every record, so tables are built once, characters are compared instead of patterns
 * run, and nothing is allocated for a value that is fine as it came. The field dictionary itself is not needed for
 * that: `ecs-check.ts` loads it, mappings only name its fields (checked by the compiler).
 */
import { isIP } from 'node:net';
import type { EcsFlat } from '@elastic/ecs';
import ecsPackage from '@elastic/ecs/package.json' with { type: 'json' };
import { isPreferred, meaningsIn, parseInOrder, saysNothing, type Table } from '../src/index.ts';

/** The dictionary's own version: `ecs.version` of every document. */
export const ECS_VERSION: string = ecsPackage.version;

/** The name of a field of the dictionary. */
export type EcsField = keyof typeof EcsFlat;

/** Elasticsearch types of fields under a connector's prefix. `flattened` holds what differs from record to record. */
export type CustomType =
  | 'keyword'
  | 'match_only_text'
  | 'wildcard'
  | 'long'
  | 'float'
  | 'boolean'
  | 'date'
  | 'ip'
  | 'flattened';

/** Every field that a mapping can set: the templates are generated from it, and a test holds the mapping to it. */
export interface FieldList {
  /** `cylance.detection`: fields outside the dictionary stand below it. */
  prefix: string;
  /** Full name to type, for fields below the prefix. */
  custom: Readonly<Record<string, CustomType>>;
  ecs: readonly EcsField[];
  /** Lists of objects, below the prefix, that are asked about one by one. */
  nested?: readonly string[];
  /** Lists of which more, or fewer, than `MOST_ITEMS` are kept. */
  most?: Readonly<Record<string, number>>;
}

export type Fields = Record<string, unknown>;

// ---------------------------------------------------------------- writing

const paths = new Map<string, readonly string[]>();

/** Sets `a.b.c` as nested objects; leaves out undefined, null, empty strings, empty arrays and empty objects. */
export function set(document: Fields, path: string, value: unknown): void {
  if (isEmpty(value)) return;
  let steps = paths.get(path);
  if (steps === undefined) {
    steps = path.split('.');
    paths.set(path, steps);
  }
  let target = document;
  const last = steps.length - 1;
  for (let index = 0; index < last; index++) {
    const step = steps[index] as string;
    let next = target[step] as Fields | undefined;
    if (next === undefined) {
      next = {};
      target[step] = next;
    }
    target = next;
  }
  target[steps[last] as string] = value;
}

/** `set` for one member: cheaper, where the objects are built by hand. */
export function put(target: Fields, member: string, value: unknown): void {
  if (value !== undefined && !isEmpty(value)) target[member] = value;
}

export function isEmpty(value: unknown): boolean {
  if (typeof value === 'string') return value === '';
  if (typeof value !== 'object') return value === undefined;
  if (value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  for (const _member in value) return false;
  return true;
}

/** The object, or undefined when nothing was put into it. */
export function filled(fields: Fields): Fields | undefined {
  return isEmpty(fields) ? undefined : fields;
}

// ---------------------------------------------------------------- reading members

/** What a record says, under our names for its members; `others` are the members that the table does not know, or knows twice. */
export type Members<Name extends string> = { readonly [name in Name]?: unknown } & {
  readonly others?: readonly string[];
};

/**
 * Makes a reader from a table of spellings. A record's members are looked up as they are written; only a spelling never
 * met before is folded. One pass over the members that are there: an absent one costs nothing. Between two members that
 * mean the same, the one that stands first in the table wins, whatever the record's order, and the other is one of `others`
 * where it says something else. What says nothing (null, blanks, [], {}) never hides what says something.
 */
export function reader<Name extends string>(table: Table<Name>): (value: unknown) => Members<Name> {
  const meaning = meaningsIn(table);
  return (value) => {
    const found: Fields = {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return found as Members<Name>;
    const record = value as Fields;
    let written: Record<string, string> | undefined; // where that is not the name itself
    let others: string[] | undefined;
    for (const member in record) {
      const meant = meaning(member);
      const content = record[member];
      if (meant === null) {
        if (others === undefined) others = [];
        others.push(member);
        continue;
      }
      if (content === null || content === undefined || content === '') continue;
      const { name } = meant;
      if (found[name] === undefined) {
        found[name] = content;
        if (meant.rank > 0) {
          written ??= {};
          written[name] = member;
        }
        continue;
      }
      const before = written?.[name] ?? name;
      if (content === found[name] || saysNothing(content)) continue;
      if (!saysNothing(found[name])) {
        const isBetter = isPreferred(meaning, member, before);
        others ??= [];
        others.push(isBetter ? before : member);
        if (!isBetter) continue;
      }
      found[name] = content;
      written ??= {};
      written[name] = member;
    }
    if (others !== undefined) found.others = others;
    return found as Members<Name>;
  };
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list as it is; one item without brackets as a list of one; nothing as an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined || value === null || value === '') return NOTHING;
  return [value];
}
const NOTHING: readonly unknown[] = [];

/** The object or list inside a JSON text, in its order; everything else is returned as it is. */
export function opened(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const content = value.trim();
  if (!content.startsWith('{') && !content.startsWith('[')) return value;
  try {
    return parseInOrder(content);
  } catch {
    return value;
  }
}

/** The object inside a JSON text; an object is returned as it is. */
export function parsed(value: unknown): Fields | undefined {
  const content = opened(value);
  return isRecord(content) ? content : undefined;
}

// ---------------------------------------------------------------- values

/**
 * Values that do not fit the field they were meant for, as text, by the field's name: they are stored in one flattened
 * field below the prefix, so that the document still ships and nothing the vendor said is lost.
 */
export type Unfit = Record<string, string>;

/** Elasticsearch refuses a whole document for one keyword term over 32,766 bytes; a text that is only shown is cut well before. */
const MAX_TEXT = 8191;

export function cut(value: string, length = MAX_TEXT): string {
  return value.length <= length ? value : wellFormed(value.slice(0, length));
}

/** A text torn in the middle of a character would be refused as broken UTF-8. */
export function wellFormed(value: string): string {
  return value.isWellFormed() ? value : value.toWellFormed();
}

/** Any value as text, where it is kept only for people to read. */
export function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return text(value);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return String(value);
  try {
    return wellFormed(JSON.stringify(value, inOrder));
  } catch {
    return undefined;
  }
}

/** Members in order, so that the same content is the same text however the vendor arranged it. */
function inOrder(_member: string, value: unknown): unknown {
  if (!isRecord(value)) return value;
  const members = Object.entries(value);
  if (members.length < 2) return value;
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Keeps a value that does not fit its field, beside other such values of the same field. */
export function misfit(unfit: Unfit, field: string, value: unknown): undefined {
  const content = saysNothing(value) ? undefined : asText(value);
  if (content === undefined || content === '{}' || content === '[]' || content === '[{}]') return undefined;
  const before = unfit[field];
  if (before === content || before?.endsWith(`, ${content}`)) return undefined; // a member may be read twice
  const told = unfit[`${field}.text${CUT}`];
  if (told !== undefined) tellLength(unfit, field, givenIn(told) + content.length);
  else unfit[field] = cutAt(unfit, field, before === undefined ? content : `${before}, ${content}`);
  return undefined;
}

/** A text that is cut where it is too long, which `unfit` says then. */
export function cutAt(unfit: Unfit, field: string, content: string): string {
  if (content.length > MAX_TEXT) tellLength(unfit, field, content.length);
  return cut(content);
}

function tellLength(unfit: Unfit, field: string, length: number): void {
  unfit[`${field}.text${CUT}`] = `${MAX_TEXT} of ${length} characters`;
}

/** Ends the names in `unfit` that say how much of a list, or of a text, is kept. */
const CUT = '.cut';

function givenIn(told: string): number {
  return Number(told.split(' ')[2]);
}

export function isAnythingCut(unfit: Unfit): boolean {
  for (const field in unfit) if (field.endsWith(CUT)) return true;
  return false;
}

/** How many items of a list are kept: far more than vendors send. */
export const MOST_ITEMS = 1000;

/** The items of a list that are kept. Of a longer one `unfit` says how many there were. */
export function itemsAt(unfit: Unfit, field: string, value: unknown, limit = MOST_ITEMS): readonly unknown[] {
  const items = listOf(value);
  if (items.length <= limit) return items;
  tellCut(unfit, field, limit, items.length);
  return items.slice(0, limit);
}

/** Notes how many items of a list are kept, where it is cut. One field may stand for several lists: the longest counts. */
export function tellCut(unfit: Unfit, field: string, kept: number, given: number): void {
  if (kept >= given) return;
  const told = `${field}${CUT}`;
  const before = unfit[told];
  if (before === undefined || givenIn(before) < given) unfit[told] = `${kept} of ${given}`;
}

/** A string without padding; numbers and booleans as text; undefined for everything that says nothing. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'string') {
    const content = wellFormed(value.trim());
    return content === '' ? undefined : content;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  return typeof value === 'boolean' ? String(value) : undefined;
}

/** A keyword. An object where a text is due is kept as text elsewhere: a field is never an object here and a text there. */
export function keyword(unfit: Unfit, field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const content = text(value);
  return content === undefined && typeof value === 'object' ? misfit(unfit, field, value) : content;
}

/** Unique texts in the order in which they came. */
export function keywords(unfit: Unfit, field: string, value: unknown, limit = MOST_ITEMS): string[] | undefined {
  return several(unfit, field, value, limit, keyword);
}

/** A whole number within JavaScript's safe range, also written as text. Larger ones are kept as text: they must survive exactly. */
export function integer(unfit: Unfit, field: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : misfit(unfit, field, value);
  if (typeof value !== 'string') return misfit(unfit, field, value);
  const content = value.trim();
  if (content === '') return undefined;
  const digits = content.startsWith('-') ? content.slice(1) : content;
  if (digits.length === 0 || digits.length > 16 || !allDigits(digits)) return misfit(unfit, field, value);
  const number = Number(content);
  return Number.isSafeInteger(number) ? number : misfit(unfit, field, value);
}

/** A whole number within bounds: ports, process ids. */
export function integerWithin(
  unfit: Unfit,
  field: string,
  value: unknown,
  least: number,
  most: number,
): number | undefined {
  const number = integer(unfit, field, value);
  if (number === undefined) return undefined;
  return number >= least && number <= most ? number : misfit(unfit, field, value);
}

export function truth(unfit: Unfit, field: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  if (typeof value === 'string') {
    const content = value.trim().toLowerCase();
    if (content === 'true' || content === '1') return true;
    if (content === 'false' || content === '0') return false;
    if (content === '') return undefined;
  }
  return misfit(unfit, field, value);
}

function allDigits(content: string): boolean {
  for (let index = 0; index < content.length; index++) {
    const code = content.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return content !== '';
}

// ---------------------------------------------------------------- addresses, hashes, names

/** An address as Elasticsearch's `ip` takes it; the zone of a link-local one (`fe80::1%12`) is meaningless elsewhere and cut. */
export function address(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  let content = value.trim();
  const zone = content.indexOf('%');
  if (zone > 0) content = content.slice(0, zone);
  return isIP(content) === 0 ? undefined : content;
}

export function ip(unfit: Unfit, field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const content = address(value);
  if (content !== undefined) return content;
  return isEmpty(text(value)) && typeof value !== 'object' ? undefined : misfit(unfit, field, value);
}

export function ips(unfit: Unfit, field: string, value: unknown, limit = MOST_ITEMS): string[] | undefined {
  return several(unfit, field, value, limit, ip);
}

/** `AA-BB-CC-DD-EE-FF`, as RFC 7042 and ECS write it. All zeros is what an adapter without an address reports. */
export function mac(unfit: Unfit, field: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const content = text(value);
  if (content === undefined) return misfit(unfit, field, value);
  const bare = content.replaceAll('-', '').replaceAll(':', '').replaceAll('.', '');
  if (bare.length !== 12 || !allHex(bare)) return misfit(unfit, field, value);
  if (bare === '000000000000') return undefined;
  const upper = bare.toUpperCase();
  let result = upper.slice(0, 2);
  for (let index = 2; index < 12; index += 2) result += `-${upper.slice(index, index + 2)}`;
  return result;
}

export function macs(unfit: Unfit, field: string, value: unknown, limit = MOST_ITEMS): string[] | undefined {
  return several(unfit, field, value, limit, mac);
}

function several(
  unfit: Unfit,
  field: string,
  value: unknown,
  limit: number,
  one: (unfit: Unfit, field: string, value: unknown) => string | undefined,
): string[] | undefined {
  const found = new Set<string>();
  const given = listOf(value);
  for (const item of given) {
    if (found.size >= limit) {
      tellCut(unfit, field, limit, given.length);
      break;
    }
    const content = one(unfit, field, item);
    if (content !== undefined) found.add(content);
  }
  return found.size === 0 ? undefined : [...found];
}

/** Whether it has nothing but hexadecimal digits, and at least one. */
export function allHex(content: string): boolean {
  for (let index = 0; index < content.length; index++) {
    const code = content.charCodeAt(index);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70))) return false;
  }
  return content !== '';
}

const HASH_LENGTHS = { md5: 32, sha1: 40, sha256: 64 } as const;
export type HashKind = keyof typeof HASH_LENGTHS;

/** A hash in lower case. Blanks inside (line wraps of the vendor's own display) are taken out. */
export function hashOf(unfit: Unfit, field: string, kind: HashKind, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  let content = text(value);
  if (content === undefined) return typeof value === 'object' ? misfit(unfit, field, value) : undefined;
  if (content.includes(' ')) content = content.replaceAll(' ', '');
  if (content.length !== HASH_LENGTHS[kind] || !allHex(content)) return misfit(unfit, field, value);
  return content.toLowerCase();
}

// ---------------------------------------------------------------- related

export interface Related {
  hosts: string[];
  ip: string[];
  user: string[];
  hash: string[];
}

/** Sorted and without doubles, so that a vendor's order never shows; undefined when there is nothing to relate. */
export function relatedOf(unfit: Unfit, related: Related): Fields | undefined {
  const result: Fields = {};
  let any = false;
  for (const kind of ['hosts', 'ip', 'user', 'hash'] as const) {
    const values = related[kind];
    if (values.length === 0) continue;
    any = true;
    result[kind] =
      values.length === 1 ? values : (itemsAt(unfit, `related.${kind}`, [...new Set(values)].sort()) as string[]);
  }
  return any ? result : undefined;
}
