/** Which partition a key belongs to: as Java's default partitioner does, so that other writers of a topic agree. */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** murmur2 as `org.apache.kafka.common.utils.Utils` has it. kafkajs has it too, with BigInt and thirty times slower. */
export function murmur2(key: Uint8Array, length = key.length): number {
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    const four =
      (key[at] as number) |
      ((key[at + 1] as number) << 8) |
      ((key[at + 2] as number) << 16) |
      ((key[at + 3] as number) << 24);
    const mixed = Math.imul(four, M);
    hash = Math.imul(hash, M) ^ Math.imul(mixed ^ (mixed >>> 24), M);
  }
  const rest = length - whole;
  if (rest > 2) hash ^= (key[whole + 2] as number) << 16;
  if (rest > 1) hash ^= (key[whole + 1] as number) << 8;
  if (rest > 0) hash = Math.imul(hash ^ (key[whole] as number), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

const encoder = new TextEncoder();
let scratch = new Uint8Array(1024);

/** The key's length in bytes, and its hash: the remainder of its division by the number of partitions is the partition. */
export function measureKey(key: string): { bytes: number; hash: number } {
  // A character takes 3 bytes at most.
  if (scratch.length < key.length * 3) scratch = new Uint8Array(key.length * 3);
  const { written } = encoder.encodeInto(key, scratch);
  return { bytes: written, hash: murmur2(scratch, written) & 0x7fffffff };
}
