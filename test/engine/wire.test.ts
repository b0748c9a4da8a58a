/** Replies over the wire: small and large, packed and not, and what becomes of the connection. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import type { Room } from '../../src/api/client.ts';
import type { HttpReply, HttpRequest } from '../../src/api/http.ts';
import type { Told } from '../../src/net/budget.ts';
import { createHttp } from '../../src/net/http.ts';
import { createRateLimit } from '../../src/net/rate-limit.ts';

let server: Server;
let url: string;
let http: ReturnType<typeof createHttp>;
let answered: (number | undefined)[];
let told: Told[];
let connections = 0;
afterEach(() => {
  http.close();
  server.closeAllConnections();
  server.close();
});

async function serve(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
  maxBodyBytes = 3_000_000,
  timeoutMs = 5000,
) {
  server = createServer((request, response) => answer(response, request));
  connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/list`;
  answered = [];
  told = [];
  const limit = createRateLimit({ requestsPerSecond: 1000, concurrency: 1 });
  http = createHttp({ timeoutMs, maxBodyBytes }, limit, undefined, (answer) => {
    answered.push(answer.status);
    told.push(answer);
  });
}

const ask = (more: Partial<HttpRequest> = {}): Promise<HttpReply> =>
  http.request({ method: 'GET', url, priority: 'live', signal: new AbortController().signal, ...more });

const random = Array.from({ length: 400_000 }, (_, index) => Math.imul(index, 2654435761).toString(36)).join('');
/** What is asked for in between must leave nothing open. */
const BODIES: [what: string, body: Buffer, behind: Buffer][] = [
  ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ['a little', Buffer.from('{"a":1}'), Buffer.alloc(0)],
  ['much', Buffer.from(random.slice(0, 2_000_000)), Buffer.alloc(0)],
  ['much that packs well', Buffer.alloc(2_000_000, 'abc'), Buffer.alloc(0)],
  ['a little, and a line feed behind it', Buffer.from('{"a":1}'), Buffer.from('\n')],
  ['much, and a page of a gateway behind it', Buffer.from(random.slice(0, 500_000)), Buffer.from('<html></html>')],
];

test.each(BODIES)('a packed body is unpacked: %s', async (_, body, behind) => {
  await serve((response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(Buffer.concat([gzipSync(body), behind])),
  );
  for (let time = 0; time < 3; time++) expect((await ask()).body.equals(body)).toBe(true);
  expect([answered, connections]).toEqual([[200, 200, 200], 1]);
});

test.each(BODIES.slice(0, 4))('so is one that comes as it is: %s', async (_, body) => {
  await serve((response) => response.end(body));
  for (let time = 0; time < 3; time++) expect((await ask()).body.equals(body)).toBe(true);
  expect([answered, connections]).toEqual([[200, 200, 200], 1]);
});

test.each([
  ['packed', gzipSync(Buffer.alloc(4_000_000))],
  ['a little larger than allowed, packed', gzipSync(Buffer.alloc(3_000_001))],
  ['as it is', Buffer.alloc(3_000_001)],
])('a body that is too large is refused: %s', async (how, body) => {
  await serve((response) => {
    if (how !== 'as it is') response.setHeader('content-encoding', 'gzip');
    response.end(body);
  });
  await expect(ask()).rejects.toMatchObject({ action: 'reject', isTooLarge: true });
});

test('a small body that becomes larger than allowed is refused, however small the limit', async () => {
  await serve((response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(20_000))), 10_000);
  await expect(ask()).rejects.toMatchObject({ action: 'reject', isTooLarge: true });
});

test.each([
  ['cut short', gzipSync(random).subarray(0, 30_000), /cut short/],
  ['no gzip', Buffer.from('plain words'), /not gzip/],
])('a packed body that is %s is worth another try', async (_, body, why) => {
  await serve((response) => response.setHeader('content-encoding', 'gzip').end(body));
  await expect(ask()).rejects.toMatchObject({ action: 'retry', message: expect.stringMatching(why) });
});

test('a connection is used again behind a refusal with few words, not behind one without an end', async () => {
  await serve((response, { url: path }) => {
    response.writeHead(404);
    if (path === '/list') response.end('no such list');
    else response.write('x'.repeat(200_000));
  });
  await ask();
  await ask({ url: url.replace('list', 'endless') });
  await ask();
  expect(connections).toBe(2);
});

test('time in which there is no memory for a body is not the time of its vendor', async () => {
  await serve(
    (response) => {
      response.write('a');
      setTimeout(() => response.end('b'), 100);
    },
    3_000_000,
    1000,
  );
  let asked = 0;
  const need = () => (++asked === 1 ? sleep(1500) : undefined);
  const room: Room = { need, weigh: () => undefined, most: 1e6, release() {} };
  expect((await ask({ room })).body.toString()).toBe('ab');
  expect(asked).toBe(2);
});

test('no memory for a body, because of a stop, ends the request', async () => {
  const closed = Promise.withResolvers<void>();
  await serve((response) => {
    response.write('a');
    response.once('close', () => closed.resolve());
  });
  const stop = new AbortController();
  const need = (_: number, signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const room: Room = { need, weigh: () => undefined, most: 1e6, release() {} };
  setTimeout(() => stop.abort(new Error('told to stop')), 30);
  await expect(ask({ room, signal: stop.signal })).rejects.toThrow('told to stop');
  await closed.promise;
});

test.each(['before its headers', 'within its body'])(
  'a reply that stops coming %s is given up in time',
  async (when) => {
    const closed = Promise.withResolvers<void>();
    await serve(
      (response) => {
        response.once('close', () => closed.resolve());
        if (when === 'within its body') response.write('a');
      },
      3_000_000,
      300,
    );
    await expect(ask()).rejects.toMatchObject({
      action: 'retry',
      message: expect.stringContaining('no complete reply within 300 ms'),
    });
    await closed.promise;
    expect(answered).toEqual([when === 'within its body' ? 200 : undefined]);
  },
);

test('a stop before the headers of a reply is no answer', async () => {
  const closed = Promise.withResolvers<void>();
  await serve((response) => void response.once('close', () => closed.resolve()));
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('told to stop')), 30);
  await expect(ask({ signal: stop.signal })).rejects.toThrow('told to stop');
  await closed.promise;
  expect(answered).toEqual([]);
});

test('a header that cannot be sent is trouble of this request', async () => {
  await serve((response) => response.end('x'));
  await expect(ask({ headers: { authorization: 'Bearer a\nb' } })).rejects.toMatchObject({ action: 'retry' });
  expect((await ask()).body.toString()).toBe('x');
});

test('a header that comes twice, and in another casing, is read', async () => {
  await serve((response) =>
    response
      .writeHead(200, ['Retry-After', '7', 'X-Two', 'a', 'x-two', 'b', 'Set-Cookie', 'c', 'set-cookie', 'd'])
      .end(),
  );
  const { headers } = await ask();
  expect(['RETRY-AFTER', 'x-two', 'set-cookie', 'none'].map((name) => headers.get(name))).toEqual([
    '7',
    'a, b',
    'c, d',
    null,
  ]);
});

test('what is sent says how long it is, and what it accepts', async () => {
  let seen: Record<string, unknown> = {};
  let body = '';
  await serve((response, request) => {
    seen = { method: request.method, ...request.headers };
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => response.end());
  });
  await ask({ method: 'POST', body: '{"ä":1}', headers: { 'content-type': 'application/json' } });
  expect(seen).toMatchObject({
    method: 'POST',
    'content-length': '8',
    'content-type': 'application/json',
    accept: 'application/json',
    'accept-encoding': 'gzip, deflate, br',
    'user-agent': 'sluice',
  });
  expect(body).toBe('{"ä":1}');
});

test('a 429, and a 503 that says how long to wait, ask for a slower pace', async () => {
  await serve((response, { url: path }) => {
    if (path === '/list') response.statusCode = 429;
    else response.writeHead(503, path === '/wait' ? { 'retry-after': '7' } : {});
    response.end();
  });
  const before = performance.now();
  for (const place of ['list', 'wait', 'down']) await ask({ url: url.replace('list', place) });
  expect(told.map(({ status, isThrottled }) => [status, isThrottled])).toEqual([
    [429, true],
    [503, true],
    [503, false],
  ]);
  for (const { sentAtMs } of told) expect(sentAtMs).toBeGreaterThanOrEqual(before);
});
