/** Detections backfilled while the tenant lives, then kept up with: the exact set, valid ECS, in Elasticsearch. `npm run test:long` has 100,000. */
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { committedRevisions, confirmCommitted } from '../e2e/committed.ts';
import { refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { configOf, type Ended, openPlace, type Place } from '../e2e/place.ts';
import { compare } from './data-stream.ts';
import { type ElasticsearchVersion, startElasticsearch } from './elasticsearch.ts';
import { ecsChecker, livingOf, stopwatch } from './living-tenant.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const DETECTIONS = Number(process.env.SLUICE_LIVING_DETECTIONS ?? 20_000);

/** Detections, how many of each kind of change, and how often the detail of an open detection is fetched again. */
const SIZES: [version: ElasticsearchVersion, detections: number, changes: number, refresh: string][] = [
  ['9.5.3', DETECTIONS, 250, `${Math.ceil(DETECTIONS / 800)}s`],
  ['8.19.5', 10_000, 80, '20s'],
];

/** What has just changed is fetched again at every refresh, any other open detail at a pace that does not dominate. */
const READING = {
  ...{ lookback: '1h', poll: '3s', sweeps: [{ range: '400d', every: '15s' }] },
  ...{ page_size: 500, max_window_records: 10_000 },
};

async function prepare(version: ElasticsearchVersion, detections: number, changes: number, refresh: string) {
  const node = await startElasticsearch({ version });
  cleanups.push(node.stop);
  const place = await openPlace({ detections, oddForms: true, living: livingOf(changes) });
  cleanups.push(place.close);
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [node.url], compression: 'none' }];
  place.configure(
    configOf({ url: place.simulator.url, sinks, reading: { ...READING, detail_refresh: ['5s', '15s', refresh] } }),
  );
  const setup = await place.sluice('setup', 'elasticsearch');
  expect({ code: setup.code, stderr: setup.stderr }).toMatchObject({ code: 0 });
  return { node, place };
}

function backfill(place: Place): Promise<Ended> {
  return place.sluice('backfill', '--from', place.simulator.range.start, '--json');
}

test.each(SIZES)(
  'a living tenant on %s: %i detections',
  { timeout: 900_000 },
  async (version, detections, changes, refresh) => {
    const { node, place } = await prepare(version, detections, changes, refresh);
    const { simulator } = place;
    const state = join(place.folder, 'sluice-state');
    const phase = stopwatch();
    const confirmer = confirmCommitted(simulator, state);
    cleanups.push(confirmer.stop);
    const first = await backfill(place);
    phase('backfill');
    refuseTrouble(first, 'backfill');
    expect(JSON.parse(first.stdout)).toMatchObject({ done: true, pipelines: [{ rejected: 0 }] });
    console.log(`after the backfill: ${simulator.stats().pending} changes to come`);

    const ended = await runUntilQuiet(place, () => committedRevisions(state, 1), 420_000);
    phase('run until quiet');
    refuseTrouble(ended, 'run');
    expect(ended.code).toBe(0);
    expect(simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });

    const again = await backfill(place);
    phase('second backfill');
    expect(JSON.parse(again.stdout)).toMatchObject({ done: true, nothingNew: true });

    const ecs = ecsChecker();
    const { documents, wrong } = await compare(node.url, simulator, ({ source }) => ecs.check(source));
    phase('comparison');
    const { revisions, deleted } = simulator.summary();
    console.log(
      `${documents} documents, ${revisions - detections} later ones, ${deleted} deletions, ${ecs.checked()} checked`,
    );
    expect(wrong).toEqual([]);
    expect(documents).toBe(revisions);
    expect([...ecs.found]).toEqual([]);
    expect(ecs.checked()).toBeGreaterThan(Math.min(5000, detections / 10));
    expect(deleted).toBeGreaterThan(0);
    expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
  },
);
