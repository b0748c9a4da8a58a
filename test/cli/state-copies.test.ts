/** Copies of the state: made while it is in use, put back, carried elsewhere; and what it forgets on request. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

const STATE = 'sluice-state';
const at = (name: string) => join(place.folder, name);

test('a backup made while Sluice runs is whole, private, and goes on from there: the way back after an upgrade', async () => {
  place = await workplace({ detections: 40 });
  place.configure();
  expect((await place.sluice('backfill', '--from', '100d')).code).toBe(0);
  const running = place.start('run');
  await until(() => existsSync(at(`${STATE}/state.db-wal`)));
  const made = await place.sluice('state', 'backup', 'before.db');
  expect(made).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^before\.db: the whole state, [\d,]+ bytes\n$/),
  });
  expect(statSync(at('before.db')).mode & 0o777).toBe(0o600);
  expect(existsSync(at('before.db-wal'))).toBe(false);
  const again = await place.sluice('state', 'backup', 'before.db');
  expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is a file before\.db already/) });
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
  rmSync(at(STATE), { recursive: true });
  mkdirSync(at(STATE), { mode: 0o700 });
  renameSync(at('before.db'), at(`${STATE}/state.db`));
  const back = await place.sluice('backfill', '--from', '100d');
  expect(back.code, back.stderr).toBe(0);
  expect(place.delivered()).toHaveLength(40);
});

for (const name of ['state.ndjson', 'state.ndjson.zst']) {
  test(`an exported state goes on elsewhere: ${name}`, async () => {
    place = await workplace({ detections: 30 });
    place.configure();
    expect((await place.sluice('backfill', '--from', '100d')).code).toBe(0);
    expect((await place.sluice('state', 'export', name)).code).toBe(0);
    const onto = await place.sluice('state', 'import', name);
    expect(onto).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is a state in .* already/) });
    rmSync(at(STATE), { recursive: true });
    const imported = await place.sluice('state', 'import', name);
    expect(imported.stdout).toMatch(/acme\/cylance\.detection\/files: 30 records known/);
    const after = await place.sluice('backfill', '--from', '100d');
    expect(after.code, after.stderr).toBe(0);
    expect(place.delivered()).toHaveLength(30);
  });
}

test('what is no whole export is refused with its line, and makes no state', async () => {
  place = await workplace({ detections: 3 });
  place.configure();
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect((await place.sluice('state', 'export', 'x.ndjson')).code).toBe(0);
  cpSync(at(STATE), at('kept'), { recursive: true });
  rmSync(at(STATE), { recursive: true });
  const lines = readFileSync(at('x.ndjson'), 'utf8').trimEnd().split('\n');
  const [head = '', ...rows] = lines;
  const cases: [string, string | Buffer, RegExp][] = [
    ['cut.ndjson', lines.slice(0, -1).join('\n'), /not whole: its last line is missing/],
    ['short.ndjson', [...lines.slice(0, 3), ...lines.slice(4)].join('\n'), /not whole|rows/],
    ['more.ndjson', `${lines.join('\n')}\n${rows[0]}\n`, /line \d+ .*more behind the last line/],
    ['other.ndjson', '{"a":1}\n', /line 1 is not the first line of an exported state/],
    ['broken.ndjson', `${head}\n{"table":\n`, /line 2 is not a line of an exported state/],
    ['injected.ndjson', `${head}\n{"table":"jobs; DROP TABLE jobs","row":{"id":1}}\n`, /line 2 .*has no column/],
    ['newer.ndjson', head.replace(/"schema":\d+/, '"schema":99'), /newer version of Sluice \(schema 99/],
    ['torn.ndjson.zst', zstdCompressSync(lines.join('\n')).subarray(0, -9), /cannot be imported|not whole/],
    ['none.ndjson', '', /not whole/],
  ];
  for (const [name, content, error] of cases) {
    writeFileSync(at(name), content);
    const refused = await place.sluice('state', 'import', name);
    expect(refused.stderr, name).toMatch(error);
    expect(refused.code, name).toBe(/newer/.test(name) ? 1 : 2);
    expect(existsSync(at(`${STATE}/state.db`)), name).toBe(false);
  }
  expect((await place.sluice('state', 'import', 'missing.ndjson')).stderr).toMatch(
    /missing\.ndjson cannot be imported/,
  );
  writeFileSync(at('good.ndjson.zst'), zstdCompressSync(zstdDecompressSync(zstdCompressSync(lines.join('\n')))));
  expect((await place.sluice('state', 'import', 'good.ndjson.zst')).code).toBe(0);
});

test('what was forgotten is not shipped again: a backfill over it is refused, sweeps leave it out', async () => {
  place = await workplace({ detections: 60 });
  place.configure();
  expect((await place.sluice('backfill', '--from', '100d')).code).toBe(0);
  const short = await place.sluice('state', 'compact', '--older-than', '3d');
  expect(short).toMatchObject({ code: 2, stderr: expect.stringMatching(/less than what .* looks back over/) });
  const compacted = await place.sluice('state', 'compact', '--older-than', '40d', '--json');
  expect(compacted.code, compacted.stderr).toBe(0);
  const [{ records }] = (JSON.parse(compacted.stdout) as { compacted: [{ records: number }] }).compacted;
  expect(records).toBeGreaterThan(20);
  expect(records).toBeLessThan(60);
  const over = await place.sluice('backfill', '--from', '80d');
  expect(over).toMatchObject({ code: 2, stderr: expect.stringMatching(/has forgotten what it delivered from before/) });
  const beyond = await place.sluice('verify', '--from', '80d', '--to', '50d');
  expect(beyond.stdout).toMatch(/not verifiable: what lies before .* was forgotten/);
  expect(beyond.code).toBe(1);
  expect((await place.sluice('verify')).stdout).toMatch(/: everything is there, once/);
  const rewound = await place.sluice('run', '--once');
  expect(rewound.code).toBe(0);
  expect((await place.sluice('state', 'rewind', '--to', '70d')).code).toBe(0);
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect((await place.sluice('backfill', '--from', '39d')).code).toBe(0);
  expect(place.delivered()).toHaveLength(60);
  expect(new Set(place.delivered()).size).toBe(60);
});
