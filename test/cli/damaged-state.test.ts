/** `check` finds what `run` would stumble over. */
import { openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

test('a torn state, and one of zero bytes', async () => {
  place = await workplace({ detections: 60 });
  place.configure();
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect((await place.sluice('check')).stdout).toMatch(/✓ {2}state/);
  const file = join(place.folder, 'sluice-state', 'state.db');
  const whole = readFileSync(file);
  writeSync(openSync(file, 'r+'), Buffer.alloc(whole.length - 8192, 'garbage'), 0, whole.length - 8192, 8192);
  for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
  const torn = await place.sluice('check');
  expect(torn.stdout).toMatch(/✗ {2}state .*damaged/);
  expect(torn.stdout + torn.stderr).toMatch(/Restore it from a backup/);
  expect(torn.code).toBe(1);
  for (const command of [
    ['run', '--once'],
    ['state', 'show'],
    ['state', 'reset', '--all', '--yes'],
  ]) {
    const { code, stderr } = await place.sluice(...command);
    expect(stderr).toMatch(/damaged/);
    expect(stderr).toMatch(/Restore it from a backup.* Without one, reset it by moving the folder away/);
    expect(code).toBe(1);
  }
  writeFileSync(file, '');
  const empty = await place.sluice('check');
  expect(empty.stdout).toMatch(/✗ {2}state .*empty/);
  expect(empty.code).toBe(1);
  const before = place.delivered().length;
  const refused = await place.sluice('run', '--once');
  expect(refused.stderr).toMatch(/damaged: it is empty/);
  expect({ code: refused.code, more: place.delivered().length - before }).toEqual({ code: 1, more: 0 });
  expect(readdirSync(join(place.folder, 'sluice-state')).sort()).toEqual(['lock.db', 'state.db', 'state.seal']);
});
