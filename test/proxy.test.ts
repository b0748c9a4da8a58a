/** The proxy of the environment: nothing is passed by in silence. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { expect, test } from 'vitest';
import { streams } from '../connectors/index.ts';
import { build } from '../src/engine/build.ts';
import { proxyRules } from '../src/net/proxy.ts';
import { testConfig } from './engine/harness.ts';

function open(env: Record<string, string>, base = 'http://vendor.example') {
  const never = new AbortController().signal;
  const tools = { streams, log: pino({ level: 'silent' }), env, now: Date.now, hardStop: never };
  const config = testConfig(base, '/nowhere', { retry: { deadline: '100ms' } });
  return build(config, tools, false);
}

/** A proxy that answers everything itself with a token, and a build whose environment names it. */
async function throughProxy(base: string, env: (proxy: string) => Record<string, string>): Promise<string[]> {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200).end('{"access_token":"a-token"}');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const built = open(env(address), base.replace('{proxy}', address));
  try {
    await built.plans[0]?.client.authenticate(AbortSignal.timeout(5000));
    return asked;
  } finally {
    await built.close();
    proxy.closeAllConnections();
    proxy.close();
  }
}

test('one without a scheme is an HTTP proxy', async () => {
  const asked = await throughProxy('http://vendor.example', (HTTP_PROXY) => ({ HTTP_PROXY }));
  expect(asked).toEqual(['http://vendor.example/auth/v2/token']);
});

test('a network that NO_PROXY excepts is reached directly', async () => {
  const env = (http_proxy: string) => ({ http_proxy, no_proxy: '10.0.0.0/8, 127.0.0.0/8' });
  // A path alone is what a server gets, the whole address what a proxy gets.
  expect(await throughProxy('http://{proxy}', env)).toEqual(['/auth/v2/token']);
});

test.each(['socks5://127.0.0.1:1080', 'ftp://proxy', 'http://'])('%s is refused', (HTTP_PROXY) => {
  expect(() => open({ HTTP_PROXY })).toThrow(/HTTP_PROXY names a proxy that is not supported/);
});

const excepts: [list: string, direct: string[], proxied: string[]][] = [
  ['*', ['https://any.example', 'http://10.1.2.3'], []],
  ['10.0.0.0/8', ['https://10.200.0.1', 'http://10.0.0.1:8080'], ['https://11.0.0.1', 'https://10.example']],
  ['fd00::/8', ['https://[fd12:3::4]', 'http://[FD00::1]:80'], ['https://[fe80::1]', 'https://253.0.0.1']],
  ['[fd00::]/8:443', ['https://[fd12:3::4]'], ['http://[fd12:3::4]']],
  ['192.168.1.0/28:8443', ['https://192.168.1.15:8443'], ['https://192.168.1.15', 'https://192.168.1.16:8443']],
  ['192.168.1.7', ['https://192.168.1.7', 'https://[::ffff:192.168.1.7]'], ['https://192.168.1.70']],
  ['::1', ['http://[0:0::1]'], ['http://[::2]']],
  ['[::1]:9200', ['http://[::1]:9200'], ['http://[::1]:9201']],
  ['10.0.0.5-10.0.0.9', ['https://10.0.0.9'], ['https://10.0.0.10']],
  ['fd00::5-fd00::9', ['https://[fd00::9]'], ['https://[fd00::10]']],
  ['example.com', ['https://example.com', 'https://EU.Example.com.'], ['https://badexample.com', 'https://example.co']],
  ['.example.com', ['https://example.com', 'https://a.b.example.com'], ['https://example.com.evil.test']],
  ['*.Example.COM', ['https://eu.example.com'], ['https://eu.example.org']],
  ['example.com:8443', ['https://example.com:8443'], ['https://example.com', 'http://example.com:844']],
  ['example.com:443', ['https://example.com'], ['http://example.com']],
  [' a.test ,\tb.test  c.test,', ['http://a.test', 'http://b.test', 'http://c.test'], ['http://d.test']],
  ['', [], ['https://any.example']],
];

test.each(excepts)('NO_PROXY "%s"', (NO_PROXY, direct, proxied) => {
  const rules = proxyRules('environment', { HTTPS_PROXY: 'proxy.test', NO_PROXY }, 'acme');
  const asked = [...direct, ...proxied];
  expect(asked.filter((url) => rules.isDirect(new URL(url)))).toEqual(direct);
});

test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/8x', '10.0.0.9-10.0.0.1'])(
  'NO_PROXY "%s" is refused',
  (NO_PROXY) => {
    expect(() => proxyRules('environment', { NO_PROXY }, 'acme')).toThrow(`NO_PROXY has "${NO_PROXY}"`);
  },
);

test('ALL_PROXY is for those who name no other, and refused like them', () => {
  const both = { HTTP_PROXY: 'http://all.test', HTTPS_PROXY: 'http://all.test' };
  expect(proxyRules('environment', { all_proxy: 'all.test' }, 'acme').env).toEqual(both);
  const env = { HTTPS_PROXY: 'one.test', ALL_PROXY: 'socks5://all.test' };
  expect(proxyRules('environment', env, 'acme').env).toEqual({ HTTPS_PROXY: 'http://one.test' });
  expect(() => open({ ALL_PROXY: 'socks5h://all.test' })).toThrow(/ALL_PROXY names a proxy that is not supported/);
});

test('the lower case goes first; a proxy of the config knows no exceptions', () => {
  const env = { HTTP_PROXY: 'upper.test', http_proxy: 'lower.test', NO_PROXY: 'a.test', no_proxy: 'b.test' };
  const rules = proxyRules('environment', env, 'acme');
  expect(rules.env).toEqual({ HTTP_PROXY: 'http://lower.test' });
  expect(['http://a.test', 'http://b.test'].map((url) => rules.isDirect(new URL(url)))).toEqual([false, true]);
  expect(proxyRules('http://own.test', { NO_PROXY: '*' }, 'acme').isDirect(new URL('http://a.test'))).toBe(false);
  expect(proxyRules('none', env, 'acme')).toMatchObject({ env: {} });
});
