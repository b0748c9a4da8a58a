/**
 * kafkajs is reached into: here are the places, as they were when they were read. When this fails, kafkajs has changed:
 * read the files anew, with `src/sinks/kafka/client.ts`, `connection.ts` and `frames.ts` beside them, and
 * decision 0041.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import { kafkajs } from '../../src/sinks/kafka/client.ts';
import { connectKafka } from '../../src/sinks/kafka/connection.ts';
import { withDefaults } from '../../src/sinks/kafka/settings.ts';

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

/** Each file, what of it is relied on, and where. */
const READ: [file: string, digest: string, what: string][] = [
  [
    'src/network/connection.js',
    '2a993b2e74421ca6d846efd59e4ba74b11100dbe7d40d0f52ea3218e917aafdd',
    'processData takes whatever the socket receives, and believes its lengths (frames.ts); an error of the socket fails what waits; what a factory throws is read by its message (connection.ts)',
  ],
  [
    'src/network/requestQueue/index.js',
    'b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c',
    'a request that has to wait calls scheduleCheckPendingRequests, and only that calls checkPendingRequests later (client.ts)',
  ],
  [
    'src/network/requestQueue/socketRequest.js',
    'dde28f8e26c6d17fe3383c60b2bfce27f4790ee4552ca7e73e78fdce30c6bf1d',
    'a request that was rejected takes no answer any more',
  ],
  [
    'src/network/socket.js',
    '9922c37e8a4d9e6b040e3bf8d6d74ca9f4c39c3c875deadc0f9dc5052e714ebe',
    'the factory gets host, port, ssl and onConnect, and what it returns is listened to for data, end, error and timeout (connection.ts)',
  ],
  [
    'src/network/socketFactory.js',
    '1493fc580263350fdbe75fa633b6df70f39d4b11d0520b45243cb1df45168577',
    'what the own factory does as this one: the server name, keep-alive (connection.ts)',
  ],
  [
    'src/protocol/message/compression/index.js',
    '666ec6400225fe90e42f6a59d7bbda2028f4150699dda04524689ccf1f0cb2c1',
    'a codec is a function that makes compress and decompress, by the number of its type (client.ts)',
  ],
  [
    'src/protocol/decoder.js',
    '83c43fac8d6b8ef2dcf0dfe8bc4494e84c2c94d2b59fbe41a670505a5fcba41b',
    'four functions read arrays, each after its length, from buffer at offset (client.ts)',
  ],
  [
    'src/consumer/batch.js',
    '04ee8657247441599f200af5871ce6b3c4463abe941b97405502f8f5f683face',
    'fetchedOffset is what was asked for, and lastOffset counts what is filtered out (src/load/group.ts)',
  ],
  [
    'src/consumer/runner.js',
    'fad3247df2e3ba483b94e014e5c5916fd72d7bdfc3b3dfccc5232b60da18306d',
    'what a fetch leaves nothing of is told by END_BATCH_PROCESS alone, and REBALANCING comes before the group is joined again (src/load/group.ts)',
  ],
  [
    'src/consumer/consumerGroup.js',
    'f3e461738585a8dc6574c647123a18afc732f81cdee4f9f7bb62e4aa1dffbfbb',
    'HEARTBEAT is told when the broker has answered, GROUP_JOIN before anything is fetched; an offset out of range becomes the first there is, which load has to notice (src/load/)',
  ],
  [
    'src/consumer/offsetManager/index.js',
    'bd1041968ae322324ebf64d2569308db19d24f70ee5dbb72c964b43bfe85c00e',
    'an offset is committed with the generation and member of the group at that time (src/load/assignment.ts)',
  ],
  [
    'src/index.js',
    '38d0022e448f0aaa72ad2ed16fac346a3dd3a2d28b64ca5395cb33a26c8a82e9',
    'the function that makes a cluster is found by the name of its symbol, and takes these options (src/coordination/cluster.ts)',
  ],
  [
    'src/cluster/index.js',
    '3831a6845e4e9fb0de73d5ff50a3695974fb8a927acde677c524fe1c362bd57d',
    'brokers, coordinators and leaders are found by these functions (src/coordination/cluster.ts)',
  ],
  [
    'src/broker/index.js',
    '9cbea8898528c439c213080f99d86974460114f81b5034c49aeb593a0337ca90',
    'groups are joined, kept and left, and partitions fetched, by these functions (src/coordination/cluster.ts)',
  ],
  [
    'src/retry/index.js',
    '6b10590bb8c285ee93ea323990052aac888edfe81deabd3dff89ec13ca8c6acf',
    'an error with retriable: false, or a TypeError, ends the attempts (connection.ts)',
  ],
];

test.each(READ)('%s is as it was read', (file, digest, what) => {
  const found = hash('sha256', readFileSync(join(FOLDER, file)));
  expect(found, `kafkajs has another ${file}. Read it anew, and whether it still holds: ${what}`).toBe(digest);
});

test('the queue looks for waiting requests only while there are any, and sends them when it may', async () => {
  const RequestQueue = inside('kafkajs/src/network/requestQueue');
  const { connection } = await toMuteBroker();
  const options = { maxInFlightRequests: 1, requestTimeout: 1000, clientId: 'c', broker: 'b' };
  const queue = new RequestQueue({ ...options, logger: connection.kafka.logger() });
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  const sent: number[] = [];
  const push = (correlationId: number) => {
    const entry = { apiKey: 1, apiName: 'a', apiVersion: 1, correlationId, resolve() {}, reject() {} };
    queue.push({ entry, expectResponse: true, sendRequest: () => sent.push(correlationId) });
  };
  queue.maybeThrottle(100);
  push(1);
  push(2);
  expect(sent).toEqual([]);
  await expect.poll(() => sent).toEqual([1]); // the pause is over, and one at a time is in flight
  queue.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
  expect(sent).toEqual([1, 2]);
  await expect.poll(() => queue.throttleCheckTimeoutId).toBeNull();
  queue.destroy();
});

/** Each way to read an array, and how a length is written for it. */
const ARRAYS = ['readArray', 'readArrayAsync', 'readVarIntArray', 'readUVarIntArray'] as const;

test.each(ARRAYS)('%s makes no room for more elements than a reply has bytes', async (name) => {
  const Decoder = inside('kafkajs/src/protocol/decoder');
  const Encoder = inside('kafkajs/src/protocol/encoder');
  const write = { readVarIntArray: 'writeVarInt', readUVarIntArray: 'writeUVarInt' } as Record<string, string>;
  const lengthOf = (length: number): Buffer => new Encoder()[write[name] ?? 'writeInt32'](length).buffer;
  const read = async (bytes: Buffer) => new Decoder(bytes)[name]((from: { readInt8(): number }) => from.readInt8());
  const before = process.memoryUsage().heapUsed;
  for (const length of [5, 30_000_000, 500_000_000])
    await expect(read(Buffer.concat([lengthOf(length), Buffer.alloc(3)]))).rejects.toThrow('which is none of Kafka');
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  const three = name === 'readUVarIntArray' ? 4 : 3; // it counts from one, since nothing is 0
  expect(await read(Buffer.concat([lengthOf(three), Buffer.from([1, 2, 3])]))).toEqual([1, 2, 3]);
});

test('zstd is known, and packs what it unpacks', async () => {
  const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD]();
  const packed = await codec.compress({ buffer: Buffer.from('some bytes, some bytes, some bytes') });
  expect((await codec.decompress(packed)).toString()).toBe('some bytes, some bytes, some bytes');
});

const PATIENT = { initialRetryTime: 5000, retries: 1, maxRetryTime: 5000 };
/** Long before anything is tried again with that patience, or a request times out. */
const AT_ONCE_MS = 2000;

/** A broker that takes connections and never answers, how many it took, and the sink's own way to it. */
async function toMuteBroker(retry?: typeof PATIENT) {
  let taken = 0;
  const server = createServer((socket) => {
    taken++;
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => server.close());
  const brokers = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  const connection = connectKafka(withDefaults({ brokers, timeoutMs: 30_000 }), pino({ level: 'silent' }), retry);
  cleanUps.push(() => connection.drop());
  return { connection, taken: () => taken };
}

test('a connection that was given up opens no socket, and nothing is tried again', async () => {
  const { connection, taken } = await toMuteBroker(PATIENT);
  connection.drop();
  const began = performance.now();
  await expect(connection.kafka.admin().connect()).rejects.toThrow('the connection was given up');
  expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
  expect(taken()).toBe(0);
});

test('what waits for an answer when it is given up fails at once, and no other socket is opened', async () => {
  const { connection, taken } = await toMuteBroker();
  const connecting = connection.kafka.admin().connect();
  connecting.catch(() => {});
  await expect.poll(taken).toBe(1);
  const began = performance.now();
  connection.drop();
  await expect(connecting).rejects.toThrow('the connection was given up');
  expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
  expect(taken()).toBe(1);
});

test('a socket factory that throws anything else is asked again', async () => {
  let asked = 0;
  const kafka = new kafkajs.Kafka({
    brokers: ['127.0.0.1:1'],
    retry: { retries: 3, initialRetryTime: 1, maxRetryTime: 5 },
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory() {
      asked++;
      throw new Error('not now');
    },
  });
  await expect(kafka.admin().connect()).rejects.toThrow('not now');
  expect(asked).toBeGreaterThan(1);
});

test('what is changed is what a connection uses', async () => {
  const Connection = inside('kafkajs/src/network/connection');
  const RequestQueue = inside('kafkajs/src/network/requestQueue');
  const { connection } = await toMuteBroker();
  const address = { host: '127.0.0.1', port: 1, requestTimeout: 1000, connectionTimeout: 1000 };
  const one = new Connection({ ...address, logger: connection.kafka.logger(), socketFactory() {} });
  expect(one.requestQueue).toBeInstanceOf(RequestQueue);
  const originals = { processData: 'connection.js', scheduleCheckPendingRequests: 'requestQueue/index.js' };
  for (const [name, file] of Object.entries(originals)) {
    const source = readFileSync(join(FOLDER, 'src/network', file), 'utf8');
    expect(source, name).toMatch(new RegExp(`^  ${name}\\(`, 'm'));
    expect(source, name).not.toContain((one[name] ?? one.requestQueue[name]).toString());
  }
});
