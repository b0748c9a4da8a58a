/** A time behind the live edge that was never read to an end is read by `run` itself, and no other. */
import { afterEach, expect, test } from 'vitest';
import { firstHole, noteLive, openParts, without } from '../../src/engine/completeness/open-parts.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { detectionsOf, fakeVendor } from './fake-vendor.ts';
import { memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test('ranges without others', () => {
  const range = (fromMs: number, toMs: number) => ({ fromMs, toMs });
  expect(without(range(0, 100), [])).toEqual([range(0, 100)]);
  expect(without(range(0, 100), [range(60, 70), range(-5, 10), range(65, 80), range(90, 900)])).toEqual([
    range(10, 60),
    range(80, 90),
  ]);
  expect(without(range(0, 100), [range(0, 100)])).toEqual([]);
});

test('run closes a hole behind its live edge, and leaves alone what nobody asked it for', async () => {
  const nowMs = Date.now();
  const all = detectionsOf(600, nowMs); // ten hours
  const vendor = await fakeVendor({ detections: () => all });
  const folder = scratch();
  const sink = memorySink();
  const config = testConfig(vendor.url, folder.path, { reading: { lookback: '1h', sweeps: [] } });
  const opened = openPipeline(config, { sink });
  cleanUps.push(folder.remove, () => vendor.close(), opened.close);
  const { pipeline, store } = opened;
  const range = (from: number, to: number) => ({ fromMs: nowMs - from * HOUR_MS, toMs: nowMs - to * HOUR_MS });
  await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range: range(9, 8) }, never);
  await runWalk(pipeline, { id: 'live', kind: 'live', range: range(5, 4) }, never);
  expect(firstHole(pipeline)).toBeUndefined();
  // As after a clock that leapt: the live edge goes on behind a time that nobody read.
  await runWalk(pipeline, { id: 'live', kind: 'live', range: range(2, 1) }, never);
  expect(firstHole(pipeline)).toEqual(range(4, 2));
  const before = sink.documents.length;
  const schedule = (config.sources[0] as (typeof config.sources)[0]).reading;
  await runPipeline(pipeline, { schedule, store, signal: never, once: true });
  expect(firstHole(pipeline)).toBeUndefined();
  const open = openParts(pipeline, { fromMs: nowMs - 9 * HOUR_MS, toMs: nowMs - HOUR_MS });
  expect(open.map((part) => [part.kind, part.range])).toEqual([['never', range(8, 5)]]);
  const keys = sink.documents.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.length - before).toBeGreaterThanOrEqual(118 + 58); // the hole, and the hour since
  noteLive(pipeline.state, range(6, 6));
  expect(firstHole(pipeline)).toEqual(range(6, 5));
});
