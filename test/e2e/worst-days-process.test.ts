/** The worst days of the process: it is stopped for a while, or may open hardly any files. What has arrived in the end is the exact set. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { committedRevisions } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { configOf, openPlace, type Place, SECRET, until } from './place.ts';
import { freePort, healthOf, messagesIn } from './worst-days.ts';

/** `SLUICE_STOPPED_SECONDS=120` is the long form. */
const STOPPED_S = Number(process.env.SLUICE_STOPPED_SECONDS ?? 5);
const DETECTIONS = 400;
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const TAKES_HANDLES = join(import.meta.dirname, 'takes-handles.mjs');

let place: Place;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await place.close();
});

const state = () => join(place.folder, 'sluice-state');
const found = (folder = 'out') => differences(place.simulator, documentsIn(join(place.folder, folder)).map(idOf));
const files = (path: string) => ({ name: path, type: 'ndjson', path });

test(`stopped twice for ${STOPPED_S} s in the middle, with requests under way`, {
  timeout: 120_000 + STOPPED_S * 3000,
}, async () => {
  place = await openPlace({ detections: DETECTIONS, tokenSeconds: STOPPED_S });
  const port = await freePort();
  const source = { rate: { requests_per_second: 60, concurrency: 8 }, http: { proxy: 'none', timeout: '2s' } };
  const retry = { deadline: '15s', first_delay: '50ms', max_delay: '1s' };
  place.configure(
    configOf({
      ...{ url: place.simulator.url, sinks: [files('out')], batch: { documents: 20 } },
      ...{ source: { ...source, retry }, reading: { detail_patience: '5s' }, health: { port } },
    }),
  );
  const child = place.start('run');
  for (let stop = 1; stop <= 2; stop++) {
    await until('something is delivered', 30_000, () => committedRevisions(state(), 1) > stop * 40);
    process.kill(child.pid as number, 'SIGSTOP');
    await sleep(STOPPED_S * 1000);
    process.kill(child.pid as number, 'SIGCONT');
    const { code, status } = await healthOf(port);
    expect([code, status]).toEqual([200, 'healthy']);
  }
  expect(committedRevisions(state(), 1)).toBeLessThan(DETECTIONS);
  await until('everything has arrived', 60_000, () => committedRevisions(state(), 1) >= DETECTIONS);
  const ended = await child.end('SIGTERM');
  expect([ended.code, found()]).toEqual([0, []]);
  expect(messagesIn(ended.stderr).filter((text) => /not available|has stopped|gap/.test(text))).toEqual([]);
});

/** With 64 open files at most. */
function narrow(env: Record<string, string>, ...argv: string[]) {
  const child = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, MAIN, ...argv], {
    ...{ cwd: place.folder, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { PATH: process.env.PATH, HOME: place.folder, SLUICE_SECRET: SECRET, ...env },
  });
  cleanups.push(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk));
  return { child, said: () => said, ended: once(child, 'close').then(([code]) => code as number) };
}

const GREEDY = { rate: { requests_per_second: 5000, concurrency: 100 } };

test('64 open files for 26 pipelines that would have 100 requests under way: fewer at once', async () => {
  place = await openPlace({ detections: DETECTIONS });
  const sinks = [files('out'), files('other')];
  place.configure(configOf({ url: place.simulator.url, sinks, source: { ...GREEDY, streams: undefined } }));
  const { ended, said } = narrow({}, 'run', '--once');
  expect(await ended, said().slice(-1000)).toBe(0);
  expect(said()).toMatch(
    /Let Sluice have more open files .*only 64 files may be open, so fewer requests .*\(acme: 1\)/,
  );
  expect(said()).not.toMatch(/EMFILE/);
  expect([found('out'), found('other')]).toEqual([[], []]);
});

test('not one more file can be opened for a while: waited for, and said', { timeout: 120_000 }, async () => {
  place = await openPlace({ detections: DETECTIONS });
  const source = { rate: { requests_per_second: 60, concurrency: 8 } };
  place.configure(
    configOf({ url: place.simulator.url, sinks: [files('out')], source, batch: { documents: 20, wait: '1s' } }),
  );
  const take = join(place.folder, 'take');
  const { child, ended, said } = narrow({ TAKE_HANDLES: take, NODE_OPTIONS: `--import=${TAKES_HANDLES}` }, 'run');
  await until('something is delivered', 30_000, () => committedRevisions(state(), 1) > 0);
  writeFileSync(take, '');
  await until('it is said', 30_000, () => /Let Sluice have more open files/.test(said()));
  rmSync(take);
  expect(committedRevisions(state(), 1)).toBeLessThan(DETECTIONS);
  await until('everything has arrived', 90_000, () => committedRevisions(state(), 1) >= DETECTIONS);
  child.kill('SIGTERM');
  expect([await ended, found()]).toEqual([0, []]);
  expect(messagesIn(said()).filter((text) => /detail not available|has stopped/.test(text))).toEqual([]);
});
