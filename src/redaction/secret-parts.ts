/**
 * Finds secrets and parts of secrets in texts: a token may be cut anywhere when it is repeated, so any part that is long
 * enough is as secret as the whole. Takes linear time, whatever the text.
 *
 * The hashes of every eight characters in a row of each secret are remembered. They are only looked up where a cheaper test
 * of four characters, made at each ninth position of a text, succeeds: every part of twelve characters passes it somewhere,
 * and few other texts do.
 */

/** Shorter parts cannot be told from ordinary text. */
export const SHORTEST_PART = 12;
const GRAM = 8;
const HALF = GRAM / 2;
const STEP = SHORTEST_PART - HALF + 1;
/** The fewest different characters in eight: `aaaaaaaa` or `--------` may stand in any text. */
const LEAST_DIFFERENT = 4;
/** The length of a bit set of 2^18 bits. */
const WORDS = 2 ** 13;

/** The position of a part in bytes. */
type SecretPart = readonly [from: number, to: number];

export interface SecretParts {
  /** Adds one form of a secret. */
  add(form: string): void;
  /** The first part at or behind the position `from`. */
  next(bytes: DataView, from: number): SecretPart | undefined;
  /** Forgets the secrets that were added before the last turn. */
  turn(): void;
}

interface Generation {
  grams: Set<number>;
  /** Bit sets of the hashes of `grams` and of their halves: a lookup in `grams` itself costs too much for every position. */
  gramBits: Uint32Array;
  halfBits: Uint32Array;
}

export function secretParts(): SecretParts {
  let young = generation();
  let old = generation();
  const has = (view: DataView, at: number): boolean => {
    const hash = hashAt(view, at);
    return (
      (mayHave(young.gramBits, hash) && young.grams.has(hash)) || (mayHave(old.gramBits, hash) && old.grams.has(hash))
    );
  };
  /** The part around a position, if it is long enough. */
  const around = (view: DataView, place: number, begin: number): SecretPart | undefined => {
    const last = view.byteLength - GRAM;
    let from = Math.max(begin, place - HALF);
    while (from <= place && from <= last && !has(view, from)) from++;
    if (from > place || from > last) return undefined;
    let to = from;
    while (from > begin && has(view, from - 1)) from--;
    while (to < last && has(view, to + 1)) to++;
    return to + GRAM - from < SHORTEST_PART ? undefined : [from, to + GRAM];
  };
  return {
    add(form) {
      for (const bytes of spelled(form)) {
        const view = viewOf(bytes);
        for (let at = 0; at + GRAM <= bytes.length; at++) {
          if (!isVaried(bytes, at)) continue;
          const hash = hashAt(view, at);
          young.grams.add(hash);
          mark(young.gramBits, hash);
          for (let half = at; half <= at + HALF; half++) mark(young.halfBits, halfHashAt(view, half));
        }
      }
    },
    next(view, begin) {
      const { halfBits } = young;
      for (
        let place = nextHalf(view, begin, halfBits, old.halfBits);
        place >= 0;
        place = nextHalf(view, place + STEP, halfBits, old.halfBits)
      ) {
        const part = around(view, place, begin);
        if (part !== undefined) return part;
      }
      return undefined;
    },
    turn() {
      [young, old] = [generation(), young];
    },
  };
}

function generation(): Generation {
  return { grams: new Set(), gramBits: new Uint32Array(WORDS), halfBits: new Uint32Array(WORDS) };
}

/** The position of four characters that may belong to a secret; -1 if there are none. Runs over every byte of every reply. */
function nextHalf(view: DataView, begin: number, bits: Uint32Array, oldBits: Uint32Array): number {
  const last = view.byteLength - HALF;
  for (let at = begin; at <= last; at += STEP) {
    const hash = halfHashAt(view, at);
    const word = (bits[hash >>> 19] as number) | (oldBits[hash >>> 19] as number);
    if ((word & (1 << (hash >>> 14))) !== 0) return at;
  }
  return -1;
}

function mark(bits: Uint32Array, hash: number): void {
  bits[hash >>> 19] = (bits[hash >>> 19] as number) | (1 << (hash >>> 14));
}

function mayHave(bits: Uint32Array, hash: number): boolean {
  return ((bits[hash >>> 19] as number) & (1 << (hash >>> 14))) !== 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether the bytes hold a part of a secret. */
export function holdsPart(bytes: Uint8Array, parts: SecretParts): boolean {
  return parts.next(viewOf(bytes), 0) !== undefined;
}

/** The bytes of a secret as texts are searched (the lower byte of each character) and as replies are (UTF-8). */
function spelled(form: string): Buffer[] {
  const units = Buffer.from(form, 'latin1');
  const bytes = Buffer.from(form);
  return units.equals(bytes) ? [bytes] : [units, bytes];
}

/** The hash of eight bytes in any casing. */
function hashAt(view: DataView, at: number): number {
  const first = view.getInt32(at, true) | 0x20202020;
  const second = view.getInt32(at + HALF, true) | 0x20202020;
  return Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b);
}

function halfHashAt(view: DataView, at: number): number {
  return Math.imul(view.getInt32(at, true) | 0x20202020, 0x9e3779b1);
}

function isVaried(bytes: Uint8Array, at: number): boolean {
  let seen = 0;
  let different = 0;
  for (let index = at; index < at + GRAM; index++) {
    const bit = 1 << ((bytes[index] as number) & 31); // in any casing
    if ((seen & bit) === 0) different++;
    seen |= bit;
  }
  return different >= LEAST_DIFFERENT;
}

/** The text with each part replaced by `instead`. */
export function withoutParts(text: string, all: readonly SecretParts[], instead: string): string {
  if (text.length < SHORTEST_PART) return text;
  const view = viewOf(Buffer.from(text, 'latin1'));
  const found: SecretPart[] = [];
  for (const parts of all)
    for (let part = parts.next(view, 0); part !== undefined; part = parts.next(view, part[1])) found.push(part);
  let clean = '';
  let end = 0;
  for (const [from, to] of found.sort(([one], [other]) => one - other)) {
    if (from > end || clean === '') clean += `${text.slice(end, from)}${instead}`;
    end = Math.max(end, to);
  }
  return clean + text.slice(end);
}
