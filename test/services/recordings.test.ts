/** Recordings of a terminal while vendor and cluster attack it: nothing of what they say is obeyed. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Answer,
  type Asked,
  ATTACK,
  detectionOf,
  FORGED,
  type Hostile,
  hostileCluster,
  hostileVendor,
  listOf,
} from '../e2e/hostile.ts';
import { obeyed, type Recording, record } from './recording.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
let folder: string;
let open: Hostile[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-terminal-'));
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
});

const on = (...argv: string[]): Promise<Recording> => stopped(argv);

/** As a person would, who does not wait for the end. */
function stopped(argv: string[], afterMs?: number): Promise<Recording> {
  const env = { PATH: process.env.PATH, HOME: folder, SECRET: 'a-secret-of-the-terminal' };
  return record([MAIN, ...argv], { cwd: folder, env }, afterMs);
}

async function configure(answer?: (asked: Asked) => Answer | undefined, source: object = {}): Promise<void> {
  const vendor = await hostileVendor(() => 'a-token-of-the-terminal', answer);
  const cluster = await hostileCluster(() => ATTACK);
  open.push(vendor, cluster);
  const config = {
    sources: [
      {
        ...{ name: 'acme', connector: 'cylance', base_url: vendor.url, streams: ['cylance.detection'] },
        ...{ tenant_id: 't', application_id: 'a', application_secret: `\${SECRET}` },
        ...{ http: { proxy: 'none' }, retry: { deadline: '1s', first_delay: '50ms', max_delay: '200ms' } },
        ...{ reading: { settle_attempts: 2, sweeps: [] }, ...source },
      },
    ],
    sinks: [
      { name: 'elastic', type: 'elasticsearch', nodes: [cluster.url], api_key: `\${SECRET}`, retry_deadline: '1s' },
      { name: 'files', type: 'ndjson' },
    ],
  };
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(config));
}

/** The attack was there, was shown, and is in the middle of whatever line it is in. */
function expectInert({ text }: Recording, { isShown = true, hasBar = false } = {}): void {
  expect(obeyed(text, hasBar)).toEqual([]);
  expect(text).not.toMatch(FORGED);
  expect(text).not.toContain('\u001b[31mRED'); // in colours that the log has, too
  if (isShown) expect(text).toContain('\\u001b]0;PWNED\\u0007');
}

/** What a command prints for programs, beside what it says on stderr. */
function jsonOf({ text }: Recording): unknown[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('warning: '));
  return lines.map((line) => JSON.parse(line) as unknown);
}

const isList = ({ path }: Asked) => path.endsWith('/detections/v2');
const evil = { Id: ATTACK, Comment: ATTACK, DetectionDescription: ATTACK, Device: { Name: ATTACK, CylanceId: ATTACK } };

test('a recording is of a terminal: logs are for people and in colours', async () => {
  await configure();
  const { text, code } = await on('run', '--once');
  expect(code).toBe(1);
  expect(text).toContain('\u001b[32mINFO\u001b[39m: \u001b[36mSluice ');
  expect(obeyed('a\u001b[31mb\n\r')).toHaveLength(1);
  expect(obeyed('\u001b[2J')).toHaveLength(1);
});

describe('the vendor attacks', () => {
  const ATTACKS: Record<string, (asked: Asked) => Answer | undefined> = {
    'in a refusal': (asked) => (isList(asked) ? { status: 400, body: { message: ATTACK } } : undefined),
    'in a plain refusal': (asked) => (isList(asked) ? { status: 400, body: `${ATTACK} in plain text` } : undefined),
    'in what is no JSON': (asked) => (isList(asked) ? { body: `${ATTACK.slice(0, 30)}` } : undefined),
    'in a redirection': (asked) =>
      isList(asked)
        ? { status: 302, headers: { location: '/%1b]0;PWNED%07/\u009b31m' }, body: `<p>${ATTACK}</p>` }
        : undefined,
    'in the refusal of a token': ({ path }) => (path.endsWith('/token') ? { status: 503, body: ATTACK } : undefined),
    'in the refusal of credentials': ({ path }) =>
      path.endsWith('/token') ? { status: 401, body: { message: ATTACK } } : undefined,
    'in the refusal of a detail': ({ path }) => (path.endsWith('/details') ? { status: 500, body: ATTACK } : undefined),
  };

  /** A backfill waits for the others. */
  const ENDS = ['in a refusal', 'in a plain refusal', 'in the refusal of credentials'];

  test.each(Object.entries(ATTACKS))('%s', { timeout: 120_000 }, async (how, attack) => {
    await configure(attack);
    const isShown = how !== 'in a redirection';
    expectInert(await on('check'), { isShown });
    expectInert(await on('run', '--once'), { isShown });
    expectInert(await on('sample', 'cylance.detection', '--log-level', 'debug'), { isShown }); // with its stack
    const isOver = ENDS.includes(how);
    const backfill = ['backfill', '--from', '1d', '--log-level', 'trace'];
    expectInert(await stopped(backfill, isOver ? undefined : 3000), { isShown: isOver, hasBar: true });
    expectInert(await on('state', 'show'), { isShown: isOver }); // what the backfill failed with
  });

  test('in ids and members, whole and with a detail of another record', { timeout: 120_000 }, async () => {
    for (const detail of [evil, { Id: 'other' }]) {
      await configure((asked) => {
        if (isList(asked)) return { body: listOf([{ ...detectionOf('x'), ...evil }]) };
        return asked.path.endsWith('/details') ? { body: { ...detectionOf('x'), ...detail } } : undefined;
      });
      for (const argv of [
        ['check'],
        ['run', '--once', '--log-level', 'trace'],
        ['rejections', 'list'],
        ['rejections', 'list', '--json', '--documents'],
        ['rejections', 'replay'],
        ['state', 'show'],
        ['state', 'show', '--json'],
        ['sample', 'cylance.detection'],
        ['sample', 'cylance.detection', '--json'],
      ]) {
        const recording = await on(...argv);
        expectInert(recording, { isShown: detail === evil && argv[1] === 'list' });
        if (detail === evil && argv.includes('--json')) expect(jsonOf(recording).length).toBeGreaterThan(0);
      }
      // For programs, it is what the vendor said.
      if (detail === evil)
        expect(jsonOf(await on('sample', 'cylance.detection', '--json', '--raw'))).toMatchObject([evil]);
      const names = readdirSync(join(folder, 'sluice-out'), { recursive: true, encoding: 'utf8' });
      for (const name of names) expect(name).toMatch(/^[\w./-]+$/);
      rmSync(join(folder, 'sluice-state'), { recursive: true });
    }
  });
});

test('the cluster attacks, in what it rejects, and in what it says of itself', async () => {
  await configure();
  for (const argv of [
    ['check'],
    ['run', '--once'],
    ['rejections', 'list'],
    ['rejections', 'replay'],
    ['state', 'show'],
    ['setup', 'elasticsearch'],
    ['backfill', '--from', '2d'],
  ]) {
    const isShown = ['check', 'run', 'setup'].includes(argv[0] ?? '') || argv[1] === 'list';
    expectInert(await on(...argv), { isShown, hasBar: argv[0] === 'backfill' });
  }
});

test('a file attacks: the config, and what a secret is read from', async () => {
  await configure();
  writeFileSync(
    join(folder, 'evil.yaml'),
    `sources: [{ connector: cylance, ${JSON.stringify(ATTACK)}: 1, region: ${JSON.stringify(ATTACK)} }]\n`,
  );
  const refused = await on('check', '--config', 'evil.yaml');
  expectInert(refused);
  expect(refused.code).toBe(2);
  expect(refused.text.split('\n').length).toBeGreaterThan(4); // a line for each problem
  expectInert(await on('run', '--config', `${ATTACK.replaceAll('\u0000', '')}.yaml`));
});

test('who answers in place of a running Sluice attacks', async () => {
  let body = '';
  const server = createServer((_, response) => response.writeHead(503).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const findings = { pipelines: [{ pipeline: ATTACK, ok: false, why: ATTACK, warning: ATTACK }] };
  for (const each of [JSON.stringify(findings), `{"pipelines":${JSON.stringify(ATTACK)}}`, ATTACK]) {
    body = each;
    for (const more of [[], ['--json']]) {
      const recording = await on('health', '--url', url, ...more);
      expectInert(recording);
      if (more.length > 0) expect(() => JSON.parse(recording.text)).not.toThrow();
    }
  }
  await new Promise((resolve) => server.close(resolve));
});
