/** The benchmark itself still runs: it is no part of CI, and would else break unseen. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Bench, createBench } from '../../bench/bench.ts';
import { CHAPTERS, chosen } from '../../bench/chapters.ts';
import { pageOf } from '../../bench/report/page.ts';
import { details } from '../../bench/sections/details.ts';
import { startBulkStub } from '../../bench/vendor/bulk-stub.ts';
import { startVendor } from '../../bench/vendor/pages.ts';
import { results } from './results.ts';

const DETECTIONS = 450;
const SLOW = { timeout: 180_000 };
const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-test-'));
const bench: Bench = { ...createBench({ scratch, rounds: 1, quick: true }), count: () => DETECTIONS };
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('details: Sluice and its floors in processes of their own, and a page of it', SLOW, async () => {
  const sections = await details.measure(bench);
  const [{ variants, figures } = { variants: [], figures: [] }] = sections;
  expect(variants.map(({ id, runs }) => [id, runs.map(({ records }) => records)])).toEqual(
    ['sluice', 'floor-fetch', 'floor-http', 'floor-fetch-raw'].map((id) => [id, [DETECTIONS]]),
  );
  for (const { runs } of variants) expect(runs[0]?.requests).toBeGreaterThan(DETECTIONS);
  for (const { values } of figures) expect(values[0]).toBeGreaterThan(0);
  expect(pageOf({ results: results(sections), pictures: new Map() })).not.toMatch(/NaN|undefined/);
});

test('lists to the stub: every record arrives, and the floor downloads as many pages as it is told', SLOW, async () => {
  const vendor = await startVendor({ samples: await bench.samples(), form: 'full', detections: DETECTIONS });
  const stub = await startBulkStub();
  const source = { url: vendor.url, ...vendor.range, elasticsearch: stub.url };
  expect(await bench.measure({ mode: 'sluice', ...source }, 'one')).toMatchObject({ records: DETECTIONS });
  expect(stub.taken()).toBe(DETECTIONS);
  const { records } = vendor.served();
  expect(records).toBeGreaterThanOrEqual(DETECTIONS);
  const pages = 5;
  const floor = { mode: 'floor', pages, maps: true, ...source } as const;
  expect(await bench.measure({ ...floor, writesEveryPage: false }, 'two')).toMatchObject({ records: DETECTIONS });
  expect(stub.taken()).toBe(DETECTIONS);
  expect(vendor.served().pages).toBe(pages);
  await bench.measure({ ...floor, writesEveryPage: true }, 'three');
  expect(stub.taken()).toBe(DETECTIONS + 400); // three pages, and the first two again
  await Promise.all([vendor.close(), stub.close()]);
});

test.runIf(existsSync('/proc/self/status'))(
  'the memory of a run is its own, not what this process has',
  SLOW,
  async () => {
    const large = Buffer.alloc(400 * 1024 * 1024, 1);
    const vendor = await startVendor({ samples: await bench.samples(), form: 'short', detections: DETECTIONS });
    const floor = { mode: 'floor', pages: 3, url: vendor.url, ...vendor.range } as const;
    expect((await bench.measure(floor, 'small')).peakMiB).toBeLessThan(large.length / 1024 / 1024);
    await vendor.close();
  },
);

test('chapters are chosen by name; those that need more than Node are left out unless they are wanted', () => {
  const names = (of: typeof CHAPTERS) => of.map(({ name }) => name);
  expect(new Set(names(CHAPTERS)).size).toBe(CHAPTERS.length);
  expect(names(chosen({ only: 'kafka, lists' }))).toEqual(['kafka', 'lists']);
  expect(names(chosen({}))).toContain('lists');
  expect(names(chosen({}))).not.toContain('kafka');
  expect(chosen({ all: true })).toHaveLength(CHAPTERS.length);
  expect(() => chosen({ only: 'lsits' })).toThrow(/there is no part "lsits"; there are lists, /);
});
