/**
 * What is remembered of the last document of a record, for the next one: a deletion says nothing of whom it concerns, and
 * a record that is closed does not say since when. It is made of the document alone, so that a state that is rebuilt from
 * documents knows it, too; kept in the record's row, and forgotten with it.
 */
import type { EcsDocument } from '../document.ts';

export interface Last {
  /** `<prefix>.status`, and `<prefix>.status_before`. */
  s?: string;
  b?: string;
  /** `event.end`, and `<prefix>.end_precision`. */
  e?: string;
  p?: number;
  /** When the record was seen to be so, epoch milliseconds. */
  o?: number;
  h?: Values;
  u?: Values;
  r?: Values;
}

/** In the order of `GROUPS`; null for what is not said. */
type Values = (string | null)[];
type Members = Record<string, unknown>;

const GROUPS = [
  { object: 'host', member: 'h', names: ['id', 'name'] },
  { object: 'user', member: 'u', names: ['id', 'name', 'domain'] },
  { object: 'rule', member: 'r', names: ['id', 'name'] },
] as const;

/** A longer value is not kept: a million records are remembered. */
const LONGEST = 256;

/** The members of a stored document that `lastOf` looks at. */
export function rememberedMembers(prefix: string): string[] {
  const ofGroups = GROUPS.flatMap(({ object, names }) => names.map((name) => `${object}.${name}`));
  return [...ofGroups, 'event.end', ...['status', 'status_before', 'end_precision'].map((name) => `${prefix}.${name}`)];
}

/** The fields of a document below its stream's name. */
export function ownFields(document: Partial<EcsDocument>, prefix: string): Members | undefined {
  let found: unknown = document;
  for (const name of prefix.split('.')) found = (found as Members | undefined)?.[name];
  return found as Members | undefined;
}

/** `seenMs`: when the record was mapped. */
export function lastOf(document: Partial<EcsDocument>, prefix: string, seenMs: number | undefined): string {
  const event = (document.event ?? {}) as Members;
  const own = ownFields(document, prefix) ?? {};
  const last: Last = {};
  const [status, before, end] = [short(own.status), short(own.status_before), short(event.end)];
  if (status !== null) {
    last.s = status;
    if (seenMs !== undefined) last.o = seenMs;
  }
  if (before !== null) last.b = before;
  if (end !== null) last.e = end;
  if (typeof own.end_precision === 'number') last.p = own.end_precision;
  for (const { object, member, names } of GROUPS) {
    const given = document[object] as Members | undefined;
    if (given === undefined) continue;
    const values = names.map((name) => short(given[name]));
    if (values.some((value) => value !== null)) last[member] = values;
  }
  return JSON.stringify(last);
}

function short(value: unknown): string | null {
  return typeof value === 'string' && value.length <= LONGEST ? value : null;
}

export function readLast(text: string | undefined): Last | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Last);
}

/** The record was looked at once more, and is as it was. */
export function seenAgain(text: string | undefined, atMs: number): string | undefined {
  const last = readLast(text);
  return last?.o === undefined ? text : JSON.stringify({ ...last, o: Math.max(last.o, atMs) });
}

/** Tags a deletion whose host, user or rule are those of the document before it. */
const TAG = 'as_last_delivered';

/** Adds to the document of a deletion whom it concerns, as the last document of the record said it. */
export function completeDeletion(document: EcsDocument, last: Last): void {
  let isAnyAdded = false;
  for (const { object, member, names } of GROUPS) {
    const values = last[member];
    if (values === undefined) continue;
    const target = (document[object] ?? {}) as Members;
    for (const [at, name] of names.entries()) {
      const value = values[at] ?? null;
      if (value === null || target[name] !== undefined) continue;
      target[name] = value;
      document[object] = target;
      isAnyAdded = true;
      if (name === 'name' && object !== 'rule') relate(document, object === 'host' ? 'hosts' : 'user', value);
    }
  }
  if (isAnyAdded) addTag(document, TAG);
}

function relate(document: EcsDocument, kind: 'hosts' | 'user', name: string): void {
  const related = (document.related ?? {}) as Record<string, string[]>;
  related[kind] = [...new Set([...(related[kind] ?? []), name])].sort();
  document.related = related;
}

export function addTag(document: EcsDocument, tag: string): void {
  const tags = Array.isArray(document.tags) ? (document.tags as string[]) : [];
  document.tags = [...tags, tag];
}
