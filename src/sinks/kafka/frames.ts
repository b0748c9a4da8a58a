/** Checks every frame of a broker before kafkajs sees it, which believes every length. */

/** A reply holds at least the number of its request. */
const SHORTEST = 4;
/** Our largest replies are lists of partitions and settings; kafkajs would collect 2 GB. */
export const LONGEST_FRAME = 16 * 1024 * 1024;
const LENGTH_BYTES = 4;

/** A checker for one connection: takes everything that is received, in order, and throws where a length cannot be true. */
export function frameChecker(): (chunk: Uint8Array) => void {
  let left = 0;
  let lengthBytes = 0;
  let length = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const taken = Math.min(left, chunk.length - at);
        left -= taken;
        at += taken;
        continue;
      }
      length = (length << 8) | (chunk[at++] as number);
      if (++lengthBytes < LENGTH_BYTES) continue;
      if (length < SHORTEST || length > LONGEST_FRAME)
        throw new Error(`the broker announces a reply of ${length} bytes, which is none of Kafka`);
      left = length;
      lengthBytes = 0;
      length = 0;
    }
  };
}
