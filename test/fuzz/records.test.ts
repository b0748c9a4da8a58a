/**
 * Whatever one record, reply or child of a page is, the others arrive, no run ends, and the next one is clean. `DAMAGED`
 * says how many records are damaged in all (`npm run fuzz:records`: 20,000, with 50 above 1 MB and 20 above 10 MB).
 */
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { itemsOfEach, resourceOf, type Simulator, type TruthStream } from '../../simulator/index.ts';
import type { Walk } from '../../src/api/walk.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { runWalk } from '../../src/engine/walk.ts';
import {
  asRead,
  documentOf,
  type MemorySink,
  memorySink,
  openPipeline,
  scratch,
  simulate,
  TENANT,
  testConfig,
  wholeRange,
} from '../engine/harness.ts';
import { seed } from '../seed.ts';
import { explained } from './explained.ts';
import { type Saboteur, startSaboteur } from './saboteur.ts';
import { apexCentral, CYLANCE } from './vendors.ts';

const WANTED = Number(process.env.DAMAGED ?? 900);
const isLong = WANTED > 5000;
const MINUTE_MS = 60_000;
/** Things of each kind. */
const EACH = isLong ? 120 : 60;
/** Of those above 1 MB, and above 10 MB. */
const FEWEST = isLong ? { large: 50, huge: 20 } : { large: 0, huge: 0 };
const NAMES = streams.map(({ stream }) => stream.name as TruthStream);
const total = { records: 0, large: 0, huge: 0, deep: 0, replies: 0, runs: 0 };
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const isApex = (stream: TruthStream) => stream.startsWith('apex_central.');
const APEX = { applicationId: TENANT.applicationId, apiKey: TENANT.applicationSecret };
const OF_APEX = { connector: 'apex_central', tenant_id: undefined };

function tenant(stream: TruthStream, round: number): Promise<Simulator> {
  const counted = resourceOf(stream);
  const items = counted === undefined ? {} : { [counted]: itemsOfEach(EACH)[counted] ?? 0 };
  const others = {
    detections: stream === 'cylance.detection' ? 150 : 0,
    instaQueries: stream.startsWith('cylance.instaquery') ? EACH / 3 : 0,
    retrievedFiles: stream === 'cylance.retrieved_file' ? 100 : 0,
  };
  const apex = { ...APEX, footprints: isApex(stream) ? 30 : 0 };
  return simulate({ seed: seed + round, ...others, resultsPerQuery: 20, items, spanDays: 1, apex });
}

/** Waited and computed since: what would have passed if this process had the machine for itself. */
function stopwatch(): () => number {
  const before = { loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() };
  return () => {
    const { user, system } = process.cpuUsage(before.cpu);
    return performance.eventLoopUtilization(before.loop).idle + (user + system) / 1000;
  };
}

/** One `run --once`, behind it a backfill where that is wanted: it waits for no child that was put off. It never throws, and is through within a minute. */
async function runOnce(
  url: string,
  folder: string,
  stream: TruthStream,
  sink: MemorySink,
  backfill?: Walk,
): Promise<void> {
  const tasks = { task_poll: '10ms', task_deadline: isLong ? '30s' : '15s', child_concurrency: 16 };
  const reading = { page_size: 10, lookback: '3d', ...(isApex(stream) ? tasks : {}) };
  const retry = { deadline: '20s', first_delay: '2ms', max_delay: '20ms' };
  const source = { streams: [stream], ...(isApex(stream) ? OF_APEX : {}) };
  const config = testConfig(url, folder, { source, reading, retry, http: { timeout: '60s' } });
  const { pipeline, store, close } = openPipeline(config, { sink });
  const spentMs = stopwatch();
  try {
    const schedule = config.sources[0]?.reading as NonNullable<(typeof config.sources)[number]>['reading'];
    const signal = AbortSignal.timeout(10 * MINUTE_MS);
    await runPipeline(pipeline, { schedule, store, signal, once: true });
    if (backfill !== undefined) await runWalk(pipeline, backfill, signal);
  } finally {
    await close();
  }
  expect(spentMs()).toBeLessThan(MINUTE_MS);
  total.runs++;
}

/** Keys of the truth that no document is of; those that no damage explains where there is a saboteur. */
function missing(simulator: Simulator, stream: TruthStream, sink: MemorySink, saboteur?: Saboteur): string[] {
  const keyOf = streams.find((one) => one.stream.name === stream)?.stream.key;
  const arrived = new Set(sink.documents.map(({ key }) => key));
  const isExplained = explained(stream, saboteur?.damages.values() ?? []);
  return [...simulator.truthOf(stream)].flatMap(({ id, record }) => {
    const key = keyOf?.(asRead(stream, record)) ?? id;
    return arrived.has(key) || isExplained(record, key) ? [] : [key];
  });
}

function doubled(sink: MemorySink): string[] {
  const ids = sink.documents.map(({ id }) => id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}

async function round(stream: TruthStream, number: number): Promise<void> {
  const simulator = await tenant(stream, number);
  cleanUps.push(() => simulator.close());
  const plan = isLong ? { oneOf: 4, largeOneOf: 200, hugeOneOf: 400 } : { oneOf: 8, largeOneOf: 300, hugeOneOf: 0 };
  const vendor = isApex(stream) ? apexCentral() : CYLANCE;
  const saboteur = await startSaboteur(simulator.url, { vendor, seed: seed + number, ...plan });
  cleanUps.push(() => saboteur.close());
  const { path, remove } = scratch();
  cleanUps.push(remove);
  const sink = memorySink();
  await runOnce(saboteur.url, path, stream, sink);
  expect(missing(simulator, stream, sink, saboteur)).toEqual([]);
  await runOnce(saboteur.url, path, stream, sink);
  saboteur.mend();
  await runOnce(saboteur.url, path, stream, sink, wholeRange(simulator));
  expect(doubled(sink)).toEqual([]);
  expect(missing(simulator, stream, sink)).toEqual([]);
  for (const document of sink.documents) expect(documentOf(document).event.dataset).toBe(stream);
  for (const name of ['records', 'large', 'huge', 'deep', 'replies'] as const) total[name] += saboteur.counts[name];
}

test.each(NAMES)(
  'one damaged record, reply or child of %s harms only itself',
  async (stream) => {
    const before = total.records;
    let number = Number(process.env.ROUND ?? 1) - 1; // to repeat the one that failed
    while (total.records - before < WANTED / NAMES.length) {
      console.log(`${stream}: SEED=${seed}, round ${++number}`);
      await round(stream, number);
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    }
    console.log(`damaged so far: ${JSON.stringify(total)}`);
  },
  3_600_000,
);

test('enough was damaged', () => {
  expect(total.records).toBeGreaterThanOrEqual(WANTED);
  for (const size of ['large', 'huge'] as const) expect(total[size]).toBeGreaterThanOrEqual(FEWEST[size]);
});
