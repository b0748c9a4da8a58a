/**
 * Unpacks gzip (RFC 1952) as it comes. Node's own gunzip refuses a body with bytes behind its last member, and drops what it
 * had unpacked by then; some gateways add such bytes.
 */
import { crc32, createInflateRaw } from 'node:zlib';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const FLAGS = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const;

/** Throws an `Error` for a body that is no gzip, is cut short or does not match its checksum. */
export async function* gunzipped(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = openInput(body);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const magic = await input.peek(2);
      const isMember = magic[0] === 0x1f && magic[1] === 0x8b;
      if (!isMember && isFirst) throw new Error('the body is not gzip');
      if (!isMember) return; // the bytes behind the last member belong to no member
      await skipHeader(input);
      yield* inflated(input);
    }
  } finally {
    await input.close();
  }
}

type Input = ReturnType<typeof openInput>;

/** Reads a body as bytes that can be put back. */
function openInput(body: AsyncIterable<Buffer>) {
  const chunks = body[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const fill = async (bytes: number): Promise<void> => {
    while (held.length < bytes) {
      const { done, value } = await chunks.next();
      if (done) return;
      held = held.length === 0 ? value : Buffer.concat([held, value]);
    }
  };
  const take = async (bytes: number): Promise<Buffer> => {
    await fill(bytes);
    if (held.length < bytes) throw new Error('the gzip body is cut short');
    const taken = held.subarray(0, bytes);
    held = held.subarray(bytes);
    return taken;
  };
  return {
    take,
    /** At least one byte. */
    async upTo(bytes: number): Promise<Buffer> {
      await fill(1);
      return take(Math.max(1, Math.min(bytes, held.length)));
    },
    /** The next bytes, or fewer where the body ends before; they are still to be taken. */
    async peek(bytes: number): Promise<Buffer> {
      await fill(bytes);
      return held.subarray(0, bytes);
    },
    putBack(bytes: Buffer): void {
      held = Buffer.concat([bytes, held]);
    },
    close: async (): Promise<void> => {
      await chunks.return?.();
    },
  };
}

/** The longest name or comment in a header, which ends with a zero byte. */
const LONGEST_TEXT = 65_536;

async function skipHeader(input: Input): Promise<void> {
  const flags = (await input.take(HEADER_BYTES))[3] ?? 0;
  if ((flags & FLAGS.extra) !== 0) await input.take((await input.take(2)).readUInt16LE());
  for (const text of [FLAGS.name, FLAGS.comment]) {
    if ((flags & text) === 0) continue;
    for (let length = 0; (await input.take(1))[0] !== 0; length++) {
      if (length === LONGEST_TEXT) throw new Error('the gzip header has no end');
    }
  }
  if ((flags & FLAGS.headerCrc) !== 0) await input.take(2);
}

/** Bytes that are unpacked at once: the result stays small, whatever was packed. */
const BITE_BYTES = 8192;

/** The content of one member; puts back the bytes that were read behind it. */
async function* inflated(input: Input): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw();
  const unpacked: Buffer[] = [];
  const over = new Promise<'over'>((resolve, reject) => {
    inflate.on('data', (chunk: Buffer) => unpacked.push(chunk));
    inflate.once('error', reject);
    inflate.once('end', () => resolve('over'));
  });
  let checksum = 0;
  let givenBytes = 0;
  try {
    for (let state = 'open'; state !== 'over'; ) {
      const bite = await input.upTo(BITE_BYTES);
      givenBytes += bite.length;
      const taken = new Promise<'open'>((resolve) => inflate.write(bite, () => resolve('open')));
      state = await Promise.race([over, taken]);
      for (const chunk of unpacked.splice(0)) {
        checksum = crc32(chunk, checksum);
        yield chunk;
      }
      if (state === 'over') input.putBack(bite.subarray(bite.length - (givenBytes - inflate.bytesWritten)));
    }
  } finally {
    inflate.destroy();
  }
  const trailer = await input.take(TRAILER_BYTES);
  if (trailer.readUInt32LE() !== checksum) throw new Error('the gzip body does not have the checksum that it claims');
}
