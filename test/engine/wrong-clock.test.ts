/** A clock that was wrong, and believed: what it left in the state puts nothing off, and nothing is lost or doubled by it. */
import { afterEach, describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import type { Walk } from '../../src/api/walk.ts';
import { liveWalk, type Schedule } from '../../src/engine/schedule.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { isGapDue } from '../../src/reading/gaps.ts';
import { detectionAt, detectionsVendor } from './detections-vendor.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const never = new AbortController().signal;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);
const SCHEDULE: Schedule = {
  ...{ lookbackMs: DAY, pollMs: MINUTE, liveRangeMs: 15 * MINUTE, snapshotMs: MINUTE },
  sweeps: [{ rangeMs: 30 * DAY, everyMs: HOUR }],
};
const SWEEP = 'sweep-2592000s';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** `real.ms` is the vendor's time, and `off.ms` how far ours is ahead of it. */
function tenant(reading: Record<string, unknown> = {}, batch: Record<string, unknown> = {}) {
  const place = scratch();
  cleanups.push(place.remove);
  const sink = memorySink();
  const real = { ms: NOW };
  const off = { ms: 0 };
  const now = () => real.ms + off.ms;
  const vendor = detectionsVendor([]);
  const opened = openPipeline(testConfig('http://127.0.0.1:1', place.path, { reading, batch }), { sink, now });
  cleanups.push(opened.close);
  const { pipeline } = opened;
  pipeline.client = vendor.client;
  const run = (walk: Walk) => runWalk(pipeline, walk, never);
  let arrived = 0;
  const arrive = (more: object = {}) => {
    const id = `d${arrived++}`;
    vendor.rows.push(detectionAt(id, real.ms, real.ms, more));
    return id;
  };
  return {
    ...{ pipeline, vendor, sink, real, off, arrive },
    poll: () => run(liveWalk(pipeline, SCHEDULE)),
    sweep: () => {
      const fromMs = Math.max(now() - 30 * DAY, pipeline.state.coveredFromMs() ?? 0);
      return run({ id: SWEEP, kind: 'sweep', range: { fromMs, toMs: now() } });
    },
    refresh: () => run({ id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: now() } }),
  };
}

describe.each([HOUR, -HOUR, DAY, -DAY, 365 * DAY, -365 * DAY])('off by %d ms for two hours', (byMs) => {
  test('everything arrives, once, and nothing is said to be deleted', async () => {
    const { vendor, sink, real, off, arrive, poll, sweep } = tenant();
    const minutes = async (count: number) => {
      for (let minute = 5; minute <= count; minute += 5) {
        real.ms += 5 * MINUTE;
        arrive();
        await poll();
        if (minute % 60 === 0) await sweep();
      }
    };
    const requestsOfAnHour = async () => {
      const before = vendor.requests.list;
      await minutes(60);
      return vendor.requests.list - before;
    };
    await minutes(60);
    const usual = await requestsOfAnHour();
    off.ms = byMs;
    await minutes(120);
    off.ms = 0;
    await minutes(60);
    expect(sink.documents.map(({ key }) => key).toSorted()).toEqual(vendor.rows.map(({ Id }) => Id).toSorted());
    expect(sink.documents.map((one) => documentOf(one).event.action)).not.toContain('detection-deleted');
    expect(await requestsOfAnHour()).toBeLessThanOrEqual(usual + 2); // nothing of it is read again and again
  });
});

describe('what was written by a clock that ran ahead by a year', () => {
  test('an owed detail is asked for at once, and is not waited for longer than any other', async () => {
    const { pipeline, vendor, sink, real, off, arrive, poll, refresh } = tenant({ detail_patience: '5m' });
    arrive();
    off.ms = 365 * DAY;
    const { json } = vendor.client;
    vendor.client.json = async (request) => {
      if (/details/.test(request.path)) throw new SluiceError('500', { action: 'retry', status: 500 });
      return json(request);
    };
    pipeline.client = vendor.client;
    const everything = { fromMs: NOW - HOUR, toMs: NOW + HOUR };
    await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range: everything }, never);
    expect([...pipeline.owed.keys()]).toEqual(['d0']);
    off.ms = 0;
    await refresh();
    expect(pipeline.state.owedOf('d0')).toMatchObject({ attempts: 2, sinceMs: real.ms });
    for (let minute = 0; minute < 7; minute++) {
      real.ms += MINUTE;
      await refresh();
    }
    expect(sink.documents.map((one) => documentOf(one).tags)).toEqual([['detail_missing']]);
    pipeline.client.json = json;
    real.ms += HOUR;
    await poll();
    await refresh();
    expect(sink.documents).toHaveLength(2);
  });

  test('a detail is refreshed, though its next time lies a year ahead', async () => {
    const { vendor, sink, off, arrive, refresh, pipeline } = tenant({
      detail_refresh: ['15m', '24h'],
      detail_refresh_for: '3650d',
    });
    arrive();
    off.ms = 365 * DAY;
    const range = { fromMs: NOW - HOUR, toMs: NOW + HOUR };
    await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range }, never);
    off.ms = 0;
    (vendor.rows[0] as (typeof vendor.rows)[number]).Comment = 'seen';
    await refresh();
    expect(sink.documents.map((one) => documentOf(one).event.action)).toEqual([undefined, 'detection-commented']);
    const before = vendor.requests.details;
    await refresh();
    expect(vendor.requests.details).toBe(before); // it has its usual time again
  });

  test('a refresh that lasts asks for each detail once', { timeout: 20_000 }, async () => {
    const { vendor, real, arrive, refresh, pipeline } = tenant({ detail_refresh: ['1m'] }, { documents: 10 });
    for (let count = 0; count < 1200; count++) arrive();
    const range = { fromMs: NOW - HOUR, toMs: NOW + HOUR };
    await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range }, never);
    const { json } = vendor.client;
    const asked: string[] = [];
    vendor.client.json = async (request) => {
      asked.push(request.path);
      real.ms += 10;
      if (asked.length > 2000) throw new Error('it does not end');
      return json(request);
    };
    real.ms += HOUR;
    for (const row of vendor.rows) row.Comment = 'seen';
    await refresh();
    expect(asked.length).toBe(1200);
    expect(new Set(asked).size).toBe(1200);
  });

  test('a record that its list misses is missing from now on', async () => {
    const { vendor, sink, real, off, arrive, pipeline, refresh } = tenant({ detail_refresh: ['1m', '1m'] });
    for (let count = 0; count < 2; count++) arrive();
    const range = { fromMs: NOW - HOUR, toMs: NOW + HOUR };
    await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range }, never);
    vendor.areDetailsDown = true;
    vendor.rows.splice(0, 1);
    const look = async (minutes: number) => {
      real.ms += minutes * MINUTE;
      await refresh();
    };
    off.ms = 365 * DAY;
    await look(2);
    off.ms = 0;
    await look(2);
    await look(65);
    expect(sink.documents.map((one) => documentOf(one).event.action)).toEqual([
      undefined,
      undefined,
      'detection-deleted',
    ]);
  });

  test.each([
    [-1, true],
    [0, true],
    [MINUTE, false],
    [6 * HOUR, false],
    [7 * HOUR, true],
    [365 * DAY, true],
  ])('a gap that is put off by %d ms is asked for: %s', (ms, isDue) => {
    expect(isGapDue(NOW + ms, NOW)).toBe(isDue);
  });
});
