/**
 * Finds members of a vendor's records by their names: one table for each resource (`members/`), which its stream and its
 * mapping share, so that neither knows a name that the other does not.
 *
 * Case, underscores and hyphens never count; a table only lists names that differ in more than these.
 */

import { perShape } from './shapes.ts';

/** The names of members, each with the vendor's other names for it, the likeliest first. */
export type Table<Name extends string = string> = Readonly<Record<Name, readonly string[]>>;

/** The number of spellings that are remembered: records with endless different names must not fill the memory. */
const MAX_SPELLINGS = 5000;
const MAX_REMEMBERED_LENGTH = 100;
const spellings = new Map<string, string>();

/** A name without case, underscores and hyphens: `device_name`, `DeviceName` and `deviceName` are the same. */
export function foldedName(name: string): string {
  if (name.length > MAX_REMEMBERED_LENGTH) return folded(name);
  let known = spellings.get(name);
  if (known === undefined) {
    known = folded(name);
    if (spellings.size < MAX_SPELLINGS) spellings.set(name, known);
  }
  return known;
}

function folded(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase();
}

/** The name of a record's member in a table. Of several members with the same name there, the one of the lowest rank is preferred. */
export interface Meaning {
  name: string;
  rank: number;
}

const known = new WeakMap<Table, (member: string) => Meaning | null>();

/** Returns the lookup of members in a table; the lookup returns null for a member that is not in the table. */
export function meaningsIn(table: Table): (member: string) => Meaning | null {
  let look = known.get(table);
  if (look === undefined) {
    look = lookUpIn(table);
    known.set(table, look);
  }
  return look;
}

function lookUpIn(table: Table): (member: string) => Meaning | null {
  const asWritten = new Map<string, Meaning>();
  const inAnySpelling = new Map<string, Meaning>();
  for (const name of Object.keys(table)) {
    const accepted = spellingsOf(table, name);
    for (const [index, spelling] of accepted.entries()) {
      asWritten.set(spelling, { name, rank: index });
      const rank = index + accepted.length;
      if (!inAnySpelling.has(foldedName(spelling))) inAnySpelling.set(foldedName(spelling), { name, rank });
    }
  }
  // Most members of a record are looked up in several tables, and are in few of them.
  const met = new Map<string, Meaning | null>();
  return (member) => {
    let meaning = met.get(member);
    if (meaning === undefined) {
      meaning = asWritten.get(member) ?? inAnySpelling.get(foldedName(member)) ?? null;
      if (met.size < MAX_SPELLINGS && member.length <= MAX_REMEMBERED_LENGTH) met.set(member, meaning);
    }
    return meaning;
  };
}

/** Whether `one` of two members with the same meaning is read rather than the `other`, whatever their order in the record. */
export function isPreferred(meaning: (member: string) => Meaning | null, one: string, other: string): boolean {
  const [mine, its] = [meaning(one)?.rank ?? 0, meaning(other)?.rank ?? 0];
  return mine === its ? one < other : mine < its;
}

/** All names of members as the table has them: for lists that are compared by folded names, such as `ignored`. */
export function spellingsOf<Name extends string>(table: Table<Name>, ...names: Name[]): string[] {
  return names.flatMap((name) => [name, ...table[name]]);
}

/** A member of a record under any of its names. An empty member never hides one with content. */
export function memberOf<Name extends string>(table: Table<Name>, record: unknown, name: Name): unknown {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined;
  const fields = record as Readonly<Record<string, unknown>>;
  const exact: unknown = fields[name];
  if (!saysNothing(exact)) return exact;
  let empty = exact;
  if (last?.fields !== fields || last.table !== table) last = { fields, table, spelled: spelledIn(table)(fields) };
  for (const member of last.spelled.get(name) ?? []) {
    const content = fields[member];
    if (!saysNothing(content)) return content;
    if (empty === undefined) empty = content;
  }
  return empty;
}

/** Deeper values count as content: no record may exhaust the stack. */
const MAX_DEPTH = 400;

/** Whether a member is empty: null, blanks, [], {} and objects of empty members. A list with items is never empty. */
export function saysNothing(content: unknown, depth = 0): boolean {
  if (typeof content === 'string') {
    const first = content.charCodeAt(0);
    return !(first > 32 && first < 128) && content.trim() === ''; // most texts begin with a printable ASCII character
  }
  if (typeof content !== 'object') return content === undefined;
  if (content === null) return true;
  if (Array.isArray(content)) return content.length === 0;
  if (depth > MAX_DEPTH) return false;
  for (const member in content) if (!saysNothing((content as Record<string, unknown>)[member], depth + 1)) return false;
  return true;
}

/** The members of a record by their name in the table, the preferred one first. */
type Spelled = ReadonlyMap<string, readonly string[]>;

const spelled = new WeakMap<Table, (record: object) => Spelled>();

/** The record that was read last: several members of one record are read in a row. Records never get members later. */
let last: { fields: object; table: Table; spelled: Spelled } | undefined;

function spelledIn(table: Table): (record: object) => Spelled {
  let look = spelled.get(table);
  if (look === undefined) {
    const meaning = meaningsIn(table);
    look = perShape((members) => {
      const known = members.filter((member) => meaning(member) !== null);
      known.sort((one, other) => (isPreferred(meaning, one, other) ? -1 : 1));
      return Map.groupBy(known, (member) => meaning(member)?.name ?? '');
    });
    spelled.set(table, look);
  }
  return look;
}
