/**
 * A file of zstd frames, to which a batch is appended as one. Before each stands a frame that readers of zstd skip: the
 * length and the checksum of the one that follows. So `zstd -d` reads the whole file, a torn end is found without
 * decompressing anything, and a reader holds one batch at a time.
 */
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, zstdCompress, zstdDecompress } from 'node:zlib';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** The number of a frame that is skipped. */
const SKIPPED = 0x184d2a50;
const CONTENT_BYTES = 8;
const HEAD_BYTES = 8 + CONTENT_BYTES;

/** The bytes to append. */
export async function toFrame(content: Buffer): Promise<Buffer> {
  const packed = await compress(content);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(SKIPPED, 0);
  head.writeUInt32LE(CONTENT_BYTES, 4);
  head.writeUInt32LE(packed.length, 8);
  head.writeUInt32LE(crc32(packed), 12);
  return Buffer.concat([head, packed]);
}

interface Frame {
  /** Where its bytes begin, and how many there are. */
  at: number;
  length: number;
  checksum: number;
}

type Damaged = (at: number) => Error;

/** Frames that lie within the file as far as their heads tell. */
async function* heads(file: FileHandle, size: number, damaged: Damaged): AsyncGenerator<Frame> {
  const head = Buffer.alloc(HEAD_BYTES);
  for (let at = 0; at + HEAD_BYTES <= size; ) {
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, at);
    const isHead = head.readUInt32LE(0) === SKIPPED && head.readUInt32LE(4) === CONTENT_BYTES;
    if (!isHead && head.some((byte) => byte !== 0)) throw damaged(at);
    if (bytesRead < HEAD_BYTES || !isHead) return; // a file may have got its length before its bytes
    const frame = { at: at + HEAD_BYTES, length: head.readUInt32LE(8), checksum: head.readUInt32LE(12) };
    if (frame.at + frame.length > size) return;
    yield frame;
    at = frame.at + frame.length;
  }
}

/** The bytes of a frame; undefined where they are not those that were written. */
async function packedIn(file: FileHandle, { at, length, checksum }: Frame): Promise<Buffer | undefined> {
  const packed = Buffer.alloc(length);
  const { bytesRead } = await file.read(packed, 0, length, at);
  return bytesRead === length && crc32(packed) === checksum ? packed : undefined;
}

/** Where the last whole frame ends: what stands behind it was torn by a crash. `damaged` is called for anything else. */
export async function wholeEnd(file: FileHandle, damaged: Damaged): Promise<number> {
  const { size } = await file.stat();
  let last: Frame | undefined;
  for await (const frame of heads(file, size, damaged)) last = frame;
  if (last === undefined) return 0;
  return (await packedIn(file, last)) === undefined ? last.at - HEAD_BYTES : last.at + last.length;
}

/**
 * The contents of all frames, in their order or the other way round. A torn end is left out; `damaged` is called for
 * whatever else is not as it was written.
 */
export async function* contentsOf(
  file: FileHandle,
  { damaged, newestFirst }: { damaged: Damaged; newestFirst: boolean },
): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  const frames = await Array.fromAsync(heads(file, size, damaged));
  for (const frame of newestFirst ? frames.reverse() : frames) {
    const packed = await packedIn(file, frame);
    if (packed !== undefined) yield await decompress(packed);
    else if (frame.at + frame.length < size) throw damaged(frame.at);
  }
}
