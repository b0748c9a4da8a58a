/** However long the past takes, and however often its reading is broken off: what is new arrives within a poll. */
import { afterEach, expect, test } from 'vitest';
import { runPipeline } from '../../src/engine/runner.ts';
import type { Schedule } from '../../src/engine/schedule.ts';
import { detectionsOf, type FakeVendor, fakeVendor } from './fake-vendor.ts';
import { type MemorySink, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const HISTORY = 700;
const SCHEDULE: Schedule = { lookbackMs: 86_400_000, pollMs: 1000, liveRangeMs: 60_000, sweeps: [], snapshotMs: 1000 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A tenant whose history takes more than ten seconds to read. */
async function tenant(requestsPerSecond = 15) {
  const detections = detectionsOf(HISTORY, Date.now() - 60_000);
  const vendor: FakeVendor = await fakeVendor({ detections: () => detections });
  const place = scratch();
  cleanups.push(place.remove, vendor.close);
  const sink: MemorySink = memorySink();
  const config = testConfig(vendor.url, place.path, {
    source: { rate: { requests_per_second: requestsPerSecond, concurrency: 4 } },
    reading: { details: false, page_size: 20, max_window_records: 60 },
    batch: { wait: '50ms' },
  });
  return {
    arrive(id: string) {
      detections.push({ Id: id, Severity: 'High', Status: 'New', OccurrenceTime: new Date().toISOString() });
    },
    ids: () => sink.documents.map(({ key }) => key),
    /** A process that lives until it is stopped. */
    run(once = false, schedule = SCHEDULE) {
      const { pipeline, store, close } = openPipeline(config, { sink });
      const stop = new AbortController();
      const running = runPipeline(pipeline, { schedule, store, signal: stop.signal, once });
      return {
        ended: running.finally(close),
        async stop() {
          stop.abort();
          await running;
        },
      };
    },
  };
}

async function forAWhile(tenancy: Awaited<ReturnType<typeof tenant>>, ms: number): Promise<void> {
  const process = tenancy.run();
  await new Promise((resolve) => setTimeout(resolve, ms));
  await process.stop();
  await process.ended;
}

test('a process that is broken off again and again sees what is new, and ends the past in the end', async () => {
  const acme = await tenant();
  await forAWhile(acme, 1500);
  for (const id of ['new-1', 'new-2', 'new-3']) {
    acme.arrive(id);
    await forAWhile(acme, 1500);
    expect(acme.ids()).toContain(id);
    expect(acme.ids().length).toBeLessThan(HISTORY);
  }
  const process = acme.run();
  await expect.poll(() => acme.ids().length, { timeout: 60_000 }).toBe(HISTORY + 3);
  await process.stop();
  await process.ended;
  expect(new Set(acme.ids()).size).toBe(HISTORY + 3);
}, 120_000);

test('a poll that takes longer than a poll leaves the rest to the catch-up', async () => {
  const acme = await tenant();
  const process = acme.run();
  await new Promise((resolve) => setTimeout(resolve, 500));
  acme.arrive('new');
  await expect.poll(() => acme.ids().includes('new'), { timeout: 30_000, interval: 20 }).toBe(true);
  expect(acme.ids().length).toBeLessThan(HISTORY);
  await expect.poll(() => acme.ids().length, { timeout: 60_000 }).toBe(HISTORY + 1);
  await process.stop();
  await process.ended;
  expect(new Set(acme.ids()).size).toBe(HISTORY + 1);
}, 120_000);

test('`--once` behind a process that was broken off goes on at once, and reads both', async () => {
  const acme = await tenant(40);
  await forAWhile(acme, 1000);
  acme.arrive('new');
  const before = performance.now();
  await acme.run(true, { ...SCHEDULE, pollMs: 60_000, sweeps: [{ rangeMs: 3_600_000, everyMs: 60_000 }] }).ended;
  expect(performance.now() - before).toBeLessThan(50_000);
  expect(acme.ids().sort()).toEqual([...new Set(acme.ids())].sort());
  expect(acme.ids()).toHaveLength(HISTORY + 1);
}, 120_000);
