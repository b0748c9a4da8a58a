/** The status page's server: who may ask, what is told, and who may act. */

import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { Switchboard } from '../../src/engine/jobs/switchboard.ts';
import { createEvents } from '../../src/observe/server/events.ts';
import { hasToken, isOwnHost, isSameOrigin } from '../../src/observe/server/guard.ts';
import { type StatusServer, startServer } from '../../src/observe/server/server.ts';
import type { Status } from '../../src/observe/status/model.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { LIST, MINUTE_MS, walkOf, watchedPipeline } from './watched.ts';

const TOKEN = 'the-token-of-the-page-7f3QzLp0aVx9';
let server: StatusServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function freePort(): Promise<number> {
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(0, '127.0.0.1', resolve));
  const { port } = socket.address() as AddressInfo;
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

async function serve({ token = TOKEN, hosts = [] as string[] }: { token?: string | undefined; hosts?: string[] } = {}) {
  const pipeline = watchedPipeline();
  const asked: unknown[] = [];
  const switchboard: Switchboard = {
    pause: (...what) => void asked.push(['pause', ...what]),
    resume: (...what) => void asked.push(['resume', ...what]),
    job(id, to) {
      if (id === 404) throw new Error('there is no job 404');
      asked.push([to, id]);
    },
  };
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const redactor = createRedactor();
  redactor.protect(TOKEN);
  const port = await freePort();
  const health = { host: '127.0.0.1', port, hosts, token: token === '' ? undefined : () => token };
  server = await startServer(health, pipeline.model, { log, redactor, switchboard });
  const url = `http://127.0.0.1:${port}`;
  const act = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/api/act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers },
      body: JSON.stringify(body),
    }).then(async (reply) => ({ code: reply.status, text: await reply.text() }));
  return { ...pipeline, asked, lines, port, url, act };
}

/** As a browser does that was told a name. */
function askAs(port: number, path: string, host: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host } }, (reply) => {
      let text = '';
      reply.on('data', (chunk) => (text += chunk));
      reply.on('end', () => resolve({ code: reply.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

describe('what is told', () => {
  test('is the status as JSON, without what a terminal or page would obey, and without secrets', async () => {
    const { events, refusals, pass, url } = await serve();
    events.began(walkOf('live'));
    events.requesting('live', LIST);
    events.walkFailed(walkOf('live'), `<img src=x onerror=alert(1)> \u001b[31m ${TOKEN}`, 'Look.');
    expect(refusals.counts.size).toBe(0);
    pass(3 * MINUTE_MS);
    const reply = await fetch(`${url}/api/status`);
    const text = await reply.text();
    const status = JSON.parse(text) as Status;
    expect(status).toMatchObject({ state: 'failing', isRunning: true, version: '1.2.3', jobs: [] });
    expect(status.streams).toMatchObject([
      { source: 'acme', state: 'failing', advice: 'Look.', walks: [{ walk: 'live', state: 'failing' }] },
    ]);
    expect(text).toMatch(/^[\x20-\x7e…]+\n$/);
    expect(text).not.toContain(TOKEN.slice(0, 12));
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('the page loads nothing, and runs nothing but its own script', async () => {
    const { url } = await serve();
    const reply = await fetch(url);
    const html = await reply.text();
    const policy = reply.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; /,
    );
    expect(policy).not.toMatch(/unsafe|https?:/);
    expect(html).not.toMatch(/src=|@import|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(html.match(/<\/script>/g)).toHaveLength(1);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('events come at once and then again, with one line of JSON each', async () => {
    const { url } = await serve();
    const reply = await fetch(`${url}/api/events`);
    expect(reply.headers.get('content-type')).toMatch(/^text\/event-stream/);
    let text = '';
    for await (const chunk of reply.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      if ((text.match(/^data: /gm) ?? []).length === 2) break;
    }
    const [first = ''] = /^data: (.*)$/m.exec(text)?.slice(1) ?? [];
    expect(JSON.parse(first)).toMatchObject({ streams: [{ stream: 'cylance.detection' }] });
  });
});

describe('who may ask', () => {
  test('a page whose name somebody has pointed here reads nothing; probes and Prometheus ask by any name', async () => {
    const { port } = await serve({ hosts: ['sluice.internal'] });
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example'])
      for (const path of ['/', '/api/status', '/api/events'])
        expect(await askAs(port, path, host), `${host}${path}`).toMatchObject({ code: 421 });
    for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]:80', '10.1.2.3', 'SLUICE.internal:8080'])
      expect((await askAs(port, '/api/status', host)).code, host).toBe(200);
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await askAs(port, path, 'sluice:8080')).code).toBe(200);
  });

  test('the parts of it', () => {
    expect(isOwnHost(undefined, [])).toBe(false);
    expect(isOwnHost('a b', [])).toBe(false);
    expect(isOwnHost('0x7f.1', [])).toBe(true); // an address in another spelling is no name that can be pointed elsewhere
    const host = '127.0.0.1:8080';
    expect(isSameOrigin({ host })).toBe(true);
    expect(isSameOrigin({ host, origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' })).toBe(true);
    for (const headers of [{ origin: 'null' }, { origin: 'http://127.0.0.1:9090' }, { 'sec-fetch-site': 'same-site' }])
      expect(isSameOrigin({ host, ...headers })).toBe(false);
    expect([hasToken(`Bearer ${TOKEN}`, TOKEN), hasToken(TOKEN, TOKEN), hasToken(undefined, TOKEN)]).toEqual([
      ...[true, false, false],
    ]);
    for (const wrong of ['', 'Bearer ', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`])
      expect(hasToken(wrong, TOKEN)).toBe(false);
  });
});

describe('who may act', () => {
  test('somebody with the token, from the page itself, and it is logged', async () => {
    const { act, asked, lines, url } = await serve();
    expect(await act({ action: 'pause', source: 'acme', stream: 'cylance.detection' })).toMatchObject({ code: 200 });
    expect(await act({ action: 'resume', source: 'acme' }, { origin: url })).toMatchObject({ code: 200 });
    expect(await act({ action: 'cancel', job: 7 })).toMatchObject({ code: 200 });
    expect(asked).toEqual([
      ['pause', 'acme', 'cylance.detection'],
      ['resume', 'acme', undefined],
      ['cancel', 7],
    ]);
    expect(lines.map((line) => JSON.parse(line)).filter(({ msg }) => /asked for/.test(msg))).toMatchObject([
      { 'sluice.action': 'pause', 'sluice.stream': 'cylance.detection' },
      { 'sluice.action': 'resume' },
      { 'sluice.action': 'cancel', 'sluice.job': 7 },
    ]);
  });

  test('nobody else', async () => {
    const { act, asked, lines } = await serve();
    const started = performance.now();
    expect(await act({ action: 'pause', source: 'acme' }, { authorization: 'Bearer no' })).toMatchObject({ code: 401 });
    expect(performance.now() - started).toBeGreaterThan(900);
    expect(lines.join('')).toContain('wrong token');
    expect(await act({ action: 'pause', source: 'acme' }, { origin: 'http://evil.example' })).toMatchObject({
      code: 403,
    });
    expect(await act({ action: 'pause', source: 'acme' }, { 'sec-fetch-site': 'cross-site' })).toMatchObject({
      code: 403,
    });
    expect(await act({ action: 'pause', source: 'acme' }, { 'content-type': 'text/plain' })).toMatchObject({
      code: 415,
    });
    for (const odd of [
      { action: 'drop', source: 'acme' },
      { action: 'cancel', source: 'acme' },
      { action: 'pause', source: 1 },
      [],
      'x',
    ])
      expect((await act(odd)).code).toBe(400);
    expect((await act({ action: 'pause', source: 'a'.repeat(10_000) })).code).toBe(400);
    expect(await act({ action: 'cancel', job: 404 })).toMatchObject({
      code: 409,
      text: expect.stringContaining('no job 404'),
    });
    expect(asked).toEqual([]);
  });

  test('and nobody at all where no token is set', async () => {
    const { act, asked } = await serve({ token: '' });
    expect(await act({ action: 'pause', source: 'acme' })).toMatchObject({
      code: 403,
      text: expect.stringContaining('health.token'),
    });
    expect(asked).toEqual([]);
  });
});

test('nothing is made while nobody looks, and once for all who do', async () => {
  let made = 0;
  const events = createEvents(() => String(++made), 50);
  const listeners: (() => void)[] = [];
  const client = () => {
    const frames: string[] = [];
    let close = () => {};
    const response = {
      writableLength: 0,
      writeHead() {},
      write: (text: string) => void frames.push(text),
      on: (_name: string, listener: () => void) => {
        close = listener;
      },
      end: () => void listeners.push(close),
    };
    return { response, frames, close: () => close() };
  };
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await pause(120);
  expect(made).toBe(0);
  const clients = Array.from({ length: 10 }, client);
  for (const { response } of clients) expect(events.add(response as never)).toBe(true);
  const begun = made;
  await pause(275);
  expect(made - begun).toBeGreaterThanOrEqual(3);
  expect(made - begun).toBeLessThanOrEqual(6);
  expect(new Set(clients.map(({ frames }) => frames.length)).size).toBe(1);
  clients[0]?.response && Object.assign(clients[0].response, { writableLength: 5_000_000 });
  const before = clients.map(({ frames }) => frames.length);
  await pause(120);
  expect(clients[0]?.frames.length).toBe(before[0]); // it takes nothing, and nothing is kept for it
  expect(clients[1]?.frames.length).toBeGreaterThan(before[1] ?? 0);
  for (const { close } of clients) close();
  const ended = made;
  await pause(120);
  expect(made).toBe(ended);
});
