/**
 * Replaces what names somebody or something of a customer: the same by the same, everywhere, so that what belongs together
 * still does; and by something of the same form, so that it is read as before. The key is made for one recording and kept
 * nowhere, so that nobody finds the way back.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { REMOVED, withoutSecrets } from '../../api/records/secrets.ts';
import { DATA_KEYED, folded, isTime, isVendorsWord, PUBLIC_PARTS } from './words.ts';

export interface Disguise {
  /** A value that stands under this member. */
  json(value: unknown, member?: string): unknown;
  text(value: string, member?: string): string;
  /** Values that were kept, by member. */
  kept: ReadonlyMap<string, ReadonlySet<string>>;
}

const UUID = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi;
const MAC = /\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b/gi;
const SID = /\bS-1-\d{1,10}(?:-\d{1,10}){1,14}\b/g;
const IPV4 = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;
const IPV6 = /(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi;
const TECHNIQUE = /^TA?\d{4}$/;
const PART = /[\p{L}\p{N}\p{M}]+/gu;
const HEX = /^(?=[a-f]*\d)[0-9a-f]{8,}$/i;
/** What was replaced as a whole is put aside under one character, and not looked at again. */
const ASIDE = /\ue000(\d+)\ue001/g;

/** Nothing that looks like a word can be made of them, least of all one that a secret follows. */
const LETTERS = 'bcdfghjlmnqrtvwxz';
const NOT_ASCII = [...'àáâãäåæçèéêëìíîï'];
/** Numbers up to this are counts, ports, codes; a larger one under the name of an id names something. */
const SMALL = 100_000;

interface DisguiseTools {
  /** Takes known secrets out of a text: what has any is not kept as it is. */
  scrub: (text: string) => string;
  /** Members that hold secrets, beside those that always do. */
  secrets: readonly string[];
  key?: Buffer;
}

export function createDisguise({ scrub, secrets, key = randomBytes(32) }: DisguiseTools): Disguise {
  const isSecret = secretMembers(secrets);
  const kept = new Map<string, Set<string>>();
  const keep = (member: string, value: string): string => {
    const values = kept.get(member) ?? new Set();
    kept.set(member, values.add(value));
    return value;
  };

  /** Bytes without an end that depend on the text alone. */
  function* bytesOf(text: string): Generator<number, never> {
    for (let block = 0; ; block++) yield* createHmac('sha256', key).update(`${block}:${text}`).digest();
  }
  const hex = (text: string): string => {
    const bytes = bytesOf(text.replaceAll(/[-:]/g, '').toLowerCase());
    return text.replaceAll(/[0-9a-f]/gi, (one) => {
      const { value } = bytes.next();
      if (/\d/.test(one)) return String(value % 10);
      const letter = String.fromCharCode(97 + (value % 6));
      return one === one.toUpperCase() ? letter.toUpperCase() : letter;
    });
  };
  const digits = (text: string): string => {
    const bytes = bytesOf(text);
    return [...text].map((_, at) => String((bytes.next().value % (at === 0 ? 9 : 10)) + (at === 0 ? 1 : 0))).join('');
  };
  const part = (text: string): string => {
    if (/^[A-Za-z]$/.test(text) || /^\d{1,4}$/.test(text) || TECHNIQUE.test(text)) return text;
    if (PUBLIC_PARTS.has(text.toLowerCase())) return text;
    if (/^\d+$/.test(text)) return digits(text);
    if (HEX.test(text)) return hex(text);
    const bytes = bytesOf(text.toLowerCase());
    return [...text].map((one) => character(one, bytes.next().value)).join('');
  };
  const ipv4 = (text: string): string => {
    if (!isIPv4(text) || /^(?:127|0|255)\./.test(text)) return text;
    const bytes = bytesOf(text);
    return `10.${[0, 0, 0].map(() => 1 + (bytes.next().value % 254)).join('.')}`;
  };
  const ipv6 = (text: string): string => {
    if (!isIPv6(text) || text === '::1' || text === '::') return text;
    const bytes = bytesOf(text.toLowerCase());
    const group = () => ((bytes.next().value << 8) | bytes.next().value | 0x1000).toString(16);
    return ['fd00', ...Array.from({ length: 7 }, group)].join(':');
  };

  const text = (value: string, member = ''): string => {
    if (value.trim() === '' || isTime(value)) return value;
    if (isVendorsWord(member, value) && scrub(value) === value) return keep(member, value);
    const embedded = /^\s*[[{]/.test(value) ? parsed(value) : undefined;
    if (embedded !== undefined) return JSON.stringify(json(embedded, member));
    return replaced(withoutSecrets(value, secrets));
  };
  const replaced = (value: string): string => {
    const aside: string[] = [];
    const put = (by: (text: string) => string) => (found: string) => `\ue000${aside.push(by(found)) - 1}\ue001`;
    const rest = value
      .replaceAll(/[\ue000\ue001]/g, '')
      .replaceAll(
        REMOVED,
        put((mark) => mark),
      )
      .replaceAll(UUID, put(hex))
      .replaceAll(MAC, put(hex))
      .replaceAll(
        SID,
        put((sid) => sid.replaceAll(/\d{5,}/g, digits)),
      )
      .replaceAll(IPV4, put(ipv4))
      .replaceAll(IPV6, put(ipv6));
    const pieces = rest.split(ASIDE);
    return pieces.map((piece, at) => (at % 2 === 1 ? aside[Number(piece)] : piece.replaceAll(PART, part))).join('');
  };
  const json = (value: unknown, member = ''): unknown => {
    if (typeof value === 'string') return text(value, member);
    if (typeof value === 'number') return isId(member, value) ? Number(digits(String(value))) : value;
    if (Array.isArray(value)) return withoutSwitches(value, secrets).map((one) => json(one, member));
    if (value === null || typeof value !== 'object') return value;
    const isData = DATA_KEYED.has(folded(member));
    const told = Object.entries(value).filter(([name]) => !isSecret(name));
    const entries = told.map(([name, one]) => {
      const named = isData || !isName(name) ? text(name) : name;
      return [named, json(one, name)] as const;
    });
    return Object.fromEntries(entries);
  };
  return { json, text, kept };
}

/** Whether a member is one that is left out, as `withoutSecrets` sees it. */
function secretMembers(secrets: readonly string[]): (member: string) => boolean {
  const known = new Map<string, boolean>();
  return (member) => {
    const before = known.get(member);
    if (before !== undefined) return before;
    const isSecret = !Object.hasOwn(withoutSecrets({ [member]: 0 }, secrets), member);
    known.set(member, isSecret);
    return isSecret;
  };
}

/** Arguments may come as a list, with a switch in one element and its secret in the next. */
function withoutSwitches(list: readonly unknown[], secrets: readonly string[]): readonly unknown[] {
  return list.every((one) => typeof one === 'string') ? withoutSecrets(list, secrets) : list;
}

/** Whether a member has a name, and not a datum in its place: the vendors' have three digits at most (`Sha256Hash`). */
function isName(member: string): boolean {
  return (
    /^[A-Za-z_@$][A-Za-z0-9_ @$.-]{0,60}$/.test(member) &&
    (member.match(/\d/g) ?? []).length <= 3 &&
    member.indexOf('@') <= 0
  );
}

function isId(member: string, value: number): boolean {
  return Number.isSafeInteger(value) && value >= SMALL && /(?<!process|p|parent)id$/i.test(member);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A letter for a letter, a digit for a digit. */
function character(one: string, byte: number): string {
  const letter = LETTERS[byte % LETTERS.length] as string;
  if (/[a-z]/.test(one)) return letter;
  if (/[A-Z]/.test(one)) return letter.toUpperCase();
  if (/\d/.test(one)) return String(byte % 10);
  return NOT_ASCII[byte % NOT_ASCII.length] as string;
}
