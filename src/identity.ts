/**
 * What makes two records the same: fingerprints, revisions and document ids.
 *
 * Hashes are taken over a canonical text, so that the order of members in a vendor's reply never reads as a change.
 */
import { hash } from 'node:crypto';
import type { Stream } from './types.ts';

interface Shape {
  members: readonly string[];
  /** In order, without the volatile ones, each with what stands before its value. */
  kept: readonly { member: string; prefix: string }[];
}

/**
 * Shapes that were met, per set of volatile members and by their number of members: sorting is the expensive part, and
 * records of one resource share few shapes.
 */
const shapes = new WeakMap<ReadonlySet<string>, Map<number, Shape[]>>();
const MAX_SHAPES_PER_SIZE = 30;

function keptMembers(value: object, volatile: ReadonlySet<string>): Shape['kept'] {
  const members = Object.keys(value);
  const bySize = shapes.get(volatile) ?? new Map<number, Shape[]>();
  if (bySize.size === 0) shapes.set(volatile, bySize);
  const candidates = bySize.get(members.length) ?? [];
  for (const shape of candidates) if (sameMembers(shape.members, members)) return shape.kept;
  const sorted = members.filter((member) => !volatile.has(member)).sort();
  const shape = { members, kept: sorted.map((member) => ({ member, prefix: `${member.length}:${member}` })) };
  if (candidates.length < MAX_SHAPES_PER_SIZE) bySize.set(members.length, [...candidates, shape]);
  return shape.kept;
}

function sameMembers(one: readonly string[], other: readonly string[]): boolean {
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** What lies deeper is not told apart: no record may exhaust the stack, and what is shipped ends sooner (`secrets.ts`). */
const MAX_DEPTH = 400;

/** A text that is equal for equal values, whatever the order of members. Members named in `volatile` are left out at any depth. */
export function canonical(value: unknown, volatile: ReadonlySet<string>, depth = 0): string {
  if (typeof value === 'string') return `s${value.length}:${value}`;
  if (typeof value !== 'object' || value === null) return `${value};`;
  if (depth > MAX_DEPTH) return '…';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += canonical(item, volatile, depth + 1);
    return `[${text}]`;
  }
  for (const { member, prefix } of keptMembers(value, volatile)) {
    const content = (value as Record<string, unknown>)[member];
    if (content === undefined) continue;
    text += prefix + canonical(content, volatile, depth + 1);
  }
  return `{${text}}`;
}

/** 96 bits are plenty: a hash is only ever compared with others of the same key. */
const REVISION_LENGTH = 16;

/** Hash of a record without volatile members: the fingerprint of a list record, the revision of a shipped one. */
export function revisionOf(record: unknown, volatile: ReadonlySet<string>): string {
  return hash('sha256', canonical(record, volatile), 'base64url').slice(0, REVISION_LENGTH);
}

/** The mark that a revision was shipped from the list record because its detail could not be had. */
export function withoutDetail(revision: string): string {
  return hash('sha256', `${revision} without detail`, 'base64url').slice(0, REVISION_LENGTH);
}

/** The revision of a record that is gone. */
export const DELETED = 'deleted';

const DOCUMENT_ID_LENGTH = 27;

/** 162 bits over stream, key, ordinal and revision: a return to an earlier state is a new document, a repeated delivery is not. */
export function documentId(stream: string, key: string, ordinal: number, revision: string): string {
  return hash('sha256', `${stream}\n${key}\n${ordinal}\n${revision}`, 'base64url').slice(0, DOCUMENT_ID_LENGTH);
}

/**
 * A record's key, never throws; one that has none still gets a name, so that it can be shipped as what it is: not
 * understood. Halves of surrogate pairs are spelled out, since the state could not give them back, and a key of any length
 * ends.
 */
export function keyOf(stream: Pick<Stream, 'key'>, record: unknown): string {
  try {
    return storable(stream.key(record));
  } catch {
    return `${UNKEYED}${revisionOf(record, NOTHING)}`;
  }
}

const LONGEST_KEY = 8192;

function storable(key: string): string {
  const whole = key.isWellFormed() ? key : key.replace(/[\ud800-\udfff]/gu, spelled);
  if (whole.length <= LONGEST_KEY) return whole;
  return `${whole.slice(0, 256).toWellFormed()}…${hash('sha256', whole, 'base64url')}`;
}

/** With the flag `u`, a surrogate is only met alone. */
function spelled(half: string): string {
  return `\\u${half.charCodeAt(0).toString(16)}`;
}

const UNKEYED = 'unkeyed-';

/** Whether the vendor knows the key too: there is no detail to ask for without one. */
export function hasKey(key: string): boolean {
  return !key.startsWith(UNKEYED);
}

/** A short stand-in for a part of a record, without line feeds, to tell later whether this part changed. */
export function digestOf(part: unknown): string {
  if (part === undefined || part === null || part === '') return '';
  if (typeof part === 'object' && Object.keys(part).length === 0) return ''; // an empty list says as little as none
  const text = typeof part === 'string' ? part : canonical(part, NOTHING);
  return text.length <= 24 && !text.includes('\n') ? text : hash('sha256', text, 'base64url').slice(0, 8);
}

const NOTHING: ReadonlySet<string> = new Set();
