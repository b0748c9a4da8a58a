/** Reads files of several zstd frames, which Node's own decompression ends after the first of (RFC 8878, section 3.1). */
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';

const decompress = promisify(zstdDecompress);

/** The contents of the frames, one after the other. A last frame that is not whole is left out. */
export async function* unpackedFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    bytes = Buffer.concat([bytes, chunk]);
    let at = 0;
    for (let end = endOfFrame(bytes, at); end !== undefined; end = endOfFrame(bytes, at)) {
      if (!isSkippable(bytes, at)) yield await decompress(bytes.subarray(at, end));
      at = end;
    }
    bytes = bytes.subarray(at);
  }
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a5;

function isSkippable(bytes: Buffer, at: number): boolean {
  return bytes.readUInt32LE(at) >>> 4 === SKIPPABLE;
}

/** Undefined where the frame is not whole yet. Throws where none begins. */
function endOfFrame(bytes: Buffer, start: number): number | undefined {
  if (start + 8 > bytes.length) return undefined;
  if (isSkippable(bytes, start)) return within(bytes, start + 8 + bytes.readUInt32LE(start + 4));
  if (bytes.readUInt32LE(start) !== MAGIC)
    throw Object.assign(new Error('it is damaged: no zstd frame begins where one should'), { code: 'ZSTD_frame' });
  const descriptor = bytes[start + 4] as number;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number;
  let at = start + 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return undefined;
    const head = bytes.readUIntLE(at, 3);
    isLast = (head & 1) === 1;
    const isRepeated = ((head >>> 1) & 3) === 1; // one byte, however often it stands in the content
    at += 3 + (isRepeated ? 1 : head >>> 3);
  }
  return within(bytes, at + ((descriptor & 4) === 0 ? 0 : 4));
}

function within(bytes: Buffer, end: number): number | undefined {
  return end <= bytes.length ? end : undefined;
}
