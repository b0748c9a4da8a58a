/** A gateway, a vendor and a cluster that repeat whatever they are sent, in every form: it is in no output, file or state. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Asked, detectionOf, type Hostile, hostileCluster, hostileVendor, listOf } from './hostile.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const TOKEN = 'Tq7Vz0aXk4mN8sLp2rYb6cWd9eHf3gJu5iKo1tQv7zR';
const SECRET = '9d1c7e52-4b0f-4a86-b3c7-61f0e2a8d493';
const APEX_KEY = 'E7A3C1D9-52B8-4F60-9A1E-0C6D4B28F735';
const ES_ID = 'kQ2xV5gBn8rTz1mYc4hW';
const ES_KEY = 'Zp0uR3yHq6jXw9eLs2fDaV';
const API_KEY = Buffer.from(`${ES_ID}:${ES_KEY}`).toString('base64');

let folder: string;
let open: Hostile[];
let running: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-echoes-'));
  open = [];
  running = [];
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(open.map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

interface Said {
  text(): string;
  /** Undefined while it runs. */
  code(): number | null | undefined;
  ended: Promise<number | null>;
  stop(): void;
}

function start(...argv: string[]): Said {
  const env = { PATH: process.env.PATH, HOME: folder, SECRET, APEX_KEY, API_KEY };
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
    });
  let code: number | null | undefined;
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (its) => {
      code = its;
      resolve(its);
    }),
  );
  return { text: () => text, code: () => code, ended, stop: () => child.kill('SIGTERM') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A secret, and what somebody may make of it. */
function formsOf(secret: string): string[] {
  return [
    secret,
    base64(secret),
    base64(`x${secret}`).replace(/=+$/, ''),
    base64(`Bearer ${secret}`),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('hex').replace(/../g, '%$&'),
    encodeURIComponent(secret).toLowerCase(),
    secret.slice(0, 12),
    secret.slice(-12),
    secret.slice(7, 23),
    JSON.stringify({ headers: JSON.stringify({ authorization: secret }) }),
  ];
}

const everyFormOf = (secrets: string[]) => secrets.flatMap(formsOf).join(' and ');

/** Every twelve characters in a row of a secret, of its Base64 wherever it begins, and of its digits, in lower case. */
function piecesOf(secret: string): string[] {
  const encoded = [0, 1, 2].map((before) => {
    const text = base64(`${'x'.repeat(before)}${secret}`);
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + secret.length) * 8) / 6));
  });
  const all = [secret, ...encoded, Buffer.from(secret).toString('hex')].map((text) => text.toLowerCase());
  return all.flatMap((text) => [...new Array(text.length - 11).keys()].map((at) => text.slice(at, at + 12)));
}

function leaksIn(name: string, text: string, secrets: string[]): string[] {
  const lower = text.toLowerCase();
  for (const secret of secrets)
    for (const piece of piecesOf(secret)) {
      const at = lower.indexOf(piece);
      if (at >= 0) return [`${name}: a piece of ${secret} in …${text.slice(Math.max(0, at - 60), at + 40)}…`];
    }
  return [];
}

function filesBelow(path: string): [string, string][] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(path, name)).isFile() && !name.endsWith('.yaml'));
  return files.map((name) => [name, readFileSync(join(path, name), 'latin1')]);
}

/** Such a reply is read part by part. */
const LONG_BYTES = 5 * 1024 * 1024;
const QUERY = 'AF593F38EDC1B743BDC0A6FCC53A03CD';
const NOW = new Date(Date.now() - 3_600_000).toISOString();

test('what was sent comes back in no output', { timeout: 180_000 }, async () => {
  /** Those of one request: signed tokens, by their signatures. */
  const signatures = new Set<string>();
  const sent = [TOKEN, SECRET];
  let failures = 0;
  let echoes = 0;
  const echo = (...more: string[]) => {
    echoes++;
    return everyFormOf([...sent, ...more]);
  };
  const signed = (token: string) => {
    const [, payload = '', signature = ''] = token.split('.');
    signatures.add(signature);
    signatures.add(payload);
    return [token, `…${token.slice(-100)}`];
  };
  const evilRecord = (id: string) => ({
    ...detectionOf(id),
    DetectionDescription: `it was ${echo()} there`,
    Comment: { [TOKEN]: TOKEN, deep: [[{ text: JSON.stringify({ inner: JSON.stringify({ a: TOKEN }) }) }]] },
    CommandLine: [TOKEN, SECRET.toUpperCase(), '--user', SECRET],
    Escaped: 'kept',
  });
  const answer = ({ method, path, authorization, body }: Asked) => {
    if (method === 'PUT') {
      const said = `the signature is wrong: ${signed(authorization.split(' ')[1] ?? '').join(' ')} ${everyFormOf([APEX_KEY])}`;
      return { body: { Data: { Code: 5, Message: said }, Meta: { result: 0, errorCode: 7, errorMsg: said } } };
    }
    if (path.endsWith('/token')) {
      const { auth_token: own } = JSON.parse(body) as { auth_token: string };
      return failures++ < 2 ? { status: 503, body: `bad body: ${signed(own).join(' ')} ${echo()}` } : undefined;
    }
    if (path.endsWith('/detections/v2')) {
      if (failures++ < 5) return { status: 503, body: `<html><p>you sent ${authorization} ${echo()}</p></html>` };
      const text = JSON.stringify(listOf([evilRecord('d-1'), evilRecord('d-2'), evilRecord(`id-${TOKEN}`)]));
      return {
        body: text.replaceAll(
          '"kept"',
          `"kept ${[...TOKEN].map((one) => `\\u00${one.charCodeAt(0).toString(16)}`).join('')}"`,
        ),
      };
    }
    const [, id] = /\/detections\/v2\/(.+)\/details$/s.exec(path) ?? [];
    if (id === 'd-2') return { status: 500, body: `no detail for ${authorization} ${echo()}` };
    if (id !== undefined) return { body: evilRecord(id.startsWith('id-') ? `id-${TOKEN}` : id) };
    if (path.endsWith('/instaqueries/v2'))
      return { body: listOf([{ id: QUERY, name: echo(), created_at: NOW, progress: {}, results_available: true }]) };
    if (path.endsWith('/results')) {
      const results = Array.from({ length: 60 }, (_, index) => ({
        ...{ '@timestamp': NOW, HostName: 'h', DeviceId: `d-${index}` },
        Result: { Uid: `u-${index}`, Name: index % 7 === 0 ? echo() : 'n' },
      }));
      const text = JSON.stringify({ id: QUERY, status: TOKEN, result: results });
      return { body: text.replaceAll('{"@timestamp"', `${' '.repeat(LONG_BYTES / results.length)}{"@timestamp"`) };
    }
    return undefined;
  };
  const vendor = await hostileVendor(() => TOKEN, answer);
  const cluster = await hostileCluster(({ authorization }) => everyFormOf([authorization, API_KEY, ES_KEY]));
  open.push(vendor, cluster);
  const port = await freePort();
  const shared = {
    ...{
      base_url: vendor.url,
      http: { proxy: 'none' },
      reading: { settle_attempts: 2, poll: '1s', snapshot: '1s', sweeps: [] },
    },
    retry: { deadline: '5s', first_delay: '20ms', max_delay: '100ms' },
  };
  const config = {
    sources: [
      {
        ...{ name: 'acme', connector: 'cylance', tenant_id: 't', application_id: 'a', keep_original: true, ...shared },
        ...{ application_secret: `\${SECRET}`, streams: ['cylance.detection', 'cylance.instaquery_result'] },
      },
      { name: 'apex', connector: 'apex_central', application_id: 'a', api_key: `\${APEX_KEY}`, ...shared },
    ],
    sinks: [
      { name: 'files', type: 'ndjson', path: 'out' },
      { name: 'elastic', type: 'elasticsearch', nodes: [cluster.url], api_key: `\${API_KEY}`, retry_deadline: '2s' },
    ],
    ...{ health: { port }, log: { level: 'trace', format: 'json' } },
  };
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(config));

  const run = start('run');
  const told = [
    'answered 503',
    'answered 500',
    'the sink rejects documents',
    'no request of this source gets through',
    'refused the signature',
  ];
  const documents = () =>
    filesBelow(folder).flatMap(([name, text]) => (name.includes('.ndjson') ? text.split('\n') : []));
  await expect
    .poll(() => [run.code(), told.filter((what) => !run.text().includes(what)), documents().length > 60], {
      timeout: 90_000,
    })
    .toEqual([undefined, [], true]);
  const outputs: [string, string][] = [];
  for (const path of ['metrics', 'healthz', 'readyz'])
    outputs.push([path, await fetch(`http://127.0.0.1:${port}/${path}`).then((reply) => reply.text())]);
  outputs.push(...filesBelow(folder)); // with the write-ahead log, which a clean end removes
  run.stop();
  expect(await run.ended).toBe(0);
  outputs.push(['run', run.text()]);

  for (const argv of [
    ['check', '--log-level', 'trace'],
    ['rejections', 'list'],
    ['rejections', 'list', '--json', '--documents'],
    ['state', 'show', '--json'],
    ['sample', 'cylance.detection', '--json', '-n', '3'],
    ['sample', 'cylance.instaquery_result', '--raw', '-n', '60'],
    ['run', '--once', '--log-level', 'trace'],
    ['backfill', '--from', '1d', '--log-level', 'debug'],
  ]) {
    const { text, ended } = start(...argv);
    await ended;
    outputs.push([argv.join(' '), text()]);
  }
  outputs.push(...filesBelow(folder));
  const secrets = [...sent, APEX_KEY, ES_KEY, ...signatures];
  expect(outputs.flatMap(([name, text]) => leaksIn(name, text, secrets))).toEqual([]);

  // None of this counts if it was not repeated, or if nothing but it was taken away.
  expect(echoes).toBeGreaterThan(20);
  expect(signatures.size).toBeGreaterThan(4);
  const shipped = documents().filter((line) => line.startsWith('{'));
  expect(shipped.some((line) => line.includes('it was [removed] and [removed]'))).toBe(true);
  expect(new Set(shipped.map((line) => (JSON.parse(line) as { event: { id: string } }).event.id)).size).toBeGreaterThan(
    60,
  );
  for (const line of shipped.filter((one) => one.includes('instaquery_result')))
    expect(line).toMatch(/"Uid\\?":\\?"u-\d+/i);
});
