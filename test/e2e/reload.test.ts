/** The config changes while Sluice runs, and Sluice is killed in the middle of taking it over: every document once, in each sink. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { committedRevisions, confirmCommitted, preparedBatches } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { randomFrom, refuseTrouble, runUntilQuiet } from './kills.ts';
import { type Child, configOf, openPlace, type Place } from './place.ts';

let place: Place;
let stopConfirming = async (): Promise<void> => {};
afterEach(async () => {
  await stopConfirming();
  await place.close();
});

const LIVING = {
  ...{ arrivals: 60, lateArrivals: 20, statusChanges: 50, returns: 20, commentChanges: 20, responseChanges: 10 },
  ...{ deletions: 20, deletionsUnseen: 10, dwellMs: 100, everyRequests: 0, everyMs: 120, confirm: true },
};
const SINKS = [
  { name: 'plain', type: 'ndjson', path: 'plain', rotate_size: '256KiB' },
  { name: 'packed', type: 'ndjson', path: 'packed', compression: 'zstd', rotate_size: '32KiB' },
];

/** The n-th config: a sink comes and goes, limits change, and each third one is wrong. */
function configure(nth: number): void {
  const sinks = nth % 2 === 0 ? SINKS : SINKS.slice(0, 1);
  const rate = { requests_per_second: nth % 4 < 2 ? 1500 : 400, concurrency: nth % 4 < 2 ? 16 : 4 };
  const batch = { documents: 20 + nth, wait: '100ms' };
  const config = configOf({ url: place.simulator.url, sinks, source: { rate }, batch });
  place.configure(nth % 3 === 2 ? { ...config, nonsense: true } : config);
}

async function hup(child: Child): Promise<void> {
  while (child.hasEnded() === undefined && !/Sluice \S+: \d+ pipeline/.test(child.stderr())) await sleep(20);
  if (child.hasEnded() === undefined) process.kill(child.pid as number, 'SIGHUP');
}

test('kills while the config is taken over', { timeout: 600_000 }, async () => {
  place = await openPlace({ detections: 500, living: LIVING });
  const random = randomFrom(place.seed);
  const state = join(place.folder, 'sluice-state');
  configure(0);
  const confirmer = confirmCommitted(place.simulator, state, SINKS.length);
  stopConfirming = confirmer.stop;
  let nth = 0;
  let taken = 0;
  let refused = 0;
  for (let kill = 1; kill <= 8; kill++) {
    configure(nth - (nth % 3 === 2 ? 1 : 0)); // a start with a wrong one would end at once
    const child = place.start('run');
    for (let reload = 0; reload < 3; reload++) {
      configure(++nth);
      await hup(child);
      if (reload < 2) await sleep(1500 + random() * 1000);
    }
    await sleep(random() * 400);
    const early = child.hasEnded();
    if (early !== undefined) throw new Error(`ended by itself before kill ${kill}: ${JSON.stringify(early)}`);
    const ended = await child.end('SIGKILL');
    refuseTrouble(ended, `kill ${kill}`);
    taken += ended.stderr.split('the config is taken over').length - 1;
    refused += ended.stderr.split('the config is not taken over, everything goes on as before').length - 1;
  }
  console.log(`${taken} configs were taken over, ${refused} refused`);
  expect(taken).toBeGreaterThan(3); // otherwise it proved nothing
  expect(refused).toBeGreaterThan(2);
  configure(0);
  const ended = await runUntilQuiet(place, () => committedRevisions(state, SINKS.length), 300_000);
  refuseTrouble(ended, 'at the end');
  expect(ended.code).toBe(0);
  expect(place.simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });
  for (const { path } of SINKS) {
    const ids = documentsIn(join(place.folder, path)).map(idOf);
    expect({ path, wrong: differences(place.simulator, ids) }).toEqual({ path, wrong: [] });
  }
  expect(preparedBatches(state)).toBe(0);
});
