/** Estimates the most heap that a JSON text and the objects parsed from it take, from its bytes, without parsing it. */

/**
 * Measured, with everything that is made from a record: with less memory beside the program, a text that only consists of one
 * of these kinds ends the process. The text itself and its copies count by the byte. Names that recur cost nothing, since
 * their objects share a shape.
 */
const BYTES_PER = { byte: 4, container: 32, text: 32, value: 20, newName: 256 } as const;

const [QUOTE, COMMA, COLON, ARRAY, OBJECT] = [...'",:[{'].map((one) => one.charCodeAt(0)) as [
  ...[number, number, number, number, number],
];
/** Names are told apart by so many bits of a hash. */
const NAME_BITS = 20;

/** The content of strings counts as if it were JSON, since some strings are parsed as JSON. */
export function jsonCost(body: Buffer): number {
  const counts = new Uint32Array(256);
  const names = new Uint8Array(2 ** (NAME_BITS - 3));
  let allNames = 0;
  let newNames = 0;
  for (let at = 0; at < body.length; at++) {
    const code = body[at] as number;
    counts[code] = (counts[code] as number) + 1;
    if (code !== COLON || body[at - 1] !== QUOTE) continue;
    allNames++;
    const hash = hashOfName(body, at - 2);
    const bit = 1 << (hash & 7);
    const byte = hash >>> 3;
    if (((names[byte] as number) & bit) !== 0) continue;
    names[byte] = (names[byte] as number) | bit;
    newNames++;
  }
  const count = (code: number): number => counts[code] as number;
  const containers = count(ARRAY) + count(OBJECT);
  return (
    body.length * BYTES_PER.byte +
    containers * BYTES_PER.container +
    (count(QUOTE) / 2 - allNames) * BYTES_PER.text +
    (count(COMMA) + containers) * BYTES_PER.value +
    newNames * BYTES_PER.newName
  );
}

/** The hash of the name that ends at `end`. */
function hashOfName(body: Buffer, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = end; at >= 0 && body[at] !== QUOTE; at--) hash = Math.imul(hash ^ (body[at] as number), 0x01000193);
  return hash >>> (32 - NAME_BITS);
}
