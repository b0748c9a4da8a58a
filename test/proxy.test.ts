/** The proxy of the environment: nothing is passed by in silence. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { expect, test } from 'vitest';
import { streams } from '../connectors/index.ts';
import { build } from '../src/build.ts';
import { testConfig } from './engine/harness.ts';

function open(env: Record<string, string>) {
  const never = new AbortController().signal;
  const tools = { streams, log: pino({ level: 'silent' }), env, now: Date.now, hardStop: never };
  const config = testConfig('http://vendor.example', '/nowhere', { retry: { deadline: '100ms' } });
  return build(config, tools, false);
}

test('one without a scheme is an HTTP proxy', async () => {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200).end('{"access_token":"a-token"}');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const built = open({ HTTP_PROXY: `127.0.0.1:${(proxy.address() as AddressInfo).port}` });
  try {
    await built.lines[0]?.client.authenticate(AbortSignal.timeout(5000));
    expect(asked).toEqual(['http://vendor.example/auth/v2/token']);
  } finally {
    await built.close();
    proxy.closeAllConnections();
    proxy.close();
  }
});

test.each(['socks5://127.0.0.1:1080', 'ftp://proxy', 'http://'])('%s is refused', (HTTP_PROXY) => {
  expect(() => open({ HTTP_PROXY })).toThrow(/HTTP_PROXY names a proxy that is not supported/);
});
