/**
 * Integer hashing: every generated value is a pure function of (seed, serial, salt), so a record needs no memory
 * and pages can be requested in any order.
 */

const STEP = 0x9e3779b9;

/** Murmur3's finalizer: spreads 32 bits over 32 bits, one to one. */
export function scramble(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The inverse of `scramble`: lets an id be turned back into its serial without a table. */
export function unscramble(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x7ed1b41d);
  h = Math.imul(h ^ (h >>> 13) ^ (h >>> 26), 0xa5cb9243);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32 bits for one property (`salt`) of one item (`value`). */
export function mix(seed: number, value: number, salt: number): number {
  return scramble(scramble(seed + Math.imul(salt + 1, STEP)) ^ Math.imul(value + 1, 0x85ebca77));
}

/** The result of `mix` as a fraction in [0, 1). */
export function fraction(seed: number, value: number, salt: number): number {
  return mix(seed, value, salt) / 4294967296;
}

/** A stream of draws for records that need many: cheaper and easier to read than a salt for each. */
export interface Draws {
  next(): number;
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

export function drawsFor(seed: number, value: number, salt: number): Draws {
  let state = mix(seed, value, salt);
  const next = () => {
    state = (state + STEP) | 0;
    return scramble(state);
  };
  return {
    next,
    below: (limit) => Math.floor((next() / 4294967296) * limit),
    chance: (probability) => next() / 4294967296 < probability,
    pick: (from) => from[Math.floor((next() / 4294967296) * from.length)] as never,
  };
}

/** The salt for a name without a number in `SALT`: for listed resources and their properties. */
export function saltOf(name: string): number {
  let salt = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) salt = Math.imul(salt ^ name.charCodeAt(at), 0x01000193);
  return salt >>> 0;
}

/** The property that a draw is for. All in one place, so that no two properties share their randomness by accident. */
export const SALT = {
  id: 1,
  idTail: 2,
  phonetic: 5,
  rule: 6,
  device: 7,
  severity: 8,
  status: 9,
  timeStyle: 10,
  received: 11,
  jitter: 12,
  burst: 13,
  coarse: 14,
  listShape: 15,
  detail: 16,
  responses: 17,
  comment: 18,
  deviceTable: 19,
  userTable: 20,
  plan: 21,
  planEvents: 22,
  lateTime: 23,
  faults: 24,
  detailFails: 25,
  secret: 26,
  query: 27,
  result: 28,
  resultArtifact: 29,
  file: 30,
  cut: 31,
} as const;
