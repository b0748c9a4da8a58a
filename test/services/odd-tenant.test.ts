/**
 * A hostile but legal tenant, in Elasticsearch: clocks that are ahead or were reset, thousands of detections of one instant
 * in an order that changes with every request, a list that filters by the time of receipt, details that fail for ever, a
 * details route that knows nobody for a while, and an index that is empty for a while; with ten kills.
 */
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { FaultPlan } from '../../simulator/index.ts';
import { committedRevisions, confirmCommitted } from '../e2e/committed.ts';
import { killAgainAndAgain, refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { configOf, openPlace } from '../e2e/place.ts';
import { compare } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const KILLS = 10;
/** `SLUICE_TIES=9000` is the long form, in which what is out of order is so for a minute. */
const TIES = Number(process.env.SLUICE_TIES ?? 1500);
const isLong = TIES > 5000;
const OUT_OF_ORDER_MS = isLong ? 60_000 : 10_000;
const LIVING = {
  ...{ arrivals: 40, lateArrivals: 20, fastClocks: 12, resetClocks: 12, statusChanges: 30, deletions: 20 },
  ...{ dwellMs: 100, everyRequests: 0, everyMs: 200, confirm: true },
};
const FAULTS: FaultPlan = [
  { fault: 'detail-fails', fraction: 0.01 },
  { fault: 'server-error', endpoint: 'detail', status: 404, fromMs: 20_000, untilMs: 20_000 + OUT_OF_ORDER_MS },
  { fault: 'empty-index', fromMs: 25_000 + OUT_OF_ORDER_MS, untilMs: 25_000 + 2 * OUT_OF_ORDER_MS },
];
const READING = {
  ...{ lookback: '400d', poll: '2s', sweeps: [{ range: '400d', every: '20s' }], page_size: 500 },
  ...{ detail_refresh: ['3s', '10s'], detail_patience: isLong ? '150s' : '25s', detail_refresh_for: '3650d' },
};

test(`${TIES} ties, odd clocks, an index built anew and ${KILLS} kills: exactly what the simulator says`, {
  timeout: isLong ? 2_400_000 : 600_000,
}, async () => {
  const node = await startElasticsearch({ version: '9.5.3' });
  cleanups.push(node.stop);
  const place = await openPlace({
    ...{ detections: 600, ties: TIES, filterBy: 'received', oddForms: true },
    ...{ living: LIVING, faults: FAULTS },
  });
  cleanups.push(place.close);
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [node.url], compression: 'none' }];
  const source = { rate: { requests_per_second: 1500, concurrency: 16 } };
  const { simulator } = place;
  const inOrderAt = Date.now() + 25_000 + 2 * OUT_OF_ORDER_MS;
  place.configure(configOf({ url: simulator.url, sinks, source, reading: READING }));
  expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);
  const state = join(place.folder, 'sluice-state');
  const confirmer = confirmCommitted(simulator, state);
  cleanups.push(confirmer.stop);
  const known: number[] = [];
  await killAgainAndAgain({
    ...{ place, kills: KILLS, upToMs: 4000 },
    write: async (child) => {
      const before = committedRevisions(state, 1);
      while (child.hasEnded() === undefined && committedRevisions(state, 1) === before) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    dead: () => void known.push(committedRevisions(state, 1)),
  });
  const committed = () => (Date.now() < inOrderAt ? -1 : committedRevisions(state, 1)); // everything is to happen
  const ended = await runUntilQuiet(place, committed, isLong ? 1_500_000 : 300_000);
  console.log(`documents committed at each kill: ${known.join(' ')}`);
  refuseTrouble(ended, 'at the end');
  expect(simulator.stats()).toMatchObject({ pending: 0 });
  const { wrong, documents } = await compare(node.url, simulator);
  console.log(`${documents} documents, the simulator has ${simulator.summary().revisions}`);
  expect(wrong).toEqual([]);
  expect(documents).toBe(simulator.summary().revisions);
});
