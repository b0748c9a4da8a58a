import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { onlyWhile } from '../../src/commands/coordinated/source.ts';
import { createHttp } from '../../src/net/http.ts';

test('a request whose turn comes after the lease has ended is not sent', async () => {
  let asked = 0;
  const server = createServer((_, reply) => {
    asked++;
    reply.end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  let holds = true;
  const turns: (() => void)[] = [];
  const inTurn = async <T>(_: unknown, __: unknown, call: () => Promise<T>): Promise<T> => {
    await new Promise<void>((resolve) => turns.push(resolve));
    return call();
  };
  const http = createHttp({ timeoutMs: 5000, maxBodyBytes: 1000 }, inTurn);
  const { request } = onlyWhile({ holds: () => holds })('acme', http);
  const { signal } = new AbortController();
  const ask = () => request({ method: 'GET', url, headers: {}, signal, priority: 'live' });
  const first = ask();
  const second = ask();
  turns[0]?.();
  expect((await first).status).toBe(200);
  holds = false;
  turns[1]?.();
  await expect(second).rejects.toThrow('is held');
  expect(asked).toBe(1);
  http.close();
  server.close();
});
