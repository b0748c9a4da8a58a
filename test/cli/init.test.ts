/** `sluice init`: asks only what it must, writes no secret, and what it writes is a config. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { runCli } from '../../src/cli.ts';
import { loadConfig } from '../../src/config/load.ts';
import { launch } from './binary.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-init-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, 'sluice.yaml');
const knownStreams = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
/** The config that was written, and the variables it was read with. */
function written(env: Record<string, string>) {
  return loadConfig(file(), { env, knownStreams });
}

/** The command in this process, with these answers of a person. */
async function talk(answers: (string | undefined)[], argv: string[] = [], env: Record<string, string> = {}) {
  const asked: string[] = [];
  let code = 0;
  let said = '';
  const write = (text: string) => {
    said += text;
  };
  await runCli({
    argv: ['init', '--config', file(), ...argv],
    env,
    stdout: { write },
    stderr: { write },
    isTty: true,
    columns: 100,
    signal: new AbortController().signal,
    hardStop: new AbortController().signal,
    now: Date.now,
    streams,
    simulator: () => import('../../simulator/index.ts'),
    content: () => import('../../content/index.ts'),
    self: ['sluice'],
    version: '0',
    ask: async (question) => {
      asked.push(question);
      return answers.shift();
    },
    setExitCode: (given) => {
      code = given;
    },
  });
  return { asked, code, said };
}

test('with --yes and options nothing is asked, and check takes what is written', async () => {
  const argv = ['--source', 'cylance', '--name', 'acme', '--region', 'euc1', '--sink', 'elasticsearch'];
  const { asked, code, said } = await talk([], [...argv, '--address', 'https://a:9200, https://b:9200', '--yes']);
  expect({ asked, code }).toEqual({ asked: [], code: 0 });
  expect(said).toMatch(/CYLANCE_APPLICATION_SECRET +to be set: The application's secret\./);
  expect(said).toMatch(/needs these scopes in the vendor's console: opticsdetect:list, /);
  expect(said).toContain(`sluice setup elasticsearch --config ${file()}`);
  const env = { CYLANCE_TENANT_ID: 't', CYLANCE_APPLICATION_ID: 'a', CYLANCE_APPLICATION_SECRET: 's' };
  const { config, warnings } = written({ ...env, ELASTIC_API_KEY: 'k' });
  expect(warnings).toEqual([]);
  expect(config.sources[0]).toMatchObject({ name: 'acme', region: 'euc1', tenantId: 't', applicationId: 'a' });
  expect(config.sinks[0]).toMatchObject({ type: 'elasticsearch', nodes: ['https://a:9200', 'https://b:9200'] });
  expect(() => written(env)).toThrow(/ELASTIC_API_KEY/);
});

test('a person is asked five things, and a wrong answer once more', async () => {
  const answers = ['crowd', 'cylance', 'mars', '', 'Acme Ltd', 'acme', 'kafka', 'here', 'one:9092,two:9092'];
  const { asked, code, said } = await talk(answers, [], { CYLANCE_TENANT_ID: 'a-tenant-of-the-tests' });
  expect(code).toBe(0);
  expect(asked.map((question) => question.slice(0, 9))).toEqual([
    ...[
      'Which ven',
      'Which ven',
      'The regio',
      'The regio',
      'The sourc',
      'The sourc',
      'Where doc',
      'Some of t',
      'Some of t',
    ],
  ]);
  expect(said).toContain('"crowd" is none of: cylance, apex_central');
  expect(said).toContain('"mars" is none of: na, us, apne1, au, euc1, sae1');
  expect(said).toContain('"Acme Ltd" is not a name; use lower case letters');
  expect(said).toMatch(/CYLANCE_TENANT_ID +is set/);
  expect(said + readFileSync(file(), 'utf8')).not.toContain('a-tenant-of-the-tests');
  const env = { CYLANCE_TENANT_ID: 't', CYLANCE_APPLICATION_ID: 'a', CYLANCE_APPLICATION_SECRET: 's' };
  const { config } = written(env);
  expect(config.sources[0]).toMatchObject({ name: 'acme', region: 'na' });
  expect(config.sinks[0]).toMatchObject({ type: 'kafka', brokers: ['one:9092', 'two:9092'] });
});

test('a vendor without regions is asked for its URL, and files need no setup', async () => {
  const { code, said } = await talk(['apex_central', 'apex.example', 'https://apex.example', '', 'ndjson', '']);
  expect(code).toBe(0);
  expect(said).toContain('"apex.example" is not a URL');
  expect(said).not.toContain('sluice setup');
  const { config } = written({ APEX_CENTRAL_APPLICATION_ID: 'a', APEX_CENTRAL_API_KEY: 'k' });
  expect(config.sources[0]).toMatchObject({ name: 'apex_central', baseUrl: 'https://apex.example' });
});

test('every vendor and every sink that it offers makes a valid config', async () => {
  const vendors = [...new Set(streams.map(({ connector }) => connector))];
  for (const vendor of vendors)
    for (const sink of ['ndjson', 'elasticsearch', 'kafka']) {
      const argv = ['--yes', '--force', '--source', vendor.name, '--url', 'http://127.0.0.1:8480', '--sink', sink];
      const { code, said } = await talk([], argv);
      expect({ code, said }).toMatchObject({ code: 0 });
      const names = readFileSync(file(), 'utf8').matchAll(/: \$\{(\w+)\}/g);
      const { config } = written(Object.fromEntries([...names].map(([, name = '']) => [name, 'x'])));
      expect([config.sources[0]?.connector, config.sinks[0]?.type]).toEqual([vendor.name, sink]);
    }
});

test('a config that is there stays, unless --force', async () => {
  writeFileSync(file(), 'mine\n');
  const refused = await talk([], ['--yes']);
  expect(refused).toMatchObject({ code: 2, said: expect.stringMatching(/is there already\n→ .*--force/) });
  expect(readFileSync(file(), 'utf8')).toBe('mine\n');
  expect(await talk([], ['--yes', '--force'])).toMatchObject({ code: 0 });
  expect(readFileSync(file(), 'utf8')).toContain('sources:');
});

test('a person who leaves, and a wrong option, leave nothing behind', async () => {
  expect(await talk(['cylance', undefined])).toMatchObject({
    code: 2,
    said: expect.stringContaining('nothing is written'),
  });
  const wrong = [
    [['--region', 'mars'], /--region "mars" is none of: na, us/],
    [['--region', 'na', '--url', 'https://x'], /--region and --url exclude each other/],
    [['--source', 'apex_central', '--region', 'na'], /apex_central has no region/],
    [['--source', 'apex_central'], /--url is needed: The URL of the API/],
    [['--sink', 'elasticsearch', '--address', 'here'], /--address "here" is not a URL/],
    [['--name', 'A-B'], /--name "A-B" is not a name/],
  ] as const;
  for (const [argv, says] of wrong)
    expect(await talk([], ['--yes', ...argv])).toMatchObject({ code: 2, said: expect.stringMatching(says) });
  expect(existsSync(file())).toBe(false);
});

test('where nobody can be asked, it says so', async () => {
  const { code, stderr } = await launch(folder, ['init', '--source', 'cylance']).ended;
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('Nobody can be asked here: give options'),
  });
  const made = await launch(folder, ['init', '--yes']).ended;
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sluice\.yaml is written.*\n/) });
  const env = { CYLANCE_TENANT_ID: 't', CYLANCE_APPLICATION_ID: 'a', CYLANCE_APPLICATION_SECRET: 's' };
  expect(written(env).config.sinks[0]).toMatchObject({ type: 'ndjson' });
});
