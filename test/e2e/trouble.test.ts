/** What only a person can mend: one clear message, the right exit code, and once it is mended the exact set. */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startSimulator } from '../../simulator/index.ts';
import { committedRevisions } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { configOf, type Ended, openPlace, type Place, SECRET, TENANT, until } from './place.ts';
import { mountSmallDisk, pretendSmallDisk, type SmallDisk } from './small-disk.ts';

let place: Place;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await place.close();
});

const FILES = { name: 'files', type: 'ndjson', path: 'out' };
const DETECTIONS = 600;
/** The same tenant can be served again, whenever it is asked for. */
const END = '2026-06-01T00:00:00Z';

async function open(options: object = {}): Promise<void> {
  place = await openPlace({ detections: DETECTIONS, endTime: END, ...options });
}

function configure(parts: object = {}): void {
  place.configure(configOf({ url: place.simulator.url, sinks: [FILES], batch: { documents: 50 }, ...parts }));
}

function reading(): object {
  return { reading: { lookback: '3650d', sweeps: [{ range: '3650d', every: '2s' }] } };
}

/** How often a message is told: the log line and, at most, the line that ends the program. */
function times(ended: Ended, message: RegExp): number {
  return ended.stderr.match(new RegExp(message, 'g'))?.length ?? 0;
}

/** The cause is mended: everything arrives, once, and nothing had been put away as refused. */
async function expectExactSet(): Promise<void> {
  const { code, stderr } = await place.sluice('run', '--once');
  expect(code, stderr).toBe(0);
  expect(differences(place.simulator, documentsIn(join(place.folder, 'out')).map(idOf))).toEqual([]);
  expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
}

describe('the vendor refuses', () => {
  test('a wrong secret', async () => {
    await open();
    configure({ ...reading(), source: { application_secret: 'a-wrong-secret-of-the-tests' } });
    const failed = await place.sluice('run', '--once');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/source \\?"acme\\?": the vendor refused the credentials \(HTTP 401\)/);
    expect(times(failed, /has stopped: .*Check tenant_id/)).toBe(1);
    expect(failed.stderr).toContain('error: no pipeline is left running (acme/cylance.detection/files)');
    expect(failed.stderr).not.toContain('a-wrong-secret-of-the-tests');
    configure(reading());
    await expectExactSet();
  });

  test('a missing scope, once the list was read', async () => {
    await open({ scopes: ['opticsdetect:list'] });
    configure(reading());
    const failed = await place.sluice('run');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/the scope \\?"opticsdetect:read\\?" is missing/);
    expect(failed.stderr).toContain('→');
    const granted = await startSimulator({ ...TENANT, seed: place.seed, detections: DETECTIONS, endTime: END });
    cleanups.push(granted.close);
    configure({ ...reading(), url: granted.url });
    await expectExactSet();
  });
});

test('a config that breaks between two runs: exit code 2, and the state is as it was', async () => {
  await open();
  configure(reading());
  expect((await place.sluice('run', '--once')).code).toBe(0);
  configure({ ...reading(), sinks: [{ ...FILES, rotate_siez: '1MiB' }], source: { sinks: ['flies'] } });
  const failed = await place.sluice('run');
  expect({ code: failed.code, stdout: failed.stdout }).toEqual({ code: 2, stdout: '' });
  expect(failed.stderr).toMatch(/sluice\.yaml[\s\S]*rotate_siez[\s\S]*rotate_size/);
  expect(failed.stderr).toMatch(/flies[\s\S]*files/);
  expect(failed.stderr).not.toMatch(/\n\s+at |should not happen/);
  configure(reading());
  await expectExactSet();
});

describe('a full disk', () => {
  const expectFull = (failed: Ended, what: RegExp) => {
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(what);
    expect(failed.stderr).toMatch(/→ Free some space/);
    expect(failed.stderr).not.toMatch(/should not happen/);
  };

  const fill = async (disk: SmallDisk, what: RegExp): Promise<void> => {
    cleanups.push(disk.remove);
    configure(reading());
    expectFull(await place.start(['run', '--once'], disk.env).ended, what);
    expectFull(await place.start(['run', '--once'], disk.env).ended, what); // still full: the same, and nothing worse
  };

  /** `run` waits for the disk as for any sink that is away. */
  const fillFiles = async (disk: SmallDisk): Promise<void> => {
    await fill(disk, /cannot write to \S*out: the disk is full/);
    const running = place.start(['run'], disk.env);
    await until('it waits', 60_000, () => /waiting 30 s, .*the disk is full/.test(running.stderr()));
    disk.grow();
    const state = join(place.folder, 'sluice-state');
    await until('everything has arrived', 90_000, () => committedRevisions(state, 1) >= DETECTIONS);
    expect((await running.end('SIGTERM')).code).toBe(0);
    await expectExactSet();
  };

  test('of the files, on a small tmpfs', async ({ skip }) => {
    await open();
    const disk = mountSmallDisk(join(place.folder, 'out'), 2048);
    if (disk === undefined) skip('nobody but root may mount; the next test proves the same without');
    await fillFiles(disk as SmallDisk);
  }, 240_000);

  test('of the files, where writes fail', async () => {
    await open();
    await fillFiles(pretendSmallDisk(place.folder, 1024));
  }, 240_000);

  test('of the state, on a small tmpfs', async ({ skip }) => {
    await open();
    const disk = mountSmallDisk(join(place.folder, 'sluice-state'), 300);
    if (disk === undefined && process.env.CI) throw new Error('CI must be able to mount a tmpfs (run it as root)');
    if (disk === undefined) skip('nobody but root may mount');
    await fill(disk as SmallDisk, /the state in \S*sluice-state cannot be written: the disk is full/);
    (disk as SmallDisk).grow();
    await expectExactSet();
  });
});

test('a second process on the same state may neither run, nor forget, nor replay', async () => {
  await open();
  configure(reading());
  const first = place.start('run');
  const state = join(place.folder, 'sluice-state');
  await until('the first process delivers', 30_000, () => committedRevisions(state, 1) > 0);
  for (const argv of [['run'], ['run', '--once'], ['state', 'reset', '--all', '--yes'], ['rejections', 'replay']]) {
    const second = await place.sluice(...argv);
    expect({ argv, code: second.code, stderr: second.stderr }).toEqual({
      argv,
      code: 1,
      stderr: expect.stringMatching(
        /^error: another Sluice process is using the state in \S*sluice-state\n→ Stop that process first/m,
      ),
    });
  }
  await until('everything has arrived', 40_000, () => committedRevisions(state, 1) >= DETECTIONS);
  expect((await first.end('SIGTERM')).code).toBe(0);
  await expectExactSet();
  expect(first.stderr()).not.toContain(SECRET);
});
