/** `sluice setup kibana` against a Kibana that keeps what it is given, and against others that refuse it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectionRules, savedObjects } from '../../content/index.ts';
import { runCli } from '../../src/cli.ts';
import { type FakeKibana, type FakeOptions, startFakeKibana } from './fake-kibana.ts';

const KEY = 'kibana-key-Zx81-of-the-tests';
const OBJECTS = savedObjects().length;
const RULES = detectionRules().length;

let folder: string;
const cleanUps: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-kibana-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function kibana(options: FakeOptions = { apiKey: KEY }): Promise<FakeKibana> {
  const started = await startFakeKibana(options);
  cleanUps.push(started.close);
  return started;
}

/** The command in this process. */
async function setUp(url: string, argv: string[] = [], env: Record<string, string> = { KIBANA_API_KEY: KEY }) {
  let code = 0;
  let stdout = '';
  let stderr = '';
  const signal = new AbortController().signal;
  await runCli({
    argv: ['setup', 'kibana', '--kibana', url, ...argv],
    env,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    ...{
      isTty: false,
      columns: 100,
      signal,
      hardStop: signal,
      now: Date.now,
      streams: [],
      self: ['sluice'],
      version: '0',
    },
    simulator: () => import('../../simulator/index.ts'),
    content: () => import('../../content/index.ts'),
    setExitCode: (given) => {
      code = given;
    },
  });
  expect(stdout + stderr).not.toContain(KEY);
  return { code, stdout, stderr };
}

describe('an import', () => {
  it('brings everything, and a second one replaces it and leaves the rules alone', async () => {
    const { url, objects, rules } = await kibana();
    const first = await setUp(url);
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: 'Kibana 9.2.0\n' });
    expect([objects.size, rules.size]).toEqual([OBJECTS, RULES]);
    expect(first.stdout).toMatch(/^dashboard +Sluice: overview +created$/m);
    expect(first.stdout).toMatch(/^data view +Sluice: heartbeats +created$/m);
    expect(first.stdout).toMatch(/^rule +Cylance detection +created$/m);
    expect(first.stdout).toContain('New rules are disabled');

    const second = await setUp(url);
    expect(second.code).toBe(0);
    expect([objects.size, rules.size]).toEqual([OBJECTS, RULES]);
    expect(second.stdout).toMatch(/^dashboard +Sluice: overview +replaced$/m);
    expect(second.stdout).toMatch(/^rule +Cylance detection +unchanged$/m);
    expect(second.stdout).not.toContain('New rules');
  });

  it('replaces an older rule, and keeps what people set on it', async () => {
    const { url, rules } = await kibana();
    const set = { enabled: true, actions: [{ id: 'mail' }], exceptions_list: [{ id: 'ours' }] };
    const [rule] = detectionRules();
    rules.set(`default/${rule?.rule_id}`, { ...rule, version: 0, query: 'old', ...set });
    const { code, stdout } = await setUp(url);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rule +Cylance detection +replaced$/m);
    expect(rules.get(`default/${rule?.rule_id}`)).toEqual({ ...rule, ...set });
  });

  it('goes into a space, below a base path', async () => {
    const { url, objects, asked } = await kibana({ apiKey: KEY, spaces: ['soc'] });
    expect(await setUp(`${url}/`, ['--space', 'soc'])).toMatchObject({ code: 0, stderr: 'Kibana 9.2.0, space soc\n' });
    expect([...objects.keys()].every((key) => key.startsWith('soc/'))).toBe(true);
    expect(new Set(asked.map((one) => one.split(' ')[1]?.slice(0, 7)))).toEqual(new Set(['/s/soc/']));
  });

  it('with --dry-run changes nothing, and says what it would', async () => {
    const { url, objects, rules, asked } = await kibana();
    const { code, stdout } = await setUp(url, ['--dry-run', '--json']);
    expect({ code, objects: objects.size, rules: rules.size }).toEqual({ code: 0, objects: 0, rules: 0 });
    expect(asked.filter((one) => one.startsWith('POST'))).toEqual([]);
    const said = JSON.parse(stdout) as { dryRun: boolean; objects: { kind: string; action: string }[] };
    expect(said.dryRun).toBe(true);
    expect(said.objects.filter(({ kind }) => kind === 'rule')).toHaveLength(RULES);
    expect(said.objects).toHaveLength(OBJECTS + RULES);
  });

  it('with --latest asks the indices that hold what is now', async () => {
    const { url, objects } = await kibana();
    expect((await setUp(url)).code).toBe(0);
    expect(objects.has('default/index-pattern/sluice-view-latest')).toBe(false);
    expect((await setUp(url, ['--latest'])).stdout).toMatch(/^data view +Sluice: records as they are now +created$/m);
    expect(objects.has('default/index-pattern/sluice-view-latest')).toBe(true);
  });

  it('leaves the rules out where they are not wanted', async () => {
    const { url, rules, asked } = await kibana();
    expect((await setUp(url, ['--no-rules'])).code).toBe(0);
    expect(rules.size).toBe(0);
    expect(asked.filter((one) => one.includes('detection_engine'))).toEqual([]);
  });

  it('takes the key from a variable, a file, or needs none', async () => {
    const { url } = await kibana();
    writeFileSync(join(folder, 'key'), `${KEY}\n`);
    expect((await setUp(url, ['--api-key', `\${OURS}`], { OURS: KEY })).code).toBe(0);
    expect((await setUp(url, ['--api-key', `file:${join(folder, 'key')}`], {})).code).toBe(0);
    const open = await kibana({});
    expect((await setUp(open.url, [], {})).code).toBe(0);
  });
});

describe('a refusal', () => {
  const usage: [string, string[], RegExp][] = [
    ['the key itself', ['--api-key', 'abc'], /a reference, not the key/],
    ['a variable that is not set', ['--api-key', `\${NOT_SET}`], /NOT_SET is not set/],
    ['a file that is not there', ['--api-key', 'file:/nowhere/key'], /cannot be read/],
  ];
  it.each(usage)('of %s ends with 2', async (_, argv, says) => {
    const { url, asked } = await kibana();
    const { code, stderr } = await setUp(url, argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
    expect(asked).toEqual([]);
  });

  it.each([
    ['kibana.example.com', /is no URL/],
    [`http://${['me', 'word'].join(':')}@127.0.0.1:5601`, /holds a user name/],
  ])('of the address %s ends with 2', async (url, says) => {
    const { code, stderr } = await setUp(url);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  });

  const answers: [string, FakeOptions, string[], RegExp, RegExp][] = [
    ['of the key', { apiKey: 'another' }, [], /answered 401/, /does not know the API key/],
    ['of a space that is not there', { apiKey: KEY }, ['--space', 'soc'], /answered 404/, /Is there a space "soc"\?/],
    ['by an old Kibana', { apiKey: KEY, version: '7.17.9' }, [], /Kibana 7\.17\.9 is too old/, /8\.9 and newer/],
    [
      'of one dashboard',
      { apiKey: KEY, refuses: 'sluice-dashboard-health' },
      [],
      /did not take 1 of \d+ saved objects: dashboard sluice-dashboard-health: unknown \(cannot be migrated\)/,
      /run it again/,
    ],
    [
      'of one rule',
      { apiKey: KEY, refuses: 'sluice-silent' },
      [],
      new RegExp(`Kibana took ${RULES - 1} of ${RULES} rules: sluice-silent: name: Required`),
      /run it again/,
    ],
    [
      'for want of privileges',
      { apiKey: KEY, instead: onImport(403, { message: 'Unable to bulk_create dashboard' }) },
      [],
      /answered 403: .*bulk_create/,
      /The API key needs all of Saved Objects Management/,
    ],
    [
      'of a file that is too large',
      { apiKey: KEY, instead: onImport(413, { message: 'too large' }) },
      [],
      /answered 413/,
      /maxImportPayloadBytes/,
    ],
    [
      'by a Kibana that starts',
      { apiKey: KEY, instead: onImport(503, { message: 'not ready yet' }) },
      [],
      /answered 503/,
      /wait, and try again/,
    ],
    [
      'by an answer of another form',
      { apiKey: KEY, instead: onImport(200, { done: true }) },
      [],
      /in another form/,
      /by hand/,
    ],
    [
      'by Elasticsearch',
      { apiKey: KEY, instead: always(400, { error: 'no handler found for uri [/api/status] and method [GET]' }) },
      [],
      /answered 400/,
      /This is Elasticsearch\. .*5601/,
    ],
    ['by a page for people', { apiKey: KEY, instead: page }, [], /without JSON/, /the address of Kibana itself/],
    [
      'by a Kibana that does not know the caller',
      { apiKey: KEY, instead: always(200, { status: { overall: { level: 'available' } } }) },
      [],
      /does not tell the version/,
      /Give an API key/,
    ],
  ];
  it.each(answers)('%s says what to do, and ends with 1', async (_, options, argv, says, advises) => {
    const { url } = await kibana(options);
    const { code, stderr } = await setUp(url, argv);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(advises);
  });

  it('to connect says so', async () => {
    const { code, stderr } = await setUp(`http://127.0.0.1:${await freePort()}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ECONNREFUSED/);
    expect(stderr).toMatch(/Is --kibana the address of Kibana itself/);
  });

  it('of one rule leaves the others there, and a second run brings the rest', async () => {
    const refuses: FakeOptions = { apiKey: KEY, refuses: 'sluice-silent' };
    const { url, rules } = await kibana(refuses);
    await setUp(url);
    expect(rules.size).toBe(RULES - 1);
    delete refuses.refuses;
    expect((await setUp(url)).code).toBe(0);
    expect(rules.size).toBe(RULES);
  });
});

type Instead = NonNullable<FakeOptions['instead']>;

function always(status: number, body: unknown): Instead {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return true;
  };
}

function onImport(status: number, body: unknown): Instead {
  return (path, response) => path.endsWith('/_import') && always(status, body)(path, response);
}

const page: Instead = (_, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>');
  return true;
};

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
