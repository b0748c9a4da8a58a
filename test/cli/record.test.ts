/** A recording of a tenant with secrets and names: none of them is in the file, and what is served of it is read as the tenant was. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startReplay } from '../../simulator/index.ts';
import { SECRET, until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
let replay: Awaited<ReturnType<typeof startReplay>> | undefined;
afterEach(async () => {
  await replay?.close();
  replay = undefined;
  await place.close();
});

type Document = Record<string, unknown> & { event: { dataset: string; id: string }; host?: Record<string, unknown> };

function documents(folder: string): Document[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'));
  return names.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  );
}

/** Every field of a value, with its type. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => fieldsOf(one, `${path}[]`));
  if (value !== null && typeof value === 'object')
    return Object.entries(value).flatMap(([name, one]) => fieldsOf(one, `${path}.${name}`));
  return [`${path}: ${typeof value}`];
}

/** How many documents there are of each stream, and how many of them have each field. */
function shapes(all: Document[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const document of all)
    for (const field of ['', ...new Set(fieldsOf(document))]) {
      const name = `${document.event.dataset}${field}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  return counts;
}

function textsAt(all: Document[], ...paths: string[]): Set<string> {
  const found = all.flatMap((document) =>
    paths.flatMap((path) => {
      const value = path
        .split('.')
        .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document);
      return [value].flat();
    }),
  );
  return new Set(found.filter((value): value is string => typeof value === 'string'));
}

/** A source beside the first. */
const apex = (url: string) => `  - name: trend
    connector: apex_central
    base_url: ${url}
    application_id: simulated-apex-application
    api_key: simulated-apex-key
    reading: { task_poll: 10ms }
    rate: { requests_per_second: 5000 }
sinks:`;
const READING = '    reading: { lookback: 3650d, snapshot: 1s }\n    http:';

test('nothing of the tenant is in it, and it is read as the tenant was', { timeout: 240_000 }, async () => {
  place = await workplace({
    ...{ detections: 60, plantSecrets: true, instaQueries: 4, resultsPerQuery: 8, retrievedFiles: 10 },
    apex: { footprints: 4 },
    items: { devices: 20, threats: 8, packages: 4, exceptions: 4 },
  });
  place.configure();
  const file = join(place.folder, 'sluice.yaml');
  const config = readFileSync(file, 'utf8')
    .replace('    streams: [cylance.detection]\n', '')

    .replace('    http:', READING)
    .replace('sinks:', () => apex(place.simulator.url));
  writeFileSync(file, config);
  const unasked = await place.sluice('record', '--for', '5s', '--output', 'r.ndjson');
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('Give --yes as well') });
  const recorded = await place.sluice('record', '--once', '--output', 'r.ndjson', '--yes');
  expect(recorded.code, recorded.stderr).toBe(0);
  expect(statSync(join(place.folder, 'r.ndjson')).mode & 0o777).toBe(0o600);
  expect(existsSync(join(place.folder, 'sluice-state'))).toBe(false);

  expect((await place.sluice('run', '--once')).code).toBe(0);
  const before = documents(join(place.folder, 'sluice-out'));
  const text = readFileSync(join(place.folder, 'r.ndjson'), 'utf8');
  expect(text).not.toContain('PLANTED-SECRET');
  expect(text).not.toContain(SECRET);
  const names = textsAt(
    before,
    ...[
      'event.id',
      'host.name',
      'host.hostname',
      'host.id',
      'host.ip',
      'host.mac',
      'user.name',
      'user.id',
      'user.domain',
    ],
    ...[
      'related.user',
      'related.hosts',
      'related.ip',
      'related.hash',
      'file.path',
      'process.command_line',
      'organization.id',
    ],
  );
  expect(names.size).toBeGreaterThan(100);
  const words =
    /^(?:system|root|windows|nt authority|localhost|127\.0\.0\.1|0\.0\.0\.0|::1|[\w. -]{1,4}|S-1-5-\d\d|C:\\Windows\\System32\\svchost\.exe)$/i; // of every Windows
  const leaked = [...names].filter((name) => !words.test(name) && text.includes(JSON.stringify(name).slice(1, -1)));
  expect(leaked).toEqual([]);

  replay = await startReplay({ file: Buffer.from(text), port: 0, host: '127.0.0.1' }, { write() {} });
  writeFileSync(
    file,
    config
      .replace(place.simulator.url, `${replay.url}/source_1`)
      .replace(place.simulator.url, `${replay.url}/source_2`)
      .replace('path: ./sluice-out', '')
      .replace('type: ndjson', 'type: ndjson, path: ./replayed')
      .concat('\nstate: { path: ./replayed-state }\n'),
  );
  const ran = await place.sluice('run', '--once');
  const after = documents(join(place.folder, 'replayed'));
  expect(replay.missing()).toEqual([]);
  expect(ran.code, ran.stderr).toBe(0);
  expect(shapes(after)).toEqual(shapes(before));
});

test('the simulator serves a recording, and says what is not in it', { timeout: 60_000 }, async () => {
  place = await workplace({ detections: 10 });
  place.configure();
  const file = join(place.folder, 'sluice.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('    http:', READING));
  const recorded = await place.sluice('record', '--once', '-o', 'r.zst', '--yes', '--json');
  expect(JSON.parse(recorded.stdout)).toMatchObject({ file: 'r.zst', items: 10 });
  expect(await place.sluice('record', '--once', '-o', 'r.zst', '--yes')).toMatchObject({ code: 2 });
  const served = place.start('simulator', '--port', '0', '--replay', 'r.zst');
  await until(() => /lookback/.test(served.said()));
  const [, url = ''] = /ready (\S+)/.exec(served.said()) ?? [];
  const missing = await fetch(`${url}/source_1/zones/v2?page=1`);
  expect([missing.status, await missing.json()]).toEqual([
    404,
    { message: 'not recorded: GET /source_1/zones/v2?page=1' },
  ]);
  const [, sources = ''] = /Sources for sluice.yaml:\n([\s\S]*?)$/.exec(served.said()) ?? [];
  writeFileSync(file, `sources:\n${sources}\nsinks: [{ name: files, type: ndjson }]\n`);
  const ran = await place.sluice('run', '--once');
  expect(ran.code, ran.stderr).toBe(0);
  expect(place.delivered()).toHaveLength(10);
  served.child.kill('SIGTERM');
  expect(await served.ended).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('not recorded: GET /source_1/zones'),
  });
  writeFileSync(join(place.folder, 'x.ndjson'), '{}\n');
  const wrong = await place.sluice('simulator', '--replay', 'x.ndjson');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('no recording of `sluice record`') });
});
