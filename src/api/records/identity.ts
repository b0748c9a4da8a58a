/**
 * Decides whether two records are the same: fingerprints, revisions and document ids.
 *
 * Hashes are taken over a text that is equal for records with the same content, so that neither the order nor the spelling
 * of members nor the form of an empty value counts as a change.
 */
import { hash } from 'node:crypto';
import type { Stream } from '../stream.ts';
import { foldedName } from './members.ts';
import { withoutSecrets } from './secrets.ts';
import { perShape } from './shapes.ts';

/** Members in the order in which they are hashed, without the ignored ones, each with the text before its value. */
type Kept = readonly { member: string; prefix: string }[];

/** Sorting is the expensive part: it is done once for each set of ignored members and shape of record. */
function ordering(make: (members: readonly string[], ignored: ReadonlySet<string>) => Kept) {
  const known = new WeakMap<ReadonlySet<string>, (value: object) => Kept>();
  return (value: object, ignored: ReadonlySet<string>): Kept => {
    let kept = known.get(ignored);
    if (kept === undefined) {
      kept = perShape((members) => make(members, ignored));
      known.set(ignored, kept);
    }
    return kept(value);
  };
}

const keptMembers = ordering((members, ignored) => {
  const sorted = members.filter((member) => !ignored.has(member)).sort();
  return sorted.map((member) => ({ member, prefix: `${member.length}:${member}` }));
});

/** In the order of their folded names. */
const foldedMembers = ordering((members, ignored) => {
  const folded = new Set([...ignored].map(foldedName));
  const named = members.map((member) => ({ member, name: foldedName(member) })).filter(({ name }) => !folded.has(name));
  named.sort((one, other) => compare(one.name, other.name) || compare(one.member, other.member));
  return named.map(({ member, name }) => ({ member, prefix: `${name.length}:${name}` }));
});

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Deeper values are not compared: no record may exhaust the stack, and documents are cut at a smaller depth (`secrets.ts`). */
const MAX_DEPTH = 400;

const PIECE = 16_384;

/** V8 keeps a concatenated text as a tree, many times its size, until a character of the text is read. */
function inOne(piece: string): string {
  piece.charCodeAt(0);
  return piece;
}

/** A text that is equal for equal values, whatever the order of members. Members named in `ignored` are left out at any depth. */
export function canonical(value: unknown, ignored: ReadonlySet<string>, depth = 0): string {
  if (typeof value === 'string') return `s${value.length}:${value}`;
  if (typeof value !== 'object' || value === null) return `${value};`;
  if (depth > MAX_DEPTH) return '…';
  let text = '';
  if (Array.isArray(value)) {
    let piece = '';
    for (const item of value) {
      piece += canonical(item, ignored, depth + 1);
      if (piece.length < PIECE) continue;
      text += inOne(piece);
      piece = '';
    }
    return `[${text}${piece}]`;
  }
  for (const { member, prefix } of keptMembers(value, ignored)) {
    const content = (value as Record<string, unknown>)[member];
    if (content === undefined) continue;
    text += prefix + canonical(content, ignored, depth + 1);
  }
  return `{${text}}`;
}

/**
 * A text that is equal for records with the same content: neither the order of members nor the spelling of their names
 * counts, and null, "", [], {}, an object of empty values and a missing member are all the same. Positions in lists count.
 */
function saying(value: unknown, ignored: ReadonlySet<string>): string {
  const said: Pieces = { pieces, count: 0, before: '' };
  say(said, value, ignored, 0);
  return joined(said);
}

/**
 * A text on its way, in pieces: they are joined once, since a text that grows by concatenation takes many times its size.
 * What stands behind `count` is left from earlier texts.
 */
interface Pieces {
  pieces: string[];
  count: number;
  /** What was joined already. */
  before: string;
}

/** One list serves all texts: it grows once. */
const pieces: string[] = [];
/** A longer list is joined at once. */
const MOST_PIECES = 8192;

function joined({ pieces, count, before }: Pieces): string {
  pieces.length = count;
  return before + pieces.join('');
}

/** How texts begin by their length: most are short. */
const STARTS = Array.from({ length: 256 }, (_, length) => `s${length}:`);

/** Adds what a value says; false where it says nothing, and nothing was added. */
function say(to: Pieces, value: unknown, ignored: ReadonlySet<string>, depth: number): boolean {
  if (typeof value === 'string') {
    if (value === '') return false;
    to.pieces[to.count++] = STARTS[value.length] ?? `s${value.length}:`;
    to.pieces[to.count++] = value;
    return true;
  }
  if (value === undefined || value === null) return false;
  if (typeof value !== 'object') to.pieces[to.count++] = `${value};`;
  else if (depth > MAX_DEPTH) to.pieces[to.count++] = '…';
  else return Array.isArray(value) ? sayItems(to, value, ignored, depth) : sayMembers(to, value, ignored, depth);
  return true;
}

function sayItems(to: Pieces, items: readonly unknown[], ignored: ReadonlySet<string>, depth: number): boolean {
  if (items.length === 0) return false;
  to.pieces[to.count++] = '[';
  for (const item of items) {
    if (!say(to, item, ignored, depth + 1)) to.pieces[to.count++] = ';';
    shorten(to);
  }
  to.pieces[to.count++] = ']';
  return true;
}

function sayMembers(to: Pieces, value: object, ignored: ReadonlySet<string>, depth: number): boolean {
  const begin = to.count;
  to.pieces[to.count++] = '{';
  let isAnySaid = false;
  for (const { member, prefix } of foldedMembers(value, ignored)) {
    to.pieces[to.count++] = prefix;
    if (say(to, (value as Record<string, unknown>)[member], ignored, depth + 1)) {
      isAnySaid = true;
      shorten(to);
    } else to.count--;
  }
  if (isAnySaid) to.pieces[to.count++] = '}';
  else to.count = begin;
  return isAnySaid;
}

/** To be called where something was said: nothing of that is ever taken back. */
function shorten(to: Pieces): void {
  if (to.count < MOST_PIECES) return;
  to.before = joined(to);
  to.count = 0;
}

/** 108 bits are plenty: a hash is only ever compared with others of the same key. */
const REVISION_LENGTH = 18;
/** Hashes of versions before 0.2, which told spellings and kinds of empty values apart; rows of the state keep them until they change. */
const EARLIER_LENGTH = 16;

/** Hash of a record's content without ignored members: the fingerprint of a list record, the revision of a shipped record. */
export function revisionOf(record: unknown, ignored: ReadonlySet<string>): string {
  return hash('sha256', saying(record, ignored), 'base64url').slice(0, REVISION_LENGTH);
}

/** Hash of the exact spelling of a record: used in keys, and as the revision in earlier versions. */
export function exactHashOf(record: unknown, ignored: ReadonlySet<string> = NOTHING): string {
  return hash('sha256', canonical(record, ignored), 'base64url').slice(0, EARLIER_LENGTH);
}

/**
 * Whether a stored hash belongs to this record, by the rule that the stored hash was made with. `earlier` computes the hash
 * of the earlier rule, and is only called for a stored hash of that rule.
 */
export function isSameHash(remembered: string | null | undefined, hash: string | null, earlier: () => string): boolean {
  if (remembered === hash) return hash !== null;
  return remembered?.length === EARLIER_LENGTH && remembered === earlier();
}

/** Marks a revision that was shipped from the list record because the detail could not be fetched. */
export function withoutDetail(revision: string): string {
  return hash('sha256', `${revision} without detail`, 'base64url').slice(0, revision.length);
}

/** The revision of a deleted record. */
export const DELETED = 'deleted';

const DOCUMENT_ID_LENGTH = 27;

/** 162 bits over stream, key, ordinal and revision: a return to an earlier state is a new document, a repeated delivery is not. */
export function documentId(stream: string, key: string, ordinal: number, revision: string): string {
  return hash('sha256', `${stream}\n${key}\n${ordinal}\n${revision}`, 'base64url').slice(0, DOCUMENT_ID_LENGTH);
}

/** Whether the id follows from what the document says of itself: another one may have been written by anybody. */
export function isOwnId(
  stream: string,
  { id, key, ordinal, revision }: { id: string; key: string; ordinal: number; revision: string },
): boolean {
  return Number.isSafeInteger(ordinal) && id === documentId(stream, key, ordinal, revision);
}

/**
 * The key of a record; never throws. A record without a key, or whose key is a secret, gets a made-up one, so that the
 * record can be shipped as not understood. Lone surrogates are written out, since the state cannot store them, and long
 * keys are cut.
 */
export function keyOf(stream: Pick<Stream, 'key'>, record: unknown): string {
  try {
    const key = stream.key(record);
    if (typeof key === 'string' && PLAIN.test(key)) return key;
    return withoutSecrets(key, NO_MEMBERS) === key ? storable(key) : `${UNKEYED}${exactHashOf(key)}`;
  } catch {
    return `${UNKEYED}${exactHashOf(record)}`;
  }
}

/** Nearly all keys: too plain to be a secret, or to need another spelling. */
const PLAIN = /^(?!eyJ)[\w-]{1,200}$/;
const NO_MEMBERS: readonly string[] = [];
const LONGEST_KEY = 8192;

function storable(key: string): string {
  const whole = key.isWellFormed() ? key : key.replace(/[\ud800-\udfff]/gu, spelled);
  if (whole.length <= LONGEST_KEY) return whole;
  return `${whole.slice(0, 256).toWellFormed()}…${hash('sha256', whole, 'base64url')}`;
}

/** With the flag `u`, the pattern only matches lone surrogates. */
function spelled(half: string): string {
  return `\\u${half.charCodeAt(0).toString(16)}`;
}

/** The key, made from its content, of a record whose own key is that of another record. */
export function keyOfTwin(key: string, fingerprint: string): string {
  return `${UNKEYED}${hash('sha256', `${key}\n${fingerprint}`, 'base64url').slice(0, DOCUMENT_ID_LENGTH)}`;
}

const UNKEYED = 'unkeyed-';

/** Whether the vendor knows the key: without one, the vendor has no detail of the record. */
export function hasKey(key: string): boolean {
  return !key.startsWith(UNKEYED);
}

/**
 * A short stand-in, without line feeds, for a part of a record, to tell later whether that part changed: as in a revision,
 * neither spellings nor forms of an empty value count.
 */
export function digestOf(part: unknown, ignored: ReadonlySet<string> = NOTHING): string {
  return shortened(typeof part === 'string' ? part : saying(part, ignored));
}

/** The digest by exact spelling, as versions before 0.2 made it. */
export function exactDigestOf(part: unknown): string {
  if (part === undefined || part === null || part === '') return '';
  if (typeof part === 'object' && Object.keys(part).length === 0) return ''; // an empty list is as good as none
  return shortened(typeof part === 'string' ? part : canonical(part, NOTHING));
}

function shortened(text: string): string {
  return text.length <= 24 && !text.includes('\n') && text.isWellFormed()
    ? text
    : hash('sha256', text, 'base64url').slice(0, 8);
}

/** Whether a stored digest belongs to this part, by either rule. */
export function isDigestOf(remembered: string | undefined, part: unknown, ignored: ReadonlySet<string>): boolean {
  return remembered === digestOf(part, ignored) || remembered === exactDigestOf(part);
}

const NOTHING: ReadonlySet<string> = new Set();
