/** Sluice with Elasticsearch, killed at twenty moments, with rollovers in between: the same documents, none doubled. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { committedRevisions, confirmCommitted, preparedBatches } from '../e2e/committed.ts';
import { KILLS, killAgainAndAgain, refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { type Child, configOf, openPlace, type Place } from '../e2e/place.ts';
import { compare, rollOver } from './data-stream.ts';
import { type ElasticsearchVersion, type RunningElasticsearch, startElasticsearch } from './elasticsearch.ts';
import { startProxy } from './proxy.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** How many of each kind of change, for how many detections. */
const SIZES: [version: ElasticsearchVersion, detections: number, changes: number][] = [
  ['9.5.3', 1500, 50],
  ['8.19.5', 400, 15],
];

function livingOf(n: number) {
  return {
    ...{ arrivals: 2 * n, lateArrivals: n, statusChanges: 2 * n, returns: n, commentChanges: n, responseChanges: n },
    ...{ deletions: n, deletionsUnseen: n / 5, dwellMs: 100, everyRequests: 0, everyMs: 6000 / n, confirm: true },
  };
}

async function prepare(version: ElasticsearchVersion, detections: number, changes: number) {
  const node = await startElasticsearch({ version });
  cleanups.push(node.stop);
  let bulks = 0;
  const proxy = await startProxy(node.url, ({ path }) => {
    if (path.endsWith('/_bulk')) bulks++;
    return 'forward';
  });
  cleanups.push(proxy.stop);
  const place = await openPlace({ detections, living: livingOf(changes) });
  cleanups.push(place.close);
  configure(place, proxy.url);
  const setup = await place.sluice('setup', 'elasticsearch');
  expect({ code: setup.code, stderr: setup.stderr }).toMatchObject({ code: 0 });
  return { node, place, bulks: () => bulks };
}

function configure(place: Place, node: string): void {
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [node], compression: 'none' }];
  const source = { rate: { requests_per_second: 1500, concurrency: 16 } };
  place.configure(configOf({ url: place.simulator.url, sinks, source, batch: { documents: 60, wait: '150ms' } }));
}

/** Dead in the moment when a bulk request is on its way: Elasticsearch still carries it out. */
function bulkWatch(bulks: () => number) {
  return async (child: Child, nth: number): Promise<void> => {
    const wanted = bulks() + nth;
    while (child.hasEnded() === undefined && bulks() < wanted) await sleep(1);
  };
}

/** After every fifth kill: while the process is down, or (kills 5 and 15) in the middle of the next life. */
function rollover(node: RunningElasticsearch, later: Promise<void>[]) {
  return async (kill: number): Promise<void> => {
    if (kill % 10 === 0) await rollOver(node.url);
    else if (kill % 5 === 0) later.push(sleep(1500).then(() => rollOver(node.url)));
  };
}

test.each(SIZES)(`${KILLS} kills and rollovers on %s`, { timeout: 600_000 }, async (version, detections, changes) => {
  const { node, place, bulks } = await prepare(version, detections, changes);
  const { simulator } = place;
  const state = join(place.folder, 'sluice-state');
  const confirmer = confirmCommitted(simulator, state);
  cleanups.push(confirmer.stop);
  const startedAt = Date.now();
  const later: Promise<void>[] = [];
  const left: number[] = [];
  const known: number[] = [];
  const roll = rollover(node, later);
  const dead = (kill: number) => {
    left.push(preparedBatches(state));
    known.push(committedRevisions(state, 1));
    return roll(kill);
  };
  await killAgainAndAgain({ place, upToMs: 2500, write: bulkWatch(bulks), dead });
  await Promise.all(later);
  const { pending } = simulator.stats();
  const ended = await runUntilQuiet(place, () => committedRevisions(state, 1), 200_000);
  console.log(`documents committed at each kill: ${known.join(' ')}; ${pending} changes were still to come`);
  console.log(`batches left between write and commit: ${left.join(' ')}; ${Date.now() - startedAt} ms`);

  refuseTrouble(ended, 'at the end');
  expect(ended.code).toBe(0);
  expect(known.at(-1)).toBeGreaterThan(0); // otherwise the kills proved nothing
  expect(simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });
  const { wrong, documents, indices } = await compare(node.url, simulator);
  console.log(`${documents} documents in ${indices} backing indices`);
  expect(wrong).toEqual([]);
  expect(documents).toBe(simulator.summary().revisions);
  expect(indices).toBeGreaterThanOrEqual(2); // those that hold documents: when nothing more comes, a new one stays empty
  expect(left.some((batches) => batches > 0)).toBe(true);
  expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
});
