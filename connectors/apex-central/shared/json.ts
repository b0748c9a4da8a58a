/** Reads the vendor's JSON: JSON inside texts, and members in any spelling. */
import { foldedName, parseExact, saysNothing, withoutSecrets } from '../../../src/index.ts';

/**
 * The JSON in a text, also if that is JSON in a text again; undefined if it is no JSON. Other values are returned unchanged.
 * Line ends within values, where JSON allows none, are read as blanks, since the vendor wraps long lines.
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
      // no JSON
    }
  }
  return undefined;
}

const LINE_ENDS = /[\r\n\t]+/g;

/** A member by its name in any spelling; the first of several names that is present and not null. */
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

/** A list unchanged, a single item as a list of one, an empty value as an empty list. Undefined for a text that is no JSON. */
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
 * The members of an object that `member` does not find by these names, among them the second of two spellings, without
 * empty ones. Undefined if there are none.
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

/** JSON text that is equal for equal content: members sorted, without empty ones. */
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

/** JSON text of a part of a reply, cut at the depth at which documents are cut. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return JSON.stringify(withoutSecrets(value, []));
  }
}
