import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

test('a time that is none', async () => {
  place.configure();
  const { code, stderr } = await place.sluice('backfill', '--from', 'yesterday');
  expect(stderr).toMatch(/--from "yesterday" is no time\n→ Write an ISO time/);
  expect(code).toBe(2);
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
