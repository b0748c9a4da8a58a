/**
 * Removes secrets from a vendor's record before the record is used: the document, `event.original`, rejections, samples
 * and fixtures are all made from the cleaned record.
 *
 * Every list record is cleaned, so the common case (nothing to remove) allocates nothing: the record itself is returned,
 * and the expensive patterns are only applied to a string when a cheap test says that it may hold a secret. A value that
 * cannot be told from a secret is removed: a lost argument is a nuisance, a leaked password is worse.
 */
import { keepOrder, parseExact } from './json.ts';
import { foldedName } from './members.ts';
import { REMOVED, withoutCredentials } from './secret-patterns.ts';

export { REMOVED } from './secret-patterns.ts';

/** No real record is nested deeper; deeper values are removed, so that no record can exhaust the stack. */
const MAX_DEPTH = 200;
/** Spellings of member names that are remembered; a record with endless different names must not fill the memory. */
const MAX_SPELLINGS = 5000;

/** Members that hold secrets at every vendor. A stream adds its own. */
export const ALWAYS_SECRET: readonly string[] = ['password', 'download_url'];

interface Names {
  folded: ReadonlySet<string>;
  /** Spellings that were seen, each with whether it is one of the listed names. */
  spellings: Map<string, boolean>;
  /** Texts that hold no secret, though they have characters of the patterns. */
  clean: Set<string>;
}

const known = new WeakMap<readonly string[], Names>();

const PLAIN_NAME = /^[\w-]*$/;

/** A name without case and without any characters around or between its letters and digits. */
export function secretName(name: string): string {
  if (PLAIN_NAME.test(name)) return foldedName(name);
  return name
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}]+/gu, '')
    .toLowerCase();
}

function namesOf(secretMembers: readonly string[]): Names {
  let names = known.get(secretMembers);
  if (names === undefined) {
    const folded = new Set([...ALWAYS_SECRET, ...secretMembers].map(secretName));
    names = { folded, spellings: new Map(), clean: new Set() };
    known.set(secretMembers, names);
  }
  return names;
}

function isSecretMember(names: Names, member: string): boolean {
  let secret = names.spellings.get(member);
  if (secret === undefined) {
    secret = names.folded.has(secretName(member));
    if (names.spellings.size < MAX_SPELLINGS) names.spellings.set(member, secret);
  }
  return secret;
}

/**
 * The record without the listed members and those of `ALWAYS_SECRET` (any spelling counts, at any depth) and
 * without credentials in its texts. The record itself is never changed; it is returned as it is when there was nothing
 * to remove.
 */
export function withoutSecrets<T>(record: T, secretMembers: readonly string[]): T {
  return cleaned(record, namesOf(secretMembers), 0) as T;
}

function cleaned(value: unknown, names: Names, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value, names);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return REMOVED;
  return Array.isArray(value) ? cleanArray(value, names, depth) : cleanObject(value, names, depth);
}

function cleanObject(value: object, names: Names, depth: number): object {
  const record = value as Record<string, unknown>;
  for (const member in record) {
    const content = record[member];
    if (isSecretMember(names, member)) return rest(record, member, REMOVED, names, depth);
    // Most members are short texts, numbers or empty: they need no check.
    if (typeof content === 'string' ? content.length < 6 : typeof content !== 'object' || content === null) continue;
    const clean = cleaned(content, names, depth + 1);
    if (clean !== content) return rest(record, member, clean, names, depth);
  }
  return value;
}

/** A copy of a record whose members before `dirty` need no change, and whose `dirty` member is `clean`. */
function rest(record: Record<string, unknown>, dirty: string, clean: unknown, names: Names, depth: number): object {
  const kept: [string, unknown][] = [];
  let found = false;
  for (const member of Object.keys(record)) {
    if (found) {
      if (!isSecretMember(names, member)) kept.push([member, cleaned(record[member], names, depth + 1)]);
    } else if (member !== dirty) kept.push([member, record[member]]);
    else {
      found = true;
      if (!isSecretMember(names, member)) kept.push([member, clean]);
    }
  }
  return keepOrder(record, Object.fromEntries(kept));
}

/** Arguments may come as a list, with a switch in one element and its secret in the next. */
function cleanArray(value: unknown[], names: Names, depth: number): unknown[] {
  let result = value;
  for (let index = 0; index < value.length; index++) {
    const item = value[index];
    const afterSwitch = index > 0 && typeof item === 'string' && isLoneSwitch(value[index - 1]);
    const clean = afterSwitch ? REMOVED : cleaned(item, names, depth + 1);
    if (clean === item) continue;
    if (result === value) result = value.slice();
    result[index] = clean;
  }
  return result;
}

const LONE_SWITCH =
  /^(?:--?|\/)(?:p|pw|pass|passwd|password|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|rp)$/i;

function isLoneSwitch(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 24) return false;
  const first = value.charCodeAt(0);
  return (first === 45 || first === 47) && LONE_SWITCH.test(value);
}

/**
 * No pattern below can match without one of these characters, and most values have none of them: a blank, a quote, `=`
 * (not the padding of base64), `@`, or a colon that is not part of a time or of a drive's letter.
 */
function mayHold(text: string): boolean {
  const { length } = text;
  if (length < 6) return false;
  const first = text.charCodeAt(0);
  if (first === 101 && text.startsWith('eyJ')) return true;
  const isTime = first >= 48 && first <= 57;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 64) continue;
    if (code === 32 || code === 34 || code === 64 || (code < 32 && code > 8)) return true;
    if (code === 61 && index < length - 2) return true;
    if (code === 58 && index > 3 && !isTime) return true;
  }
  return false;
}

/** Descriptions and names recur in record after record: texts without a secret are remembered and not searched again. */
const MAX_CLEAN_TEXTS = 5000;
const MAX_REMEMBERED_LENGTH = 200;

function cleanText(text: string, names: Names): string {
  if (!mayHold(text) || names.clean.has(text)) return text;
  const result = cleanedOrRemoved(text, names);
  if (result === text && text.length <= MAX_REMEMBERED_LENGTH && names.clean.size < MAX_CLEAN_TEXTS)
    names.clean.add(text);
  return result;
}

/** A text on which the patterns fail is removed as a whole: it might hold a secret. */
function cleanedOrRemoved(text: string, names: Names): string {
  try {
    return cleanedText(text, names);
  } catch {
    return REMOVED;
  }
}

function cleanedText(text: string, names: Names): string {
  const inner = embeddedJson(text, names);
  if (inner !== undefined) return inner;
  const readable = readableOf(text);
  const clean = withoutCredentials(readable);
  return clean === readable ? text : clean;
}

/** Letters that JSON writes as escapes are letters: a text may hold JSON, or a piece of it. */
function readableOf(text: string): string {
  if (!text.includes('\\u00')) return text;
  return text.replace(/\\u00([2-7][\da-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** A text that holds JSON, perhaps with JSON in its strings, without its secret members. */
function embeddedJson(text: string, names: Names): string | undefined {
  const first = text.trimStart().charCodeAt(0);
  if ((first !== 123 && first !== 91 && first !== 34) || !mayName(text, names)) return undefined;
  try {
    const value = parseExact(text);
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return undefined;
    const clean = cleaned(value, names, 1);
    return clean === value ? text : JSON.stringify(clean);
  } catch {
    return undefined;
  }
}

/** Whether the text may hold a secret member: a text that is not plain ASCII, or has escapes, has to be parsed. */
function mayName(text: string, { folded }: Names): boolean {
  if (text.includes('\\u') || NOT_ASCII.test(text)) return true;
  const letters = text.replace(/[^A-Za-z\d]+/g, '').toLowerCase();
  for (const name of folded) if (letters.includes(name)) return true;
  return false;
}

const NOT_ASCII = /[^\p{ASCII}]/u;
