/**
 * What the members of a vendor's records are called: one table for each resource (`members/`), which its stream and its
 * mapping both read by, so that neither knows a name that the other does not.
 *
 * Case, underscores and hyphens never count; only names that differ in more stand in a table.
 */

import { perShape } from './shapes.ts';

/** The names of members, each with the other words that the vendor has for it, the likeliest first. */
export type Table<Name extends string = string> = Readonly<Record<Name, readonly string[]>>;

/** Spellings that are remembered: records with endless different names must not fill the memory. */
const MAX_SPELLINGS = 5000;
const MAX_REMEMBERED_LENGTH = 100;
const spellings = new Map<string, string>();

/** A name without what spellings differ in: `device_name`, `DeviceName` and `deviceName` are one. */
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

/** What a member of a record is in a table. Of several that are the same there, the one of the lowest rank is preferred. */
export interface Meaning {
  name: string;
  rank: number;
}

const known = new WeakMap<Table, (member: string) => Meaning | null>();

/** Looks up what members mean, null for those that a table does not know. */
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
  return (member) => asWritten.get(member) ?? inAnySpelling.get(foldedName(member)) ?? null;
}

/** Whether one of two members of the same meaning is read rather than the other, whatever the record's order. */
export function isPreferred(meaning: (member: string) => Meaning | null, one: string, other: string): boolean {
  const [mine, its] = [meaning(one)?.rank ?? 0, meaning(other)?.rank ?? 0];
  return mine === its ? one < other : mine < its;
}

/** All names of members, as they are written in the table: for what is compared by folded names, such as `ignored`. */
export function spellingsOf<Name extends string>(table: Table<Name>, ...names: Name[]): string[] {
  return names.flatMap((name) => [name, ...table[name]]);
}

/** A member of a record under any of its names. What says nothing never hides what says something. */
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

/** What lies deeper says something: no record may exhaust the stack. */
const MAX_DEPTH = 400;

/** Whether a member might as well be left out: null, blanks, [], {} and objects of such. Places in lists say something. */
export function saysNothing(content: unknown, depth = 0): boolean {
  if (typeof content === 'string') {
    const first = content.charCodeAt(0);
    return !(first > 32 && first < 128) && content.trim() === ''; // few texts begin otherwise
  }
  if (typeof content !== 'object') return content === undefined;
  if (content === null) return true;
  if (Array.isArray(content)) return content.length === 0;
  if (depth > MAX_DEPTH) return false;
  for (const member in content) if (!saysNothing((content as Record<string, unknown>)[member], depth + 1)) return false;
  return true;
}

/** By name, the members of a record that mean it, the preferred one first. */
type Spelled = ReadonlyMap<string, readonly string[]>;

const spelled = new WeakMap<Table, (record: object) => Spelled>();

/** Several members of one record are asked for in a row. Records never get members later. */
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
