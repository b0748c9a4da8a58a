/** Records and replies damaged in ways that JSON and HTTP allow, as raw text: what JavaScript would not write itself is among it. */

/** Whole numbers below `bound`, the same for the same seed and topic. */
export type Draw = (bound: number) => number;

/** Small, and good enough for choices. */
export function drawFrom(seed: number, topic: string): Draw {
  let state = seed | 0;
  for (const letter of topic) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193);
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export function pick<T>(draw: Draw, from: readonly T[]): T {
  return from[draw(from.length)] as T;
}

const SMALL_VALUES = [
  ...[
    'null',
    'true',
    '0',
    '-0',
    '1e400',
    '-1e-400',
    '9007199254740993',
    '1.7976931348623157e309',
    '0.10000000000000001',
  ],
  ...[
    '""',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udfff\\ud800x"',
    '"__proto__"',
    '".."',
    '"."',
    '"%2e%2e"',
    '"a/../b?c#d"',
  ],
  ...[
    '[]',
    '{}',
    '[[]]',
    '[null]',
    '{"":null}',
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":1}}',
    '{"toString":1}',
  ],
  ...['{"1":1,"0":2}', '{"a":1,"A":2,"__proto__":null}', '"{\\"password\\":\\"x"', '"-----BEGIN PRIVATE KEY-----"'],
  ...['"\\u202e\\u0007\\u001b[2J"', '"\\ufeff"', '"١٢٣"', '"İ"'],
];
const TIMES = [
  ...[
    '1780000000000000',
    '1780000000000',
    '1780000000',
    '-62135596800',
    '1e20',
    '"/Date(99999999999999999)/"',
    '"/Date(-1)/"',
  ],
  ...[
    '"0001-01-01T00:00:00"',
    '"9999-12-31T23:59:59.9999999Z"',
    '"275760-09-13T00:00:00Z"',
    '"+275760-09-13T00:00:00.001Z"',
  ],
  ...[
    '"2026-02-30T25:61:61Z"',
    '"1970-01-01T00:00:00"',
    '"1601-01-01T00:00:00Z"',
    '"2106-02-07T06:28:16Z"',
    '"yesterday"',
  ],
];

/** Ids that cannot stand in an address, or in a text. */
const IDS = ['"\\ud800"', '"\\udfff\\ud800x"', '".."', '"a/../b?c#d"', '""', '7'];

/** How large or deep a value is; most are small. */
export type Size = 'small' | 'deep' | 'large' | 'huge';

export function anyValue(draw: Draw, size: Size): string {
  if (size === 'small') return pick(draw, draw(3) === 0 ? TIMES : SMALL_VALUES);
  if (size === 'deep') return nested(pick(draw, [150, 300, 4000, 20_000, 100_000]), draw(3));
  return long(size === 'large' ? 1_050_000 + draw(1_000_000) : 10_500_000 + draw(2_000_000), draw(6));
}

function nested(depth: number, kind: number): string {
  if (kind === 0) return '['.repeat(depth) + ']'.repeat(depth);
  if (kind === 1) return `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  return `${'[{"Id":'.repeat(depth / 2)}"x"${'}]'.repeat(depth / 2)}`;
}

function long(length: number, kind: number): string {
  const filled = (piece: string) => piece.repeat(Math.ceil(length / piece.length));
  if (kind === 0) return `"${filled('x')}"`;
  if (kind === 1) return `"--password=\\\\\\"${filled('a b ')}"`;
  if (kind === 2) return `"${filled('eyJaaaaaa-')}"`;
  if (kind === 3) return `[${filled('{},')}1]`;
  if (kind === 4) return `{${Array.from({ length: length / 14 }, (_, at) => `"member${at}":${at % 10}`).join(',')}}`;
  return `"${filled('\\ud800 -p ')}"`;
}

/** A record with one damage, as JSON text. */
export function damagedRecord(record: unknown, draw: Draw, size: Size): string {
  if (typeof record !== 'object' || record === null || draw(8) === 0) return anyValue(draw, size);
  const names = Object.keys(record);
  const times = names.filter((name) => /time|date|created|last|timestamp/i.test(name));
  const ids = names.filter((name) => /^(?:id|sha256|device_?id|objectid|eventid)$/i.test(name));
  const aim = draw(4);
  const likely = aim === 0 ? ids : aim === 1 ? times : names;
  const victim = pick(draw, likely.length > 0 ? likely : names) ?? 'x';
  const how = size === 'small' ? draw(6) : 3;
  const members = Object.entries(record).flatMap(([name, value]) => {
    const own = JSON.stringify(value);
    if (name !== victim) return [`${JSON.stringify(name)}:${own}`];
    if (how === 0) return [];
    if (how === 1) return [`${JSON.stringify(name.toUpperCase())}:${own}`];
    if (how === 2) return [`${JSON.stringify(name)}:${own}`, `"__proto__":${anyValue(draw, size)}`];
    if (aim === 0 && size === 'small' && draw(2) === 0) return [`${JSON.stringify(name)}:${pick(draw, IDS)}`];
    return [`${JSON.stringify(name)}:${aim === 1 ? pick(draw, TIMES) : anyValue(draw, size)}`];
  });
  if (size !== 'small' && aim === 1) members.push(`"Unheard":${anyValue(draw, size)}`);
  return `{${members.join(',')}}`;
}
