/** A mapping that changes, of a connector of the test's own. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { launch, until } from './binary.ts';

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme');
const PIPELINE = 'site/acme.alarm/files';
const COUNT = 120;
const DAY_MS = 86_400_000;

interface Document {
  '@timestamp': string;
  message: string;
  event: Record<string, unknown>;
  acme: { alarm: Record<string, unknown> };
  data_stream: { namespace: string };
}

let folder: string;
let server: Server;
let asked: string[];
let alarms: Record<string, unknown>[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-remap-'));
  cpSync(EXAMPLE, folder, { recursive: true });
  writeFileSync(join(folder, 'token'), 'a-token-of-the-tests', { mode: 0o600 });
  const startMs = Date.now() - 5 * DAY_MS;
  alarms = Array.from({ length: COUNT }, (_, index) => ({
    ...{ id: `alarm-${index}`, at: new Date(startMs + index * 60_000).toISOString(), door: `door ${index % 7}` },
    ...{ state: index % 3 === 0 ? 'open' : 'closed', reason: 'forced', pin: `pin-${index}-that-opens` },
  }));
  asked = [];
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://127.0.0.1');
    asked.push(url.href);
    response.end(JSON.stringify(answer(url)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  configure();
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function answer({ pathname, searchParams }: URL): unknown {
  const id = /^\/alarms\/(.+)$/.exec(pathname)?.[1];
  if (id !== undefined) return alarms.find((alarm) => alarm.id === decodeURIComponent(id));
  const [from, to] = [searchParams.get('from') ?? '', searchParams.get('to') ?? '9'];
  const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('size'))];
  const items = alarms.filter(({ at }) => String(at) >= from && String(at) <= to);
  return { total: items.length, items: items.slice((page - 1) * size, page * size) };
}

function configure(raw = 'raw: { keep: true }'): void {
  const { port } = server.address() as AddressInfo;
  const text = `
connectors: [./acme.ts]
sources:
  - { name: site, connector: acme, base_url: 'http://127.0.0.1:${port}', token: 'file:token', rate: { requests_per_second: 5000 }, reading: { lookback: 10d } }
sinks:
  - { name: files, type: ndjson, path: out }
${raw}
`;
  writeFileSync(join(folder, 'sluice.yaml'), text);
}

const sluice = (...argv: string[]) => launch(folder, argv).ended;

function change(before: string, after: string): void {
  const path = join(folder, 'acme-mapping.ts');
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(before);
  writeFileSync(path, text.replace(before, after));
}

function documents(namespace = 'site'): Document[] {
  const out = join(folder, 'out', namespace, 'acme.alarm');
  return readdirSync(out)
    .filter((name) => name.endsWith('.ndjson'))
    .sort((one, other) => statSync(join(out, one)).mtimeMs - statSync(join(out, other)).mtimeMs)
    .flatMap((name) => readFileSync(join(out, name), 'utf8').trim().split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Document);
}

const STATE = "'acme.alarm.state', state)";
const OPEN = "'acme.alarm.state', state === 'open' ? 'OPEN' : state)";
const idsOf = (docs: Document[]) => docs.map(({ event }) => `${event.id} #${event.sequence}`).sort();
const open = () => alarms.filter(({ state }) => state === 'open').map(({ id }) => id as string);

test('a changed mapping: the diff shows exactly its field, the vendor is asked nothing, each affected record is shipped once', async () => {
  const first = await sluice('run', '--once');
  expect(first.code, first.stderr).toBe(0);
  const before = documents();
  expect(idsOf(before)).toEqual(alarms.map(({ id }) => `${id} #1`).sort());
  const unchanged = await sluice('remap', '--from', '10d', '--diff', '--json');
  expect(JSON.parse(unchanged.stdout)).toEqual({
    ...{ pipeline: PIPELINE, records: COUNT, differ: 0, notKept: 0, fields: [] },
  });

  change(STATE, OPEN);
  asked.length = 0;
  const diff = await sluice('remap', '--from', '10d', '--diff', '--json');
  expect([diff.code, diff.stderr]).toEqual([0, '']);
  const example = { before: 'open', after: 'OPEN' };
  expect(JSON.parse(diff.stdout)).toEqual({
    ...{ pipeline: PIPELINE, records: COUNT, differ: open().length, notKept: 0 },
    fields: [
      {
        ...{ field: 'acme.alarm.state', changed: open().length, added: 0, removed: 0 },
        examples: [
          expect.objectContaining(example),
          expect.objectContaining(example),
          expect.objectContaining(example),
        ],
      },
    ],
  });
  const shown = await sluice('remap', '--from', '10d', '--diff');
  expect(shown.stdout).toMatch(/120 records mapped anew, 40 would differ; nothing is shipped/);
  expect(shown.stdout).toMatch(/acme\.alarm\.state +40 +0 +0 +alarm-\d+ +"open" → "OPEN"\n/);
  expect(documents()).toEqual(before);

  const shipped = await sluice('remap', '--from', '10d');
  expect([shipped.code, shipped.stderr]).toEqual([0, '']);
  expect(shipped.stdout).toMatch(/40 differ; 40 documents shipped as new revisions\n/);
  const after = documents().filter(({ event }) => event.sequence !== 1);
  expect(idsOf(after)).toEqual(
    open()
      .map((id) => `${id} #2`)
      .sort(),
  );
  for (const { acme, event } of after) {
    const old = before.find((one) => one.event.id === event.id);
    expect(acme.alarm).toEqual({ ...old?.acme.alarm, state: 'OPEN' });
    expect(old?.event.kind).toBe('alert');
    expect(event).toMatchObject({ kind: 'event', action: 'alarm-updated', hash: old?.event.hash });
  }
  expect(asked).toEqual([]);

  const again = await sluice('remap', '--from', '10d', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ records: COUNT, differ: 0, shipped: 0, fields: [] });
  expect((await sluice('run', '--once')).code).toBe(0); // the vendor's records are as they were
  expect(documents()).toHaveLength(COUNT + open().length);

  // What was shipped by the first remap is mapped anew by the second.
  change(OPEN, STATE);
  change("'a door'", "'some door'"); // of no record
  const back = await sluice('remap', '--from', '10d', '--json');
  expect(JSON.parse(back.stdout)).toMatchObject({ differ: open().length, shipped: open().length });
  const third = documents().filter(({ event }) => event.sequence === 3);
  expect(idsOf(third)).toEqual(
    open()
      .map((id) => `${id} #3`)
      .sort(),
  );
  expect(third.every(({ acme }) => acme.alarm.state === 'open')).toBe(true);
});

test('killed amid its batches and given again, files have each affected record once more', {
  timeout: 90_000,
}, async () => {
  for (const alarm of alarms.slice(0, 90).filter(({ state }) => state === 'open'))
    for (let copy = 0; copy < 8; copy++) alarms.push({ ...alarm, id: `${alarm.id}-${copy}` });
  expect((await sluice('run', '--once')).code).toBe(0);
  configure('raw: { keep: true }\nbatch: { documents: 1 }');
  change(STATE, OPEN);
  const out = join(folder, 'out', 'site', 'acme.alarm');
  const lines = (): number => {
    const names = readdirSync(out).filter((name) => name.startsWith('remap-'));
    try {
      return names.reduce((sum, name) => sum + readFileSync(join(out, name), 'utf8').split('\n').length - 1, 0);
    } catch {
      return lines(); // a file got its last name meanwhile
    }
  };
  const written: number[] = [];
  for (let round = 1; lines() < open().length && round < 9; round++) {
    const { child, ended } = launch(folder, ['remap', '--from', '10d']);
    const before = lines();
    await until(() => lines() >= Math.min(before + 40, open().length) || child.exitCode !== null);
    child.kill('SIGKILL');
    await ended;
    written.push(lines() - before);
  }
  expect(written.length).toBeGreaterThan(1);
  const last = await sluice('remap', '--from', '10d', '--json');
  expect(last.code, last.stderr).toBe(0);
  const again = documents().filter(({ event }) => event.sequence !== 1);
  expect(idsOf(again)).toEqual(
    open()
      .map((id) => `${id} #2`)
      .sort(),
  );
});

test('a record that changed meanwhile is mapped anew as it was delivered last, in the range that is asked for', async () => {
  expect((await sluice('run', '--once')).code).toBe(0);
  const [closed] = alarms as [Record<string, unknown>];
  closed.state = 'closed';
  expect((await sluice('run', '--once')).code).toBe(0);
  const sequences = idsOf(documents()).filter((id) => id.startsWith('alarm-0 '));
  expect(sequences).toEqual(['alarm-0 #1', 'alarm-0 #2']);
  change(STATE, OPEN);
  const all = JSON.parse((await sluice('remap', '--from', '10d', '--diff', '--json')).stdout);
  expect(all).toMatchObject({ records: COUNT, differ: open().length });
  const to = String(alarms[31]?.at);
  const some = JSON.parse((await sluice('remap', '--from', '10d', '--to', to, '--json')).stdout);
  expect(some).toMatchObject({ records: 31, differ: 10, shipped: 10 }); // 3, 6 … 30
});

test('into another data stream go all records of the range, once, as events; those of the source stay as they are', async () => {
  expect((await sluice('run', '--once')).code).toBe(0);
  const before = documents();
  change(STATE, OPEN);
  asked.length = 0;
  const copied = await sluice('remap', '--from', '10d', '--namespace', 'trial');
  expect([copied.code, copied.stderr]).toEqual([0, '']);
  expect(copied.stdout).toMatch(/120 records mapped anew, 40 differ; 120 documents shipped into the namespace trial/);
  expect(documents()).toEqual(before);
  const trial = documents('trial');
  expect(idsOf(trial)).toEqual(idsOf(before));
  expect(trial.filter(({ acme }) => acme.alarm.state === 'OPEN')).toHaveLength(open().length);
  expect(trial.every(({ event, data_stream }) => event.kind === 'event' && data_stream.namespace === 'trial')).toBe(
    true,
  );
  const again = await sluice('remap', '--from', '10d', '--namespace', 'trial', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ records: COUNT, shipped: 0 });
  expect(documents('trial')).toHaveLength(COUNT);
  expect(asked).toEqual([]);
  const own = JSON.parse((await sluice('remap', '--from', '10d', '--json')).stdout);
  expect(own).toMatchObject({ differ: open().length, shipped: open().length });
});

test('what is kept has no secrets, and what cannot be mapped anew is said', async () => {
  configure('');
  expect((await sluice('run', '--once')).code).toBe(0);
  const off = await sluice('remap', '--from', '10d');
  expect([off.code, off.stderr]).toEqual([2, expect.stringMatching(/raw\.keep is off/)]);
  configure();
  alarms.push({ ...alarms[0], id: 'later', at: new Date(Date.now() - 60_000).toISOString() });
  expect((await sluice('run', '--once')).code).toBe(0);
  change(STATE, OPEN);
  const { stdout } = await sluice('remap', '--from', '10d', '--diff');
  expect(stdout).toMatch(/1 record mapped anew, 1 would differ/);
  expect(stdout).toMatch(/120 records of this time stay as they are: they were delivered before raw\.keep/);
  const kept = join(folder, 'sluice-state', 'raw', 'site', 'acme.alarm');
  const text = readdirSync(kept).map((name) => execFileSync('zstd', ['-dc', join(kept, name)], { encoding: 'utf8' }));
  expect(text.join('')).toContain('"id":"later"');
  expect(text.join('')).not.toMatch(/pin-|a-token/);
});

test('two sources, or a sink that tells namespaces not apart, have no namespace in common', async () => {
  expect((await sluice('run', '--once')).code).toBe(0);
  const text = readFileSync(join(folder, 'sluice.yaml'), 'utf8');
  const [one = ''] = text.split('\n').filter((line) => line.includes('name: site'));
  writeFileSync(join(folder, 'sluice.yaml'), text.replace(one, `${one}\n${one.replace('name: site', 'name: plant')}`));
  const two = await sluice('remap', '--from', '1d', '--namespace', 'trial');
  expect([two.code, two.stderr]).toEqual([2, expect.stringMatching(/several sources \(site, plant\)[\s\S]*--source/)]);
  const kafka = '{ name: files, type: kafka, brokers: [127.0.0.1:9] }';
  writeFileSync(join(folder, 'sluice.yaml'), text.replace('{ name: files, type: ndjson, path: out }', kafka));
  const shared = await sluice('remap', '--from', '1d', '--namespace', 'trial');
  expect([shared.code, shared.stderr]).toEqual([2, expect.stringMatching(/would be twice[\s\S]*\{source\}/)]);
});

test.each([
  [[], /--from is missing/],
  [['--from', '1d', '--to', '2d'], /is not before --to/],
  [['--from', '1d', '--namespace', 'site'], /site is a source of this config/],
  [['--from', '1d', '--namespace', 'A-b'], /is no namespace/],
  [['--from', '1d', '--stream', 'acme.door'], /there is no stream "acme\.door"/],
  [['--from', '1d'], /there is no state/],
])('remap %j is a wrong command line', async (argv, says) => {
  if (argv.includes('acme.door')) expect((await sluice('run', '--once')).code).toBe(0);
  const { code, stderr } = await sluice('remap', ...argv);
  expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
});
