/** A broker that is none: whatever it sends fails its connection, and nothing else. */

import { type AddressInfo, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import { frameChecker, LONGEST_FRAME } from '../../src/sinks/kafka/frames.ts';
import { openKafka } from '../../src/sinks/kafka/index.ts';
import { toJson } from '../../src/sinks/serialize.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const frame = (length: number, body = Buffer.alloc(Math.max(0, Math.min(length, 1000)))): Buffer => {
  const head = Buffer.alloc(4);
  head.writeInt32BE(length);
  return Buffer.concat([head, body]);
};

const pieces = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const all: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    all.push(bytes.subarray(at, at + size));
    at += size;
  }
  return all;
};

test('frames that can be are let through, and the first that cannot is refused, however they are cut', () => {
  const good = fc.integer({ min: 4, max: 1000 });
  const bad = fc.constantFrom(0, 1, 2, 3, -1, -2_147_483_648, 2_147_483_632, LONGEST_FRAME + 1);
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(good, { maxLength: 5 }), bad, sizes, (lengths, last, cuts) => {
      const check = frameChecker();
      for (const piece of pieces(Buffer.concat(lengths.map((length) => frame(length))), cuts)) check(piece);
      expect(() => {
        for (const piece of pieces(frame(last), cuts)) check(piece);
      }).toThrow(`announces a reply of ${last} bytes`);
    }),
  );
});

test('a port that speaks something else is told as that', async () => {
  const address = await broker((socket) => socket.write(Buffer.from([0x15, 3, 3, 0, 2, 2, 50])));
  const settings = { brokers: [address], timeoutMs: 500, retryDeadlineMs: 500, retryBaseMs: 50 };
  const sink = openKafka(settings, { log: pino({ level: 'silent' }), now: Date.now });
  cleanUps.push(() => sink.close());
  const [line] = await sink.check(new AbortController().signal);
  expect(line).toMatchObject({ ok: false, advice: expect.stringContaining('`tls` and `sasl` of the sink') });
});

test('the longest that is allowed is let through', () => {
  const check = frameChecker();
  check(frame(LONGEST_FRAME, Buffer.alloc(0)));
  for (let sent = 0; sent < LONGEST_FRAME; sent += 1024 * 1024) check(Buffer.alloc(1024 * 1024));
  expect(() => check(frame(3))).toThrow();
});

async function broker(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ['four zero bytes', Buffer.alloc(4)],
  ['a negative length', frame(-1)],
  ['a frame of three bytes', frame(3)],
  ['a frame of 2 GB', frame(2_147_483_632, Buffer.alloc(1_000_000))],
  ['an empty reply', frame(4)],
  ['a reply of nonsense', frame(40, Buffer.concat([Buffer.alloc(4), Buffer.alloc(36, 0xff)]))],
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['an alert of TLS', Buffer.from([0x15, 3, 3, 0, 2, 2, 50])],
])('a broker that answers with %s is waited for like one that is away', async (_what, bytes) => {
  const address = await broker((socket) => socket.write(bytes));
  const log = pino({ level: 'silent' });
  const settings = { brokers: [address], timeoutMs: 500, retryDeadlineMs: 1500, retryBaseMs: 50 };
  const sink = openKafka(settings, { log, now: Date.now });
  cleanUps.push(() => sink.close());
  const json = toJson({ '@timestamp': '2026-01-01T00:00:00Z', event: { id: 'a' } });
  const about = {
    id: 'a',
    stream: 'test.one' as const,
    namespace: 'acme',
    key: 'a',
    revision: 'r',
    ordinal: 1,
    hostId: undefined,
  };
  const batch = { pipeline: 'p', walk: 'live', number: 1, documents: [{ ...about, ...json }] };
  await expect(sink.write(batch, new AbortController().signal)).rejects.toMatchObject({
    action: 'retry',
    message: expect.stringMatching(`Kafka at ${address} cannot (be reached|take documents)`),
  });
});
