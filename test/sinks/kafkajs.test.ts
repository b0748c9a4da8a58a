/**
 * kafkajs is reached into: here are the places, as they were when they were read. When this fails, kafkajs has changed:
 * read the files anew, with `src/sinks/kafka-client.ts`, `kafka-connection.ts` and `kafka-frames.ts` beside them, and
 * decision 0041.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { kafkajs } from '../../src/sinks/kafka-client.ts';

const inside = createRequire(import.meta.url);
const FOLDER = join(inside.resolve('kafkajs/package.json'), '..');

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test('its version is the one that was read, and no range is asked for', () => {
  const ours = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'));
  expect([ours.dependencies.kafkajs, inside('kafkajs/package.json').version]).toEqual(['2.2.4', '2.2.4']);
});

test.each([
  ['src/network/connection.js', '2a993b2e74421ca6d846efd59e4ba74b11100dbe7d40d0f52ea3218e917aafdd'],
  ['src/network/requestQueue/index.js', 'b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c'],
  ['src/network/requestQueue/socketRequest.js', 'dde28f8e26c6d17fe3383c60b2bfce27f4790ee4552ca7e73e78fdce30c6bf1d'],
  ['src/network/socket.js', '9922c37e8a4d9e6b040e3bf8d6d74ca9f4c39c3c875deadc0f9dc5052e714ebe'],
  ['src/protocol/message/compression/index.js', '666ec6400225fe90e42f6a59d7bbda2028f4150699dda04524689ccf1f0cb2c1'],
  ['src/retry/index.js', '6b10590bb8c285ee93ea323990052aac888edfe81deabd3dff89ec13ca8c6acf'],
])('%s is as it was read', (file, digest) => {
  expect(hash('sha256', readFileSync(join(FOLDER, file)))).toBe(digest);
});

test('the queue looks for waiting requests only while there are any', () => {
  const RequestQueue = inside('kafkajs/src/network/requestQueue');
  const queue = Object.create(RequestQueue.prototype);
  Object.assign(queue, { pending: [], throttledUntil: -1, throttleCheckTimeoutId: null });
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  clearTimeout(queue.throttleCheckTimeoutId);
});

test('zstd is known, and packs what it unpacks', async () => {
  const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD]();
  const packed = await codec.compress({ buffer: Buffer.from('some bytes, some bytes, some bytes') });
  expect((await codec.decompress(packed)).toString()).toBe('some bytes, some bytes, some bytes');
});

/** A client whose sockets come from `factory`; every attempt is counted. */
function clientWith(factory: (onConnect: () => void) => Socket) {
  let attempts = 0;
  const kafka = new kafkajs.Kafka({
    clientId: 'test',
    brokers: ['127.0.0.1:1'],
    retry: { retries: 3, initialRetryTime: 1, maxRetryTime: 5 },
    connectionTimeout: 500,
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory: ({ onConnect }) => {
      attempts++;
      return factory(onConnect);
    },
  });
  return { admin: kafka.admin(), attempts: () => attempts };
}

test('a socket factory that throws what cannot be wrapped is asked once, and any other again', async () => {
  const final = Object.assign(new TypeError('given up'), { retriable: false });
  const unwrappable = Object.defineProperty(new Error(), 'message', {
    get() {
      throw final;
    },
  });
  const once = clientWith(() => {
    throw unwrappable;
  });
  await expect(once.admin.connect()).rejects.toThrow('given up');
  expect(once.attempts()).toBe(1);
  const often = clientWith(() => {
    throw new Error('not now');
  });
  await expect(often.admin.connect()).rejects.toThrow('not now');
  expect(often.attempts()).toBeGreaterThan(1);
});

test('a socket that is destroyed with an error fails what waits for it at once', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).once('data', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => server.close());
  const sockets: Socket[] = [];
  const { admin } = clientWith((onConnect) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', onConnect);
    sockets.push(socket);
    socket.once('connect', () => setTimeout(() => socket.destroy(new Error('the connection was given up')), 20));
    return socket;
  });
  await expect(admin.connect()).rejects.toThrow('the connection was given up');
});
