/** The worst that can happen to the state and to the output folder: what is said, and what has arrived in the end. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { committedRevisions } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { configOf, type Ended, openPlace, type Place, until } from './place.ts';
import { mountSmallDisk } from './small-disk.ts';

const DETECTIONS = 120;

let place: Place;
const cleanups: (() => unknown)[] = [];
beforeEach(async () => {
  place = await openPlace({ detections: DETECTIONS });
  configure();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  await place.close();
});

const at = (...path: string[]) => join(place.folder, ...path);
const STATE = 'sluice-state';
const STREAM = ['out', 'acme', 'cylance.detection'];

/** Only the live walk writes, so that it is known which segments there are. */
function configure(
  { source, ...parts }: { source?: object; sinks?: object[]; [section: string]: unknown } = {},
  file = 'sluice.yaml',
): void {
  const sinks = [{ name: 'files', type: 'ndjson', path: 'out' }];
  const shared = { url: place.simulator.url, sinks, batch: { documents: 20 }, reading: { sweeps: [] }, source };
  writeFileSync(at(file), JSON.stringify(configOf({ ...shared, ...parts })));
}

/** So few requests that there is time to do something meanwhile. */
const SLOWLY = { source: { rate: { requests_per_second: 30, concurrency: 4 } } };

async function deliver(): Promise<void> {
  const { code, stderr } = await place.sluice('run', '--once');
  expect(code, stderr).toBe(0);
}

const found = (folder = 'out') => differences(place.simulator, documentsIn(at(folder)).map(idOf));

/** It fails, says so, and delivers nothing. */
async function expectRefused(says: RegExp, advice: RegExp, ...argv: string[]): Promise<void> {
  const before = documentsIn(at('out')).length;
  const failed = await place.sluice(...(argv.length > 0 ? argv : ['run', '--once']));
  expectSaid(failed, says, advice);
  expect(documentsIn(at('out'))).toHaveLength(before);
}

function expectSaid({ code, stderr }: Ended, says: RegExp, advice: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(advice);
  expect(stderr).not.toMatch(/should not happen|\n\s+at /);
  expect(stderr).not.toMatch(/everything that was read is delivered and remembered/);
  expect(code).toBe(1);
}

const state = (name = 'state.db') => at(STATE, name);

/** The state as it is now; returns what puts it back. */
function keepState(): () => void {
  cpSync(at(STATE), at('kept'), { recursive: true });
  return () => {
    rmSync(at(STATE), { recursive: true, force: true });
    cpSync(at('kept'), at(STATE), { recursive: true });
  };
}

describe('a state that was damaged while Sluice was away is not used, and nothing is delivered', () => {
  const damages: [name: string, damage: () => void, says: RegExp][] = [
    ['cut in the middle', () => truncateSync(state(), 40_000), /is damaged: /],
    ['cut, and nothing says how it was left', () => cutUnsealed(), /is damaged: .*(malformed|disk image|Tree|page)/],
    ['of zero bytes', () => truncateSync(state(), 0), /is damaged: it is empty/],
    ['of a newer version', () => edit('PRAGMA user_version = 99'), /written by another version of Sluice \(schema 99/],
    ['missing', () => rmSync(at(STATE), { recursive: true }), /belongs to the state that was in .* is missing/],
  ];
  const cutUnsealed = () => {
    rmSync(state('state.seal'));
    truncateSync(state(), 40_000);
  };
  const edit = (sql: string) => {
    const database = new DatabaseSync(state());
    database.exec(sql);
    database.close();
  };
  test.each(damages)('%s', async (_name, damage, says) => {
    await deliver();
    const putBack = keepState();
    damage();
    const check = await place.sluice('check');
    expect([check.code, check.stdout]).toEqual([1, expect.stringMatching(says)]);
    await expectRefused(says, /Restore it from a backup|Put it back|Run the version that wrote it/);
    putBack();
    await deliver();
    expect(found()).toEqual([]);
  });

  test('one flipped bit, wherever it is', async () => {
    await deliver();
    const putBack = keepState();
    const whole = readFileSync(state());
    for (const part of [0.003, 0.2, 0.5, 0.9999]) {
      const bytes = Buffer.from(whole);
      const at = Math.floor(part * bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      writeFileSync(state(), bytes);
      expect((await place.sluice('check')).stdout).toMatch(/✗ {2}state .*not as Sluice left it/);
      await expectRefused(/is damaged: the file is not as Sluice left it/, /Restore it from a backup/);
    }
    putBack();
    await deliver();
    expect(found()).toEqual([]);
  });
});

test('a state without which nobody knows what was delivered: begun anew with an output of its own, or on purpose', async () => {
  await deliver();
  rmSync(at(STATE), { recursive: true });
  await expectRefused(/that is missing, and there is another one/, /run --adopt/, 'backfill', '--from', '400d');
  renameSync(at('out'), at('old'));
  await deliver();
  expect([found('out'), found('old')]).toEqual([[], []]);
  rmSync(at(STATE), { recursive: true });
  expect((await place.sluice('run', '--once', '--adopt')).code).toBe(0);
  await deliver(); // from then on it is that state's
  const ids = documentsIn(at('out')).map(idOf);
  expect([ids.length, new Set(ids).size]).toEqual([2 * DETECTIONS, DETECTIONS]);
  // The second state's own, beside the first one's: of the live walk, or of the backfill that was refused above.
  expect(segments()).toEqual(expect.arrayContaining(['live-000001.ndjson']));
  expect(segments().length).toBeGreaterThan(1);
});

const segments = (...path: string[]) =>
  readdirSync(at(...(path.length > 0 ? path : STREAM)))
    .filter((name) => !name.startsWith('.'))
    .sort();

test('a state that is older than its output', async () => {
  const sinks = [{ name: 'files', type: 'ndjson', path: 'out', rotate_size: '1KiB' }];
  configure({ ...SLOWLY, sinks });
  const first = place.start('run');
  await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 0);
  await first.end('SIGKILL');
  const putBack = keepState();
  configure({ sinks });
  await deliver();
  rmSync(at(STATE), { recursive: true });
  putBack();
  await expectRefused(/the state is older than its output/, /Put back the newer state/);
});

test('a state on a disk that is read-only by now', async ({ skip }) => {
  const disk = mountSmallDisk(at(STATE), 20_000);
  if (disk === undefined) skip('nobody but root may mount');
  cleanups.push(() => disk?.remove());
  configure(SLOWLY);
  const running = place.start('run');
  await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 0);
  await running.end('SIGKILL');
  const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, at(STATE)]);
  remount('ro');
  await expectRefused(
    /the state in \S*sluice-state cannot be used: .*read-?only/i,
    /folder on a local disk that this user may write to/,
  );
  remount('rw');
  configure();
  await deliver();
  expect(found()).toEqual([]);
});

describe('removed while Sluice is running', () => {
  const running = async () => {
    configure(SLOWLY);
    const child = place.start('run');
    await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 20);
    return child;
  };

  test('the state', async () => {
    const child = await running();
    rmSync(at(STATE), { recursive: true });
    const ended = await child.ended;
    expectSaid(
      ended,
      /sluice-state\/(state|lock)\.db\S* was removed while Sluice was using it/,
      /begin anew: move the rest of the state/,
    );
    expect(existsSync(at(STATE))).toBe(false);
    configure();
    await expectRefused(/belongs to the state that was in .* is missing/, /move the folder away to begin anew/);
    renameSync(at('out'), at('old'));
    await deliver();
    expect(found()).toEqual([]);
  });

  test('the state, while nothing happens, and replaced by another one', async () => {
    await deliver();
    const child = place.start('run');
    await until('it runs', 30_000, () => existsSync(state('state.db-wal')));
    renameSync(at(STATE), at('moved'));
    cpSync(at('moved'), at(STATE), { recursive: true });
    expectSaid(await child.ended, /was (removed|replaced) while Sluice was using it/, /Put the state back/);
  });

  test('the output folder', async () => {
    const child = await running();
    rmSync(at('out'), { recursive: true });
    expectSaid(
      await child.ended,
      /out\/acme\/cylance\.detection\S* was removed, replaced or changed/,
      /state reset --pipeline/,
    );
    expect(existsSync(at('out'))).toBe(false);
    configure();
    const failed = await place.sluice('run', '--once');
    expectSaid(failed, /is not the one that this state has written to/, /state reset/);
    expect(existsSync(at('out'))).toBe(false);
    expect((await place.sluice('state', 'reset', '--all', '--yes')).code).toBe(0);
    await deliver();
    expect(found()).toEqual([]);
  });

  test('the segment that is being written, as a collector should never do', async () => {
    const child = await running();
    for (const name of segments().filter((each) => each.endsWith('.part'))) renameSync(at(...STREAM, name), at(name));
    expectSaid(await child.ended, /\.part was removed, replaced or changed/, /Put it back/);
    configure();
    await expectRefused(/segment 1 of live in \S+ is gone, and was not finished/, /nobody's to take/);
    renameSync(at('live-000001.ndjson.part'), at(...STREAM, 'live-000001.ndjson.part'));
    await deliver();
    expect(found()).toEqual([]);
  });
});

describe('two at once', () => {
  test('a second state in one output folder is refused, and the first loses nothing', async () => {
    configure(SLOWLY);
    configure({ state: { path: 'state-b' } }, 'b.yaml');
    const first = place.start('run');
    await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 0);
    const second = await place.sluice('run', '--config', 'b.yaml');
    expectSaid(second, /the output folder \S+ is in use by process \d+/, /a state and an output folder of its own/);
    await until('everything has arrived', 60_000, () => committedRevisions(at(STATE), 1) >= DETECTIONS);
    expect((await first.end('SIGTERM')).code).toBe(0);
    const late = await place.sluice('run', '--once', '--config', 'b.yaml');
    expectSaid(
      late,
      /belongs to another state: [0-9a-f]{12}, which was in \S+sluice-state/,
      /start this one once with `--adopt`/,
    );
    expect(found()).toEqual([]);
    expect((await place.sluice('run', '--once', '--adopt', '--config', 'b.yaml')).code).toBe(0);
    expect(segments()).toEqual(['live-000001.ndjson', 'live-000002.ndjson']);
    expect(documentsIn(at('out'))).toHaveLength(2 * DETECTIONS);
    await expectRefused(/belongs to another state/, /hand the folder over for good/);
  });

  test('a second state in the folder of one that was killed: its open segment is nobody else to touch', async () => {
    configure(SLOWLY);
    configure({ state: { path: 'state-b' } }, 'b.yaml');
    const first = place.start('run');
    await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 0);
    await first.end('SIGKILL');
    const before = segments();
    const second = await place.sluice('run', '--once', '--config', 'b.yaml');
    expectSaid(second, /belongs to another state/, /--adopt/);
    expect(segments()).toEqual(before);
    configure();
    await deliver();
    expect(found()).toEqual([]);
  });

  test('two backfills: the second begins when the first has ended', { timeout: 60_000 }, async () => {
    configure({ source: { rate: { requests_per_second: 8, concurrency: 4 } } }); // the second takes seconds to start on a busy machine
    const first = place.start(['backfill', '--from', '400d']);
    await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 0);
    const second = place.start(['backfill', '--from', '399d']);
    const ended = await Promise.all([first, second].map((child) => child.ended));
    expect(ended.map(({ code, stderr }) => [code, /begins when it has ended/.test(stderr)])).toEqual([
      [0, false],
      [0, true],
    ]);
    expect(found()).toEqual([]);
  });
});

test('a segment that an earlier version set aside is given back, and nothing is lost', async () => {
  configure(SLOWLY);
  const first = place.start('run');
  await until('something is delivered', 30_000, () => committedRevisions(at(STATE), 1) > 0);
  await first.end('SIGKILL');
  const part = at(...STREAM, 'live-000001.ndjson.part');
  const aside = part.replace('.part', '.uncommitted');
  renameSync(part, aside);
  configure();
  await expectRefused(/was committed, and yet it was set aside/, /`mv \S+\.uncommitted \S+\.part`/);
  renameSync(aside, part);
  await deliver();
  expect(found()).toEqual([]);
});
