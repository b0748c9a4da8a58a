/**
 * What the members of a vendor's records are called: one table for each resource (`members/`), which its stream and its
 * mapping both read by, so that neither knows a name that the other does not.
 *
 * Case, underscores and hyphens never count; only names that differ in more stand in a table.
 */

/** The names of members, each with the other words that the vendor has for it, the likeliest first. */
export type Table<Name extends string = string> = Readonly<Record<Name, readonly string[]>>;

/** A name without what spellings differ in: `device_name`, `DeviceName` and `deviceName` are one. */
export function foldedName(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase();
}

/** What a member of a record is in a table. Of several that are the same there, the one of the lowest rank is preferred. */
export interface Meaning {
  name: string;
  rank: number;
}

const MAX_SPELLINGS = 2000;
const known = new WeakMap<Table, (member: string) => Meaning | null>();

/** Looks up what members mean, null for those that a table does not know. Every spelling is folded once, and remembered. */
export function meaningsIn(table: Table): (member: string) => Meaning | null {
  let look = known.get(table);
  if (look === undefined) {
    look = lookUpIn(table);
    known.set(table, look);
  }
  return look;
}

function lookUpIn(table: Table): (member: string) => Meaning | null {
  const spellings = new Map<string, Meaning | null>();
  const folded = new Map<string, Meaning>();
  for (const name of Object.keys(table)) {
    const accepted = spellingsOf(table, name);
    for (const [index, spelling] of accepted.entries()) {
      spellings.set(spelling, { name, rank: index });
      const rank = index + accepted.length;
      if (!folded.has(foldedName(spelling))) folded.set(foldedName(spelling), { name, rank });
    }
  }
  return (member) => {
    let found = spellings.get(member);
    if (found !== undefined) return found;
    found = folded.get(foldedName(member)) ?? null;
    if (spellings.size < MAX_SPELLINGS && member.length < 100) spellings.set(member, found);
    return found;
  };
}

/** Whether one of two members of the same meaning is read rather than the other, whatever the record's order. */
export function isPreferred(meaning: (member: string) => Meaning | null, one: string, other: string): boolean {
  const [mine, its] = [meaning(one)?.rank ?? 0, meaning(other)?.rank ?? 0];
  return mine === its ? one < other : mine < its;
}

/** All names of members, as they are written in the table: for what is compared by folded names, such as `volatile`. */
export function spellingsOf<Name extends string>(table: Table<Name>, ...names: Name[]): string[] {
  return names.flatMap((name) => [name, ...table[name]]);
}

/** A member of a record under any of its names. One that is empty (null, '') never hides a filled one. */
export function memberOf<Name extends string>(table: Table<Name>, record: unknown, name: Name): unknown {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined;
  const fields = record as Readonly<Record<string, unknown>>;
  const exact: unknown = fields[name];
  if (exact !== undefined && exact !== null && exact !== '') return exact;
  const meaning = meaningsIn(table);
  let empty = exact;
  let best: string | undefined;
  for (const member in fields) {
    if (meaning(member)?.name !== name) continue;
    const content = fields[member];
    if (content === undefined || content === null || content === '') empty = empty === undefined ? content : empty;
    else if (best === undefined || isPreferred(meaning, member, best)) best = member;
  }
  return best === undefined ? empty : fields[best];
}
