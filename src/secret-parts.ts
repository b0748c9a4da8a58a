/**
 * Finds secrets in texts, and parts of them: whoever repeats a token may cut it anywhere, so any part that is long enough
 * is as secret as the whole. In linear time, whatever the text.
 *
 * Of each secret every eight characters in a row are remembered, by their hash. A part of twelve has one that begins at a
 * multiple of five, so that a fifth of a text has to be looked at.
 */

/** Shorter parts are not told from ordinary text. */
export const SHORTEST_PART = 12;
const GRAM = 8;
const STEP = SHORTEST_PART - GRAM + 1;
/** `aaaaaaaa` or `--------` may stand anywhere. */
const LEAST_DIFFERENT = 4;

/** From where to where, in bytes. */
export type Part = readonly [from: number, to: number];

export interface SecretParts {
  /** One form of a secret. */
  add(form: string): void;
  /** The first from there on. */
  next(bytes: DataView, from: number): Part | undefined;
  /** What was added before the last turn is forgotten. */
  turn(): void;
}

/** 2^18 bits tell for nearly everything that it is none: the sets are not asked. */
const WORDS = 2 ** 13;

export function secretParts(): SecretParts {
  let young = new Set<number>();
  let old = new Set<number>();
  const bits = new Uint32Array(WORDS);
  const mark = (hash: number): void => {
    bits[hash >>> 17] = (bits[hash >>> 17] as number) | (1 << (hash >>> 12));
  };
  const mayHave = (hash: number): boolean => ((bits[hash >>> 17] as number) & (1 << (hash >>> 12))) !== 0;
  const has = (view: DataView, at: number): boolean => {
    const hash = hashAt(view, at);
    return mayHave(hash) && (young.has(hash) || old.has(hash));
  };
  return {
    add(form) {
      for (const bytes of spelled(form)) {
        const view = viewOf(bytes);
        for (let at = 0; at + GRAM <= bytes.length; at++) {
          if (!isVaried(bytes, at)) continue;
          const hash = hashAt(view, at);
          young.add(hash);
          mark(hash);
        }
      }
    },
    next(view, begin) {
      const last = view.byteLength - GRAM;
      for (let at = begin; at <= last; at += STEP) {
        if (!mayHave(hashAt(view, at)) || !has(view, at)) continue;
        let from = at;
        let to = at;
        while (from > begin && has(view, from - 1)) from--;
        while (to < last && has(view, to + 1)) to++;
        if (to + GRAM - from >= SHORTEST_PART) return [from, to + GRAM];
      }
      return undefined;
    },
    turn() {
      old = young;
      young = new Set();
      bits.fill(0);
      for (const hash of old) mark(hash);
    },
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether there is a part in any of it. */
export function holdsPart(bytes: Uint8Array, parts: SecretParts): boolean {
  return parts.next(viewOf(bytes), 0) !== undefined;
}

/** As texts are looked through, by the lower half of each character, and as replies are, in UTF-8. */
function spelled(form: string): Buffer[] {
  const units = Buffer.from(form, 'latin1');
  const bytes = Buffer.from(form);
  return units.equals(bytes) ? [bytes] : [units, bytes];
}

/** Of eight bytes, in any casing, with 30 bits: a small integer. */
function hashAt(view: DataView, at: number): number {
  const first = view.getUint32(at, true) | 0x20202020;
  const second = view.getUint32(at + 4, true) | 0x20202020;
  return Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b) >>> 2;
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

/** The text with something else in place of the parts. */
export function withoutParts(text: string, all: readonly SecretParts[], instead: string): string {
  if (text.length < SHORTEST_PART) return text;
  const view = viewOf(Buffer.from(text, 'latin1'));
  const found: Part[] = [];
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
