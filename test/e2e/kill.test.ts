/** Sluice with files, killed at twenty moments: the same documents as if nothing had happened, none doubled. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { committedOrdinals, committedRevisions, confirmCommitted, preparedBatches } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { KILLS, killAgainAndAgain, refuseTrouble, runUntilQuiet } from './kills.ts';
import { type Child, configOf, openPlace, type Place } from './place.ts';

let place: Place;
let stopConfirming = async (): Promise<void> => {};
afterEach(async () => {
  await stopConfirming();
  await place.close();
});

const LIVING = {
  ...{ arrivals: 120, lateArrivals: 60, statusChanges: 100, returns: 50, commentChanges: 50, responseChanges: 30 },
  ...{ deletions: 50, deletionsUnseen: 25, dwellMs: 100, everyRequests: 0, everyMs: 120, confirm: true },
};
const DETECTIONS = 1600;

/** Both at once: every pipeline has its own state to get right, and segments of compressed frames are cut as well. */
const SINKS = [
  { name: 'plain', type: 'ndjson', path: 'plain', rotate_size: '256KiB' },
  { name: 'packed', type: 'ndjson', path: 'packed', compression: 'zstd', rotate_size: '32KiB' },
];

function bytesOut(): number {
  const folders = SINKS.map(({ path }) => join(place.folder, path, 'acme', 'cylance.detection'));
  let bytes = 0;
  for (const folder of folders) {
    for (const name of namesIn(folder)) bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Looks every millisecond: the commit follows the write by a disk flush. */
async function write(child: Child, nth: number): Promise<void> {
  let last = bytesOut();
  for (let left = nth; left > 0 && child.hasEnded() === undefined; await sleep(1)) {
    const now = bytesOut();
    if (now !== last) left--;
    last = now;
  }
}

test(`${KILLS} kills, plain and compressed files`, { timeout: 600_000 }, async () => {
  place = await openPlace({ detections: DETECTIONS, living: LIVING });
  const rate = { requests_per_second: 1500, concurrency: 16 };
  const { url } = place.simulator;
  place.configure(configOf({ url, sinks: SINKS, source: { rate }, batch: { documents: 60, wait: '150ms' } }));
  const state = join(place.folder, 'sluice-state');
  const confirmer = confirmCommitted(place.simulator, state, SINKS.length);
  stopConfirming = confirmer.stop;
  const startedAt = Date.now();
  const known: number[] = [];
  await killAgainAndAgain({
    ...{ place, upToMs: 2500, write },
    dead: () => void known.push(committedOrdinals(state, SINKS.length).size),
  });
  const killedAfter = Date.now() - startedAt;
  const pendingThen = place.simulator.stats().pending;
  const ended = await runUntilQuiet(place, () => committedRevisions(state, SINKS.length), 300_000);
  console.log(`records known at each kill: ${known.join(' ')}; ${pendingThen} changes were still to come`);
  console.log(
    `kills took ${killedAfter} ms, all ${Date.now() - startedAt} ms`,
    JSON.stringify(place.simulator.summary()),
  );

  refuseTrouble(ended, 'at the end');
  expect(ended.code).toBe(0);
  expect(known.at(-1)).toBeGreaterThan(0); // otherwise the kills proved nothing
  expect(place.simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });
  for (const { path } of SINKS) {
    const ids = documentsIn(join(place.folder, path)).map(idOf);
    expect({ path, wrong: differences(place.simulator, ids) }).toEqual({ path, wrong: [] });
  }
  const { revisions, detections } = place.simulator.summary();
  expect(revisions).toBeGreaterThan(detections);
  expect(preparedBatches(state)).toBe(0);
  expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
});
