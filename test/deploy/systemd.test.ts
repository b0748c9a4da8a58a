/** The unit file as a supervisor reads it, with the real program and real signals. */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until, type Workplace, workplace } from '../cli/binary.ts';
import { readUnit, type Supervised, supervise } from './supervisor.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const unit = readUnit(readFileSync(join(ROOT, 'deploy', 'systemd', 'sluice.service'), 'utf8'));

let place: Workplace;
let service: Supervised | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await place.close();
});

/** The command of the unit, with this machine's paths. */
function begin(): Supervised {
  const paths: Record<string, string> = {
    '/usr/bin/node': process.execPath,
    '/opt/sluice/bin/sluice.js': join(ROOT, 'bin', 'sluice.js'),
    '/etc/sluice/sluice.yaml': join(place.folder, 'sluice.yaml'),
  };
  const argv = (unit.ExecStart ?? '').split(' ').map((word) => paths[word] ?? word);
  service = supervise(unit, argv, place.folder, 200);
  return service;
}

/** The lines written so far; the last one of a file may be a part of one. */
function all(): number {
  const out = join(place.folder, 'sluice-out');
  const files = globSync('**/*.ndjson{,.part}', { cwd: out });
  return files.reduce((sum, file) => sum + readFileSync(join(out, file), 'utf8').split('\n').length - 1, 0);
}

const LOOKBACK = '    reading: { lookback: 3650d }\n';

function configure(): void {
  place.configure();
  const file = join(place.folder, 'sluice.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('    http:', `${LOOKBACK}    http:`));
}

test('systemctl stop ends it in time and in order, and starts nothing', async () => {
  place = await workplace({ detections: 300 });
  configure();
  begin();
  await until(() => all() > 0);
  const end = await service?.stop();
  expect(end).toMatchObject({ code: 0, signal: null });
  expect(service?.ends).toHaveLength(1);
  expect(Number(unit.TimeoutStopSec)).toBeGreaterThan(8 + 3); // a write has 8 s, what lingers 3 s more
  begin();
  await until(() => all() === 300);
  await service?.stop();
  expect(new Set(place.delivered()).size).toBe(300);
});

test('a crash is followed by a restart, and nothing is lost or sent twice', async () => {
  place = await workplace({ detections: 400, latencyMs: 5 });
  configure();
  begin();
  for (let crash = 1; crash <= 3; crash++) {
    await until(() => all() > crash * 20 && service?.pid() !== undefined);
    service?.kill('SIGKILL');
    await until(() => (service?.ends.length ?? 0) >= crash);
  }
  await until(() => all() === 400);
  await service?.stop();
  expect(service?.ends.map(({ code, signal }) => signal ?? code)).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 0]);
  expect([all(), new Set(place.delivered()).size]).toEqual([400, 400]);
});

test('a failure that may pass is tried again, a mistake in the config is not', async () => {
  place = await workplace({ detections: 20 });
  configure();
  const state = join(place.folder, 'sluice-state');
  writeFileSync(state, 'a file in the way');
  begin();
  await until(() => (service?.ends.length ?? 0) >= 2);
  expect(service?.ends.map(({ code }) => code)).not.toContain(2);
  rmSync(state);
  await until(() => all() === 20);
  await service?.stop();
  const before = service?.ends.length;
  expect(service?.ends.at(-1)).toMatchObject({ code: 0 });
  writeFileSync(join(place.folder, 'sluice.yaml'), 'sources: none\n');
  begin();
  await service?.over;
  expect(service?.ends.map(({ code }) => code)).toEqual([2]);
  expect(before).toBeGreaterThan(2);
});

test('systemctl reload ends nothing', async () => {
  place = await workplace({ detections: 50 });
  configure();
  begin();
  await until(() => all() === 50);
  const pid = service?.pid();
  service?.reload();
  await until(() => /SIGHUP|reload|config/i.test(service?.said().split('\n').slice(-4).join('\n') ?? ''));
  expect(service?.pid()).toBe(pid);
  expect(service?.ends).toEqual([]);
});
