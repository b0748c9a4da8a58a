/** Every command of the pages: those in blocks are run, those in the text are parsed. What is not run says why. */
import { spawn } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { afterEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { streams } from '../connectors/index.ts';
import { programOf } from '../src/cli.ts';
import type { Cli } from '../src/commands/shared/context.ts';
import { SECRET, TENANT, type Workplace, workplace } from './cli/binary.ts';
import { elasticsearchThat } from './cli/elasticsearch-kept.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');
const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...globSync('{docs,deploy,simulator}/**/*.md', { cwd: ROOT }),
];

/** The commands in the blocks of a page, without their comments. */
function linesOf(page: string): string[] {
  const blocks = read(page).matchAll(/^```(?:sh|bash|console)\n([\s\S]*?)^```/gm);
  return [...blocks].flatMap(([, block = '']) =>
    block
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '').trim())
      .filter((line) => line !== ''),
  );
}

/** Why a command is not run by this test. */
const NOT_RUN: [command: RegExp, why: string][] = [
  [/^npm ci && npm run demo$/, 'installs; the demo is run by test/cli/demo.test.ts'],
  [/^npm (run|test)\b|^\.ci\/run$/, 'the checks and tests themselves, of which this is one'],
  [/^git pull/, 'would change the clone that is tested'],
  [/^node bench\//, 'a benchmark: times of a busy machine are no test'],
  [/^node scripts\/\w+-in-browser\.ts/, 'needs Chromium, and is looked at by a person'],
  [/^docker |^cd deploy\/compose$/, 'needs a Docker daemon; the file is checked by test/deploy/files.test.ts'],
  [/^kubectl (create|apply)/, 'needs a cluster; the files are checked by test/deploy/files.test.ts'],
  [/^kubectl kustomize/, 'run by test/deploy/files.test.ts, where kubectl is installed'],
  [/^install .*\/etc\/|^systemctl /, 'would change this machine; the unit is tried by test/deploy/systemd.test.ts'],
  [/<[a-z][^>]*>/, 'has a word that stands for what only the reader knows'],
  [/^export /, 'sets variables of the shell, which this test has set'],
  [/ setup kibana /, 'needs a Kibana; test/cli/setup-kibana.test.ts has what stands for one'],
  [/^promtool |^curl /, 'needs a tool or a service that this test does not have'],
];

let place: Workplace;
const servers: Server[] = [];
const children = new Set<ReturnType<typeof spawn>>();
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await place?.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A folder with a config that fits all pages: a tenant, files, an Elasticsearch to set up, records that are kept. */
async function prepare(): Promise<void> {
  place = await workplace({ detections: 30, instaQueries: 0 });
  mkdirSync(join(place.folder, 'secrets'), { mode: 0o700 });
  for (const file of ['secrets/cylance', 'new-secret'])
    writeFileSync(join(place.folder, file), SECRET, { mode: 0o600 });
  const elastic = await elasticsearchThat({}, servers);
  const config = {
    sources: [
      {
        ...{ name: 'acme', connector: 'cylance', streams: ['cylance.detection', 'cylance.threat'], sinks: ['files'] },
        ...{ base_url: place.simulator.url, tenant_id: TENANT.tenantId, application_id: TENANT.applicationId },
        ...{ application_secret: 'file:secrets/cylance', rate: { requests_per_second: 5000 } },
        ...{ http: { proxy: 'none' }, reading: { lookback: '3650d' } },
      },
    ],
    sinks: [
      { name: 'files', type: 'ndjson' },
      { name: 'elastic', type: 'elasticsearch', nodes: [elastic] },
    ],
    health: { port: await freePort() },
    raw: { keep: true },
  };
  // In block style, as people write it: the pages change it by `sed`.
  writeFileSync(join(place.folder, 'sluice.yaml'), stringify(config));
  const bin = join(place.folder, 'bin');
  mkdirSync(bin);
  const main = `exec ${process.execPath} ${join(ROOT, 'src', 'main.ts')}`;
  const shims = { sluice: `${main} "$@"`, npx: `[ "$1" = sluice ] || exit 9\nshift\n${main} "$@"` };
  for (const [name, text] of Object.entries(shims))
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  writeFileSync(join(bin, 'sluice.js'), `#!/bin/sh\n${main} "$@"\n`);
  chmodSync(join(bin, 'sluice.js'), 0o755);
}

const VARIABLES = {
  CYLANCE_TENANT_ID: TENANT.tenantId,
  CYLANCE_APPLICATION_ID: TENANT.applicationId,
  CYLANCE_APPLICATION_SECRET: SECRET,
};
const env = () => ({
  ...VARIABLES,
  PATH: `${join(place.folder, 'bin')}:${process.env.PATH}`,
  HOME: place.folder,
});

/** The simulator is in this process, which therefore must not stand still meanwhile. */
function run(line: string): Promise<{ code: number | null; said: string }> {
  const child = spawn('bash', ['-ec', line], { cwd: place.folder, env: env(), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

const isUp = async () => (await run('sluice health')).code === 0;

/** What goes on until it is told to end, and how a person sees that it has begun. */
const LASTING: [command: RegExp, isUp: () => Promise<boolean>][] = [
  [/^(npx )?sluice run$/, isUp],
  [/^(npx )?sluice status --watch$/, async () => true],
  [/^(npx )?sluice simulator\b/, async () => true],
];

async function begin(line: string, hasBegun: () => Promise<boolean>): Promise<void> {
  const child = spawn('bash', ['-c', `exec ${line}`], {
    cwd: place.folder,
    env: env(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk));
  for (let tries = 0; tries < 300; tries++) {
    expect(child.exitCode, `${line}\n${said}`).toBe(null);
    if (said !== '' && (await hasBegun())) return;
    await sleep(100);
  }
  throw new Error(`${line} does not begin:\n${said}`);
}

async function endAll(): Promise<void> {
  for (const child of children) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }
  children.clear();
}

/** Wants a running Sluice, and one that has been stopped. */
const ASKS = /^(npx )?sluice (health|status|reload)\b/;
const ALONE =
  /^(npx )?sluice (run\b|remap(?!.*--diff)|verify.*--repair|state (reset|rename|import|rebuild|compact))|^mv sluice-state /;

/** What a person does before a command, as the page says around it. */
async function prepareFor(page: string, line: string): Promise<void> {
  if (ALONE.test(line)) await endAll();
  if (ASKS.test(line) && children.size === 0) await begin('sluice run', isUp);
  if (line.startsWith('sluice record')) rmSync(join(place.folder, 'report.zst'), { force: true });
  if (page !== 'docs/operations.md') return;
  if (line.startsWith('sluice state import'))
    renameSync(join(place.folder, 'sluice-state'), join(place.folder, 'other-machine'));
  if (line === 'sluice state backup before.db') rmSync(join(place.folder, 'before.db'), { force: true });
}

/** Pages whose commands want records that were delivered before. */
const DELIVERED = ['docs/remap.md', 'docs/state.md', 'docs/verify.md', 'docs/operations.md'];

/** Ports of this machine that others may use, the config that is there already, and less patience. */
function here(line: string): string {
  return line
    .replace(/(sluice simulator)( --port \d+)?/, '$1 --port 0')
    .replace(/sluice record/, 'sluice record --yes') // a person is shown what is recorded
    .replace(/--for \d+m --output/, '--for 2s --output')
    .replace('init --yes', 'init --config from-init.yaml --yes')
    .replace('http://127.0.0.1:8480', place.simulator.url);
}

const toRun = (line: string) => !NOT_RUN.some(([command]) => command.test(line));
const pages = PAGES.filter((page) => linesOf(page).some(toRun));

test.each(pages)('the commands of %s run', { timeout: 600_000 }, async (page) => {
  await prepare();
  if (DELIVERED.includes(page)) expect(await run('sluice run --once')).toMatchObject({ code: 0 });
  if (['README.md', 'docs/operations.md'].includes(page)) await run('sluice setup elasticsearch');
  for (const line of linesOf(page).filter(toRun)) {
    await prepareFor(page, line);
    const lasting = LASTING.find(([command]) => command.test(line));
    if (lasting !== undefined) await begin(here(line), lasting[1]);
    else {
      const { code, said } = await run(here(line));
      expect(code, `${line}\n${said}`).toBe(0);
    }
  }
  await endAll();
});

test('what is not run is in the pages, and there is more that is', () => {
  const lines = PAGES.flatMap(linesOf);
  for (const [command] of NOT_RUN)
    expect(
      lines.some((line) => command.test(line)),
      String(command),
    ).toBe(true);
  expect(lines.filter(toRun).length).toBeGreaterThan(30);
});

/** The words of a command up to an operator of the shell; what stands for a value is one. */
function wordsOf(text: string): string[] {
  const [command = ''] = text.replace(/\[[^\]]*\]/g, '').split(/ [>|&]|;/);
  return command.split(/\s+/).filter((word) => word !== '' && word !== '…');
}

/** What the command line knows of these words. */
function problemWith([, ...words]: string[], program: Command): string | undefined {
  let command = program;
  for (const word of words) {
    if (word.startsWith('-')) {
      const [name = ''] = word.split('=');
      const isKnown =
        ['--help', '-h'].includes(name) || command.options.some(({ long, short }) => [long, short].includes(name));
      if (!isKnown) return `${command.name()} has no ${name}`;
      continue;
    }
    const sub = command.commands.find((each) => each.name() === word);
    if (sub !== undefined) command = sub;
    else if (command === program && /^[a-z]+$/.test(word)) return `there is no command ${word}`;
    else if (
      command.commands.length > 0 &&
      command.registeredArguments.length === 0 &&
      /^[a-z]+$/.test(word) &&
      command.options.length < 3
    )
      return `${command.name()} has no ${word}`;
  }
  return undefined;
}

test('every command in the text of a page is one, with options that it has', () => {
  const page = () => {};
  const program = programOf({
    version: '0',
    columns: 80,
    stdout: { page },
    stderr: { page },
    streams,
  } as unknown as Cli);
  const found = PAGES.filter((page) => !/^CHANGELOG|^docs\/decisions/.test(page)).flatMap((page) =>
    [...read(page).matchAll(/`(?:npx )?(sluice [^`\n]+)`/g)].map(([, text = '']) => [page, text] as const),
  );
  expect(found.length).toBeGreaterThan(60);
  const wrong = found.flatMap(([page, text]) => {
    const problem = problemWith(wordsOf(text), program);
    return problem === undefined ? [] : [`${page}: \`${text}\`: ${problem}`];
  });
  expect(wrong).toEqual([]);
  expect(problemWith(['sluice', 'run', '--twice'], program)).toBe('run has no --twice');
  expect(problemWith(['sluice', 'jog'], program)).toBe('there is no command jog');
});
