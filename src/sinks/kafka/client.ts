/** kafkajs, with what it lacks on Node 24. */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type * as Kafkajs from 'kafkajs';
import { frameChecker } from './frames.ts';
import { withoutAborted } from './stored/aborted.ts';
import { fromLz4, fromSnappy } from './stored/codecs.ts';

const inside = createRequire(import.meta.url);
/** Before kafkajs is loaded, which holds on to its own. */
const filter = inside.resolve('kafkajs/src/consumer/filterAbortedMessages');
inside(filter);
(inside.cache[filter] as { exports: unknown }).exports = withoutAborted;
const kafkajs = inside('kafkajs') as typeof Kafkajs;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** kafkajs has gzip only; its plug-in for zstd does not compile any more, and Node has zstd by now. */
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => compress(buffer),
  decompress: (buffer: Buffer) => decompress(buffer),
});

/** For reading alone: what brokers or others have compressed. */
const readOnly = (read: (input: Buffer) => Buffer) => () => ({
  compress: () => Promise.reject(new Error('Sluice compresses with gzip or zstd')),
  decompress: async (buffer: Buffer) => read(buffer),
});
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = readOnly(fromSnappy);
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = readOnly(fromLz4);

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const SOON_MS = 10;

/**
 * The original looks for waiting requests every millisecond, on every connection, whether any wait or not, and asks for
 * timers of negative length, of which Node warns (tulios/kafkajs#1751). A request that has to wait calls this anyway.
 */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
  const waitMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    waitMs > 0 ? waitMs : SOON_MS,
  );
}

interface Connection {
  socket: Socket;
  processData(chunk: Buffer): void;
}

const checkers = new WeakMap<Socket, ReturnType<typeof frameChecker>>();

/** The original throws in a callback of the socket, which would end the process: here only the connection fails. */
function guarded(original: Connection['processData']): Connection['processData'] {
  return function (this: Connection, chunk) {
    const { socket } = this;
    const check = checkers.get(socket) ?? frameChecker();
    checkers.set(socket, check);
    try {
      check(chunk);
      original.call(this, chunk);
    } catch (error) {
      socket.destroy(error as Error);
    }
  };
}

type ArrayReader = 'readArray' | 'readArrayAsync' | 'readVarIntArray' | 'readUVarIntArray';

interface Decoder extends Record<ArrayReader, (reader: unknown) => unknown> {
  buffer: Buffer;
  offset: number;
  readInt32(): number;
  readVarInt(): number;
  readUVarInt(): number;
}

/** The original makes room for every element that a reply announces, however few bytes there are: 8 GB for 4 damaged ones. */
function withinReply(original: Decoder[ArrayReader], readLength: 'readInt32' | 'readVarInt' | 'readUVarInt') {
  return function (this: Decoder, reader: unknown): unknown {
    const begin = this.offset;
    const length = this[readLength]();
    const left = this.buffer.length - this.offset;
    if (length - 1 > left)
      throw new Error(`the broker announces ${length} elements in ${left} bytes, which is none of Kafka`);
    this.offset = begin;
    return original.call(this, reader);
  };
}

const queue = inside('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
queue.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests;
const connection = inside('kafkajs/src/network/connection') as { prototype: Connection };
connection.prototype.processData = guarded(connection.prototype.processData);
const { prototype: decoder } = inside('kafkajs/src/protocol/decoder') as { prototype: Decoder };
decoder.readArray = withinReply(decoder.readArray, 'readInt32');
decoder.readArrayAsync = withinReply(decoder.readArrayAsync, 'readInt32');
decoder.readVarIntArray = withinReply(decoder.readVarIntArray, 'readVarInt');
decoder.readUVarIntArray = withinReply(decoder.readUVarIntArray, 'readUVarInt');

export { kafkajs };
