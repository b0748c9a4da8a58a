/**
 * Reads what others compressed with snappy or LZ4: kafkajs has neither, Node has neither, and a topic whose
 * `compression.type` is one of them holds what brokers have compressed anew. Sluice itself writes gzip and zstd.
 */

/** A record batch holds as much as a request at most; whoever may write to a topic could announce more. */
const MOST_BYTES = 128 * 1024 * 1024;

/** Bytes that are written one after the other, and refer to those before them. */
interface Written {
  bytes: Buffer;
  length: number;
}

function begin(room: number): Written {
  return { bytes: Buffer.allocUnsafe(Math.min(room, MOST_BYTES)), length: 0 };
}

function reserve(out: Written, more: number): void {
  const needed = out.length + more;
  if (needed <= out.bytes.length) return;
  if (needed > MOST_BYTES) throw damaged(`more than ${MOST_BYTES} bytes`);
  const larger = Buffer.allocUnsafe(Math.min(MOST_BYTES, Math.max(needed, out.bytes.length * 2)));
  out.bytes.copy(larger, 0, 0, out.length);
  out.bytes = larger;
}

function literal(out: Written, input: Buffer, from: number, length: number): void {
  if (length < 0 || from + length > input.length) throw damaged('it ends in the middle');
  reserve(out, length);
  input.copy(out.bytes, out.length, from, from + length);
  out.length += length;
}

/** Bytes that were written `back` bytes ago; they may be written by this very copy. */
function repeat(out: Written, back: number, length: number, first = 0): void {
  if (back < 1 || back > out.length - first) throw damaged('it refers to what is before its begin');
  reserve(out, length);
  const { bytes } = out;
  for (let left = length, at = out.length; left > 0; left--, at++) bytes[at] = bytes[at - back] as number;
  out.length += length;
}

function damaged(why: string): Error {
  return new Error(`a compressed batch of records is damaged: ${why}`);
}

function byteAt(input: Buffer, at: number): number {
  const byte = input[at];
  if (byte === undefined) throw damaged('it ends in the middle');
  return byte;
}

/** How Java's snappy begins: its magic bytes and two versions; then blocks follow, each behind its length. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEAD = 16;

export function fromSnappy(input: Buffer): Buffer {
  const out = begin(input.length * 4);
  if (!input.subarray(0, XERIAL.length).equals(XERIAL)) snappyBlock(input, out);
  else
    for (let at = XERIAL_HEAD; at < input.length; ) {
      if (at + 4 > input.length) throw damaged('it ends in the middle');
      const length = input.readUInt32BE(at);
      if (at + 4 + length > input.length) throw damaged('it ends in the middle');
      snappyBlock(input.subarray(at + 4, at + 4 + length), out);
      at += 4 + length;
    }
  return out.bytes.subarray(0, out.length);
}

function snappyBlock(input: Buffer, out: Written): void {
  let at = 0;
  let announced = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = byteAt(input, at++);
    if (shift > 28) throw damaged('its length is none');
    announced += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const first = out.length;
  while (at < input.length) {
    const tag = byteAt(input, at++);
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >> 2) + 1;
      if (length > 60) {
        const bytes = length - 60;
        if (at + bytes > input.length) throw damaged('it ends in the middle');
        length = input.readUIntLE(at, bytes) + 1;
        at += bytes;
      }
      literal(out, input, at, length);
      at += length;
    } else if (kind === 1) {
      repeat(out, ((tag & 0xe0) << 3) | byteAt(input, at), ((tag >> 2) & 7) + 4, first);
      at += 1;
    } else {
      const bytes = kind === 2 ? 2 : 4;
      if (at + bytes > input.length) throw damaged('it ends in the middle');
      repeat(out, input.readUIntLE(at, bytes), (tag >> 2) + 1, first);
      at += bytes;
    }
  }
  if (out.length - first !== announced) throw damaged('it has another length than it announces');
}

const LZ4_MAGIC = 0x184d2204;
/** Bits of the frame's descriptor. */
const BLOCK_SUMS = 0x10;
const CONTENT_SIZE = 0x08;
const DICTIONARY = 0x01;
const NOT_COMPRESSED = 0x80000000;

/** Frames as Kafka's clients write them; the checksums are left to TCP and the broker, which has verified the batch's own. */
export function fromLz4(input: Buffer): Buffer {
  if (input.length < 7 || input.readUInt32LE(0) !== LZ4_MAGIC) throw damaged('it is no LZ4 frame');
  const flags = byteAt(input, 4);
  if (flags >> 6 !== 1 || (flags & DICTIONARY) !== 0) throw damaged('it is of another version of LZ4');
  const out = begin(input.length * 4);
  let at = 7 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8);
  for (;;) {
    if (at + 4 > input.length) throw damaged('it ends in the middle');
    const size = input.readUInt32LE(at);
    at += 4;
    if (size === 0) return out.bytes.subarray(0, out.length);
    const length = size % NOT_COMPRESSED;
    if (at + length > input.length) throw damaged('it ends in the middle');
    if (size >= NOT_COMPRESSED) literal(out, input, at, length);
    else lz4Block(input.subarray(at, at + length), out);
    at += length + ((flags & BLOCK_SUMS) === 0 ? 0 : 4);
  }
}

function lz4Block(input: Buffer, out: Written): void {
  let at = 0;
  /** A nibble of 15 goes on in bytes, the last of which is below 255. */
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; length += byte) byte = byteAt(input, at++);
    return length;
  };
  while (at < input.length) {
    const token = byteAt(input, at++);
    const literals = lengthOf(token >> 4);
    literal(out, input, at, literals);
    at += literals;
    if (at === input.length) return;
    const back = byteAt(input, at) | (byteAt(input, at + 1) << 8);
    at += 2;
    repeat(out, back, lengthOf(token & 15) + 4);
  }
}
