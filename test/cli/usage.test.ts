import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTime } from '../../src/observe/show.ts';
import { SECRET, type Workplace, workplace } from './binary.ts';

let place: Workplace;
beforeAll(async () => {
  place = await workplace({ detections: 50 });
});
afterAll(() => place.close());

describe.concurrent('mistakes end with exit code 2 and say what to do', () => {
  const mistakes: [name: string, argv: string[], says: RegExp][] = [
    ['an unknown command', ['runn'], /unknown command 'runn'[\s\S]*Did you mean run[\s\S]*→ See `sluice --help`/],
    ['an unknown option', ['run', '--onec'], /unknown option '--onec'[\s\S]*→ See `sluice run --help`/],
    [
      'no config',
      ['run', '--config', 'missing.yaml'],
      /missing\.yaml: there is no such config file\n→ Copy the example/,
    ],
    ['a backfill without a beginning', ['backfill'], /--from is missing\n→/],
    ['a port that is none', ['simulator', '--port', '70000'], /whole number from 0 to 65535/],
  ];
  test.for(mistakes)('%s', async ([, argv, says], { expect: expected }) => {
    const { code, stdout, stderr } = await place.sluice(...argv);
    expected(stderr).toMatch(says);
    expected(stderr).not.toMatch(/\n\s+at /);
    expected({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

test('a broken config is reported with line and key', async () => {
  writeFileSync(
    join(place.folder, 'broken.yaml'),
    `sources:\n  - name: acme\n    connector: cilance\nsinks: []\nsecret: ${SECRET}\n`,
  );
  const { code, stderr } = await place.sluice('check', '--config', 'broken.yaml');
  expect(stderr).toMatch(
    /error: broken\.yaml has 3 problems:\n {2}broken\.yaml:3:\d+ sources\[0\]\.connector: .*cylance/,
  );
  expect(stderr).not.toContain(SECRET);
  expect(code).toBe(2);
});

describe.concurrent('times that cannot be meant end with exit code 2', () => {
  const times: [argv: string[], says: RegExp][] = [
    [['backfill', '--from', 'yesterday'], /--from "yesterday" is no time\n→ Write an ISO time/],
    [['backfill', '--from', '2026-02-30'], /--from "2026-02-30" is no time/],
    [['backfill', '--from', '30d', '--to', '9999-12-31'], /--to "9999-12-31" is beyond what is read\n→ .*before 2100/],
    [['backfill', '--from', '2026-01-02', '--to', '2026-01-02'], /--from \(2026-01-02 00:00:00Z\) is not before --to/],
    [['backfill', '--from', '2099-01-01'], /is not before --to/],
    [['backfill', '--from', '1d', '--rate', '0'], /must be a number above zero/],
    [['state', 'rewind', '--to', '2099-01-01'], /--to 2099-01-01 00:00:00Z lies in the future/],
    [['simulator', '--end', '2026-02-30'], /--end "2026-02-30" is no time/],
  ];
  beforeAll(() => place.configure()); // once: the others read it meanwhile
  test.for(times)('%s', async ([argv, says], { expect: expected }) => {
    const { code, stderr } = await place.sluice(...argv);
    expected(stderr).toMatch(says);
    expected(code).toBe(2);
  });
});

test.each([
  [' 2026-02-30', 'is no time'],
  ['2026-04-31T08:00:00+02:00', 'is no time'],
  ['2025-02-29', 'is no time'],
  ['2026-01-31T25:00:00Z', 'is no time'],
  ['2026-01-31x', 'is no time'],
  ['-1d', 'is no time'],
  ['', 'is no time'],
  ['1970-01-01', 'is no time'],
  ['99999d', 'is beyond what is read'],
  ['1000000000w', 'is beyond what is read'],
  ['2100-01-02', 'is beyond what is read'],
])('%j %s', (text, says) => {
  const wrong = () => readTime('--from', text, Date.UTC(2026, 0, 1));
  expect(wrong).toThrow(`--from ${JSON.stringify(text)} ${says}`);
  expect(wrong).toThrow(expect.objectContaining({ kind: 'usage' }));
});

test('results without a config: version, streams, config, schema', async () => {
  const [version, streams, keys, schema] = await Promise.all([
    place.sluice('--version'),
    place.sluice('streams', '--json'),
    place.sluice('config'),
    place.sluice('config', 'schema'),
  ]);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(JSON.parse(streams.stdout)).toContainEqual(expect.objectContaining({ stream: 'cylance.detection' }));
  expect(keys.stdout).toContain('sources[cylance].application_secret');
  expect(JSON.parse(schema.stdout)).toHaveProperty('properties.sinks');
  for (const { code, stderr } of [version, streams, keys, schema])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('looking at a state that is not there makes none', async () => {
  rmSync(join(place.folder, 'sluice-state'), { recursive: true, force: true });
  place.configure();
  const { code, stderr } = await place.sluice('state', 'show');
  expect(stderr).toMatch(/there is no state in .* yet\n→/);
  expect(code).toBe(2);
});
