/** `sluice load`: mistakes that end with exit code 2 before anything is connected, and brokers that are not there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { runCli } from '../../src/cli.ts';
import { placesOf } from '../../src/commands/shared/select.ts';
import { loadConfig } from '../../src/config/load.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-load-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, 'sluice.yaml');
const KAFKA = { name: 'kafka', type: 'kafka', brokers: ['127.0.0.1:1'], retry_deadline: '0s', timeout: '1s' };
const ELASTIC = { name: 'elastic', type: 'elasticsearch', nodes: ['http://127.0.0.1:1'] };

function configure(sinks: object[], source: object = { sinks: ['kafka'] }): void {
  const one = {
    ...{ name: 'acme', connector: 'cylance', region: 'euc1', streams: ['cylance.detection'] },
    ...{ tenant_id: 't', application_id: 'a', application_secret: 'a-secret-of-the-tests', ...source },
  };
  writeFileSync(file(), JSON.stringify({ sources: [one], sinks, heartbeat: {} }));
}

async function load(...argv: string[]) {
  let code = 0;
  let said = '';
  const write = (text: string) => {
    said += text;
  };
  await runCli({
    argv: ['load', '--config', file(), ...argv],
    env: {},
    stdout: { write },
    stderr: { write },
    isTty: false,
    columns: 100,
    signal: new AbortController().signal,
    hardStop: new AbortController().signal,
    now: Date.now,
    streams,
    simulator: () => import('../../simulator/index.ts'),
    content: () => import('../../content/index.ts'),
    self: ['sluice'],
    version: '0',
    setExitCode: (given) => {
      code = given;
    },
  });
  return { code, said };
}

const OTHER = { ...KAFKA, name: 'other' };

test.each([
  ['no Kafka sink', [ELASTIC], { sinks: ['elastic'] }, [], /the config has no kafka sink/],
  ['no Elasticsearch sink', [KAFKA], {}, [], /the config has no elasticsearch sink/],
  ['several Kafka sinks', [KAFKA, OTHER, ELASTIC], {}, [], /several kafka sinks\n→ Say which one with --from/],
  ['a sink that is none', [KAFKA, ELASTIC], {}, ['--to', 'nowhere'], /no elasticsearch sink "nowhere"/],
  ['nobody writes to it', [KAFKA, OTHER, ELASTIC], {}, ['--from', 'other'], /no source writes to the sink "other"/],
  [
    'a source that writes to both',
    [KAFKA, ELASTIC],
    { sinks: undefined },
    [],
    /acme: writes to "elastic" itself[\s\S]*sinks: \[kafka\]/,
  ],
  ['what was kept aside for ever', [KAFKA, ELASTIC], {}, ['--rejected'], /--rejected goes with --once/],
  ['a group that is none', [KAFKA, ELASTIC], {}, ['--group', 'a b'], /"a b" is no name of a group/],
] as const)('%s', async (_, sinks, source, argv, says) => {
  configure([...sinks], { sinks: ['kafka'], ...source });
  const { code, said } = await load(...argv);
  expect(said).toMatch(says);
  expect(code).toBe(2);
});

test('brokers that are not there end --once with 1, and what to do', async () => {
  configure([KAFKA, ELASTIC]);
  const { code, said } = await load('--once');
  expect(said).toMatch(/error: Kafka at 127\.0\.0\.1:1 .*ECONNREFUSED/);
  expect(said).toMatch(/→ Check the addresses/);
  expect(code).toBe(1);
});

test('a sink that no source names is set up for what load fills it with', () => {
  configure([KAFKA, ELASTIC]);
  const known = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
  const { config } = loadConfig(file(), { env: {}, knownStreams: known });
  const wanted = [
    { stream: 'cylance.detection', namespace: 'acme' },
    { stream: 'sluice.heartbeat', namespace: 'acme' },
  ];
  expect(placesOf(config, 'elastic')).toEqual(wanted);
  expect(placesOf(config, 'kafka')).toEqual(wanted);
  configure([KAFKA, ELASTIC, OTHER]);
  const more = loadConfig(file(), { env: {}, knownStreams: known }).config;
  expect(placesOf(more, 'other'), 'load fills no Kafka').toEqual([]);
});
