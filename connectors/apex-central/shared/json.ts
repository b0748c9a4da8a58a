/** The vendor's JSON: JSON inside texts, and members however they are spelled. */
import { foldedName, parseExact, saysNothing, withoutSecrets } from '../../../src/index.ts';

/**
 * What a text holds as JSON, also where that is once more a text; undefined where it is none. Other values are returned
 * as they are. Line ends within values, where JSON allows none, count as the blanks that the vendor's own wraps become.
 */
export function embedded(value: unknown): unknown {
  let content = value;
  for (let depth = 0; depth < 2 && typeof content === 'string'; depth++) content = parsed(content);
  return content;
}

function parsed(text: string): unknown {
  for (const attempt of [text, text.replace(LINE_ENDS, ' ')]) {
    try {
      return parseExact(attempt);
    } catch {
      // not so
    }
  }
  return undefined;
}

const LINE_ENDS = /[\r\n\t]+/g;

/** A member by its name, however it is spelled; the first of several names that is there and not null. */
export function member(record: unknown, ...names: string[]): unknown {
  if (typeof record !== 'object' || record === null) return undefined;
  for (const name of names) {
    const exact = (record as Readonly<Record<string, unknown>>)[name];
    if (exact !== null && exact !== undefined) return exact;
    const folded = foldedName(name);
    for (const [own, value] of Object.entries(record)) {
      if (foldedName(own) === folded && value !== null && value !== undefined) return value;
    }
  }
  return undefined;
}

/** A text or number as text, without padding; undefined when empty or of another type. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  return text === '' ? undefined : text;
}

/** A whole number, also written as text. */
export function wholeOf(value: unknown): number | undefined {
  const text = textOf(value);
  if (text === undefined || !/^-?\d+$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** A list as it is; one item without brackets as a list of one; nothing as an empty list. Undefined for a text that is no JSON. */
export function listOf(value: unknown): unknown[] | undefined {
  if (value === undefined || value === null || value === '') return [];
  const content = embedded(value);
  if (content === undefined) return undefined;
  return Array.isArray(content) ? content : [content];
}

/** A flag in any of its forms. */
export function isTrue(value: unknown): boolean {
  return value === true || wholeOf(value) === 1 || textOf(value)?.toLowerCase() === 'true';
}

/**
 * What an object says beside the members that `member` finds by these names: the second of two spellings is kept, and what
 * says nothing is not. Undefined where there is nothing.
 */
export function others(from: unknown, names: readonly string[]): Record<string, unknown> | undefined {
  if (typeof from !== 'object' || from === null || Array.isArray(from)) return undefined;
  const taken = new Map(names.map((name) => [foldedName(name), name]));
  const rest = Object.entries(from).filter(([own, value]) => {
    const name = taken.get(foldedName(own));
    return !saysNothing(value) && (name === undefined || value !== member(from, name));
  });
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

/** JSON text that is the same for the same content: members in order, without those that say nothing. */
export function steadyJsonOf(value: unknown): string {
  return jsonOf(steady(value, 0));
}

/** Far deeper than any reply. */
const MAX_DEPTH = 100;

function steady(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => steady(item, depth + 1));
  const members = Object.entries(value).map(([name, content]) => [name, steady(content, depth + 1)] as const);
  const said = members.filter(([, content]) => !saysNothing(content));
  said.sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(said);
}

/** JSON text of a part of a reply. One that is nested too deep for that ends where what is shipped does. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return JSON.stringify(withoutSecrets(value, []));
  }
}
