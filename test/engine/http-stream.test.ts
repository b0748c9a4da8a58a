/** Long replies over HTTP: how they are paced, broken off and given up. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { HttpStream } from '../../src/api/http.ts';
import { createHttp } from '../../src/net/http.ts';
import { createRateLimit } from '../../src/net/rate-limit.ts';

let server: Server;
let url: string;
let http: ReturnType<typeof createHttp>;
afterEach(() => {
  http.close();
  server.closeAllConnections();
  server.close();
});

async function serve(
  answer: (response: ServerResponse, path: string) => void,
  { timeoutMs = 300, concurrency = 1 } = {},
): Promise<void> {
  server = createServer((request, response) => answer(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const budget = createRateLimit({ requestsPerSecond: 1000, concurrency });
  http = createHttp({ timeoutMs, maxBodyBytes: 1000 }, budget);
}

const never = new AbortController().signal;
const open = (path = '/', signal = never): Promise<HttpStream> =>
  http.stream({ method: 'GET', url: `${url}${path}`, priority: 'live', signal });

async function textOf({ body }: HttpStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a body may be longer than what is held of others', async () => {
  await serve((response) => response.end('x'.repeat(5000)));
  expect(await textOf(await open())).toHaveLength(5000);
});

test('a body that nobody reads just now holds up no other request', async () => {
  const closed = Promise.withResolvers<void>();
  await serve((response, path) => {
    response.write('a');
    if (path === '/second') response.end('b');
    else response.once('close', () => closed.resolve());
  });
  const first = await open('/first');
  expect(await textOf(await open('/second'))).toBe('ab');
  for await (const _chunk of first.body) break;
  await closed.promise; // given up, it is ended
});

test.each(['gzip', 'deflate', 'br'])('a refusal whose words are no %s is a refusal all the same', async (encoding) => {
  const words = 'x'.repeat(100_000);
  await serve((response) =>
    response.writeHead(429, { 'content-encoding': encoding, 'retry-after': '1800' }).end(words),
  );
  const request = { method: 'GET' as const, url, priority: 'live' as const, signal: never };
  for (const reply of [await http.request(request), await open()]) {
    expect(reply.status).toBe(429);
    expect(reply.headers.get('retry-after')).toBe('1800');
  }
});

test('of a refusal without end only the beginning is read', async () => {
  await serve((response) => response.writeHead(404).write('x'.repeat(200_000)));
  const { status, body } = await http.request({ method: 'GET', url, priority: 'live', signal: never });
  expect(status).toBe(404);
  expect(body.length).toBeLessThan(200_000);
});

test('the timeout is for the other side, not for a reader who takes his time', async () => {
  await serve((response) => {
    response.write('a');
    setTimeout(() => response.end('b'), 150);
  });
  const { body } = await open();
  let text = '';
  for await (const chunk of body) {
    text += chunk.toString();
    await sleep(500);
  }
  expect(text).toBe('ab');
});

test('a body that stops coming is trouble worth another try', async () => {
  await serve((response) => void response.write('a'));
  const error = await textOf(await open()).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ action: 'retry', message: expect.stringContaining('no complete reply within 300 ms') });
});

test.each(['whole', 'part by part'])('a reply that drips is given up after the timeout, read %s', async (how) => {
  await serve((response) => {
    const drip = setInterval(() => (response.destroyed ? clearInterval(drip) : response.write(' ')), 20);
  });
  const asked = { method: 'GET' as const, url, priority: 'live' as const, signal: never };
  const reading = how === 'whole' ? http.request(asked) : open().then(textOf);
  await expect(reading).rejects.toMatchObject({
    action: 'retry',
    message: expect.stringContaining('no complete reply within 300 ms'),
  });
});

test('a long reply that keeps coming may take longer than the timeout', async () => {
  await serve((response) => {
    let left = 8;
    const more = setInterval(() => {
      response.write('x'.repeat(1_200_000));
      if (--left > 0) return;
      clearInterval(more);
      response.end();
    }, 100);
  });
  expect(await textOf(await open())).toHaveLength(8 * 1_200_000);
});

test('so is one that is cut, with a length and without', async () => {
  await serve((response, path) => {
    if (path === '/length') response.writeHead(200, { 'content-length': '100' });
    response.write('abc');
    setTimeout(() => response.destroy(), 30);
  });
  for (const path of ['/length', '/chunked']) {
    const error = await textOf(await open(path)).catch((caught: unknown) => caught);
    expect(error, path).toMatchObject({ action: 'retry' });
  }
});

test('a stop ends the reading at once, and the request', async () => {
  const closed = Promise.withResolvers<void>();
  await serve((response) => {
    response.write('a');
    response.once('close', () => closed.resolve());
  });
  const stop = new AbortController();
  const { body } = await open('/', stop.signal);
  setTimeout(() => stop.abort(new Error('told to stop')), 30);
  const startedAt = Date.now();
  await expect(textOf({ body } as HttpStream)).rejects.toThrow('told to stop');
  await closed.promise;
  expect(Date.now() - startedAt).toBeLessThan(250);
});

test('nobody listening is trouble worth another try, and takes no place', async () => {
  await serve((response) => response.end('x'));
  const dead = { method: 'GET' as const, url: 'http://127.0.0.1:9/', priority: 'live' as const, signal: never };
  await expect(http.stream(dead)).rejects.toMatchObject({ action: 'retry' });
  expect(await textOf(await open())).toBe('x');
});
