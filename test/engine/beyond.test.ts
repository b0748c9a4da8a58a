/** Records that no window of the clock holds: of endpoints whose clock is ahead, or was set back. */
import { afterEach, describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import type { Gap, Walk } from '../../src/api/walk.ts';
import type { Pipeline } from '../../src/engine/pipeline.ts';
import { recover } from '../../src/engine/recover.ts';
import { liveWalk, type Schedule } from '../../src/engine/schedule.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { type DetectionsVendor, detectionAt, detectionsVendor } from './detections-vendor.ts';
import { documentOf, type MemorySink, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const never = new AbortController().signal;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);
const SCHEDULE: Schedule = {
  ...{ lookbackMs: DAY, pollMs: MINUTE, liveRangeMs: 15 * MINUTE, snapshotMs: MINUTE },
  sweeps: [{ rangeMs: DAY, everyMs: HOUR }],
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Tenant {
  vendor: DetectionsVendor;
  pipeline: Pipeline;
  sink: MemorySink;
  clock: { ms: number };
  poll(): Promise<void>;
  sweep(): Promise<void>;
}

function tenant(vendor: DetectionsVendor): Tenant {
  const place = scratch();
  cleanups.push(place.remove);
  const sink = memorySink();
  const clock = { ms: NOW };
  const opened = openPipeline(testConfig('http://127.0.0.1:1', place.path), { sink, now: () => clock.ms });
  cleanups.push(opened.close);
  const { pipeline } = opened;
  pipeline.client = vendor.client;
  const poll = async () => {
    clock.ms += MINUTE;
    await runWalk(pipeline, liveWalk(pipeline, SCHEDULE), never);
  };
  const sweep = async () => {
    clock.ms += HOUR;
    const fromMs = Math.max(clock.ms - DAY, pipeline.state.coveredFromMs() ?? 0);
    const walk: Walk = { id: 'sweep-86400s', kind: 'sweep', range: { fromMs, toMs: clock.ms } };
    await runWalk(pipeline, walk, never);
  };
  return { vendor, pipeline, sink, clock, poll, sweep };
}

const delivered = (sink: MemorySink) => sink.documents.map(({ key }) => key);
const tagsOf = (sink: MemorySink, key: string) =>
  sink.documents.filter((one) => one.key === key).map((one) => documentOf(one).tags);

describe.each(['OccurrenceTime', 'ReceivedTime'] as const)('of a list that filters by %s', (by) => {
  test.each([
    ['a minute', MINUTE],
    ['a year', 365 * DAY],
    ['a thousand years', 365_000 * DAY],
  ])('a detection whose clock is ahead by %s comes with the next poll, once, and is tagged', async (_, aheadMs) => {
    const { vendor, sink, clock, poll, sweep } = tenant(detectionsVendor([detectionAt('usual', NOW - HOUR)], by));
    await poll();
    expect(delivered(sink)).toEqual(['usual']);
    vendor.rows.push(detectionAt('ahead', clock.ms + MINUTE + aheadMs, clock.ms));
    await poll();
    expect(delivered(sink)).toEqual(['usual', 'ahead']);
    expect(tagsOf(sink, 'ahead')).toEqual([['timestamp_in_future']]);
    for (let again = 0; again < 5; again++) await poll();
    await sweep();
    vendor.rows.push(detectionAt('another', clock.ms + 2 * aheadMs, clock.ms));
    await poll();
    await poll();
    expect(delivered(sink)).toEqual(['usual', 'ahead', 'another']);
  });

  test('known ones are not read again at every poll, whatever the filter shows of them', async () => {
    const ahead = detectionAt('ahead', NOW + DAY, NOW - HOUR);
    const { vendor, poll } = tenant(detectionsVendor([ahead], by));
    for (let settle = 0; settle < 4; settle++) await poll();
    const before = { ...vendor.requests };
    await poll();
    await poll();
    expect(vendor.requests.list - before.list).toBeLessThanOrEqual(2 * 4);
    expect(vendor.requests.details - before.details).toBe(0);
  });
});

test('a poll of a quiet tenant asks for the list once more than for its window', async () => {
  const { vendor, poll } = tenant(detectionsVendor([detectionAt('usual', NOW - HOUR)]));
  await poll();
  await poll();
  const before = vendor.requests.list;
  await poll();
  expect(vendor.requests.list - before).toBe(2 + 1); // two readings of the window, a count from now on
});

test('where an empty range answers 404, the count from now on is one request, too', async () => {
  const vendor = detectionsVendor([detectionAt('usual', NOW - MINUTE)]);
  const { json } = vendor.client;
  vendor.client.json = async (request) => {
    if (request.path === '/detections/v2/recent') vendor.requests.list++;
    const reply = (await json({ ...request, accept: (body) => body as never })) as { page_items?: unknown[] };
    if (reply.page_items?.length === 0) throw new SluiceError('404', { action: 'skip' });
    return request.accept(reply);
  };
  const { poll } = tenant(vendor);
  await poll();
  const before = vendor.requests.list;
  await poll();
  expect(vendor.requests.list - before).toBe(2 + 1);
});

test('a change of a record that lies ahead is seen by the sweep', async () => {
  const ahead = detectionAt('ahead', NOW + DAY, NOW);
  const { sink, poll, sweep } = tenant(detectionsVendor([ahead]));
  await poll();
  ahead.Status = 'Done';
  await sweep();
  expect(sink.documents.map((one) => documentOf(one).event.action)).toEqual([undefined, 'detection-status-changed']);
});

test('one that was read and not delivered is read again', async () => {
  const { vendor, pipeline, sink, poll, clock } = tenant(detectionsVendor([detectionAt('usual', NOW - HOUR)]));
  await poll();
  vendor.rows.push(detectionAt('ahead', clock.ms + DAY, clock.ms));
  sink.failNext = new Error('the disk is full');
  await expect(poll()).rejects.toThrow();
  expect(delivered(sink)).toEqual(['usual']);
  await recover(pipeline);
  await poll();
  expect(delivered(sink)).toEqual(['usual', 'ahead']);
});

test('a gap in the future is read whole before it is closed, and nothing else with it', async () => {
  const { vendor, pipeline, sink } = tenant(detectionsVendor([detectionAt('ahead', NOW + 2 * DAY, NOW)]));
  const range = { fromMs: NOW - DAY, toMs: NOW + 3 * DAY };
  const times = { sinceMs: NOW, nextAtMs: NOW, attempts: 0 };
  const gap: Gap = { id: 'g', kind: 'unreadable', range, place: null, reason: 'test', ...times };
  await runWalk(pipeline, { id: 'gaps', kind: 'sweep', range, gap }, never);
  expect(delivered(sink)).toEqual(['ahead']);
  expect(vendor.requests.list).toBe(2);
});

test('a backfill that reaches into the future reads up to its end', async () => {
  const rows = [
    detectionAt('usual', NOW - HOUR),
    detectionAt('ahead', NOW + DAY, NOW),
    detectionAt('later', NOW + 9 * DAY),
  ];
  const { pipeline, sink } = tenant(detectionsVendor(rows));
  const range = { fromMs: Date.UTC(1980, 0, 1), toMs: NOW + 5 * DAY };
  await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range }, never);
  expect(delivered(sink)).toEqual(['usual', 'ahead']);
  expect(tagsOf(sink, 'ahead')).toEqual([['timestamp_in_future']]);
});

test.each([
  ['ahead', 365 * DAY],
  ['behind', -(NOW - Date.UTC(1980, 0, 2))],
])('a record of a clock that is %s is asked for again by when it was seen, not by its own time', async (_, offMs) => {
  const odd = detectionAt('odd', NOW + offMs, NOW);
  const { pipeline, clock, poll } = tenant(detectionsVendor([odd], 'ReceivedTime'));
  await poll();
  const seenMs = clock.ms;
  const [first] = pipeline.refresh.stepsMs;
  expect(pipeline.state.known('odd')).toMatchObject({ seenMs, refreshAtMs: seenMs + (first as number) });
});

describe('before everything that was asked for', () => {
  const history = Array.from({ length: 300 }, (_, n) => detectionAt(`old${n}`, NOW - (3 + n / 10) * DAY));

  test.each([0, 300])('a record of a clock set back is found by the next sweep, once (history: %i)', async (count) => {
    const rows = [...history.slice(0, count), detectionAt('usual', NOW - HOUR)];
    const { vendor, sink, clock, poll, sweep } = tenant(detectionsVendor(rows));
    await poll();
    await sweep();
    expect(delivered(sink)).toEqual(['usual']);
    vendor.rows.push(detectionAt('reset', Date.UTC(1980, 0, 1), clock.ms));
    await poll();
    await sweep();
    expect(delivered(sink)).toEqual(['usual', 'reset']);
    vendor.rows.push(detectionAt('reset2', Date.UTC(1980, 0, 1), clock.ms));
    await sweep();
    await sweep();
    expect(delivered(sink)).toEqual(['usual', 'reset', 'reset2']);
  });

  test('one that is late by a month is found in the midst of a history that is left alone', async () => {
    const { vendor, sink, clock, poll, sweep } = tenant(detectionsVendor([...history]));
    await poll();
    await sweep();
    vendor.rows.push(detectionAt('late', NOW - 25 * DAY, clock.ms));
    await sweep();
    await sweep();
    expect(delivered(sink)).toEqual(['late']);
  });

  test('what does not say when it arrived is not told from history, and left alone', async () => {
    const rows = history.map((row) => ({ ...row, ReceivedTime: '' }));
    const { vendor, sink, poll, sweep } = tenant(detectionsVendor(rows));
    await poll();
    await sweep();
    vendor.rows.push({ ...detectionAt('late', NOW - 25 * DAY), ReceivedTime: '' });
    await sweep();
    vendor.rows.push({ ...detectionAt('reset', Date.UTC(1981, 0, 1)), ReceivedTime: '' });
    await sweep();
    expect(delivered(sink)).toEqual(['reset']);
  });

  test('one is found although more of the history is deleted at the same time', async () => {
    const { vendor, sink, clock, poll, sweep } = tenant(detectionsVendor([...history]));
    await poll();
    await sweep();
    vendor.rows.splice(200, 50);
    vendor.rows.push(detectionAt('reset', Date.UTC(1980, 0, 1), clock.ms));
    await sweep();
    expect(delivered(sink)).toEqual(['reset']);
  });

  test('one that arrives behind a backfill is found, too', async () => {
    const { vendor, pipeline, sink, clock, poll, sweep } = tenant(detectionsVendor([...history]));
    await poll();
    await sweep();
    const range = { fromMs: NOW - 10 * DAY, toMs: NOW };
    await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range }, never);
    const count = sink.documents.length;
    vendor.rows.push(
      detectionAt('reset', Date.UTC(1980, 0, 1), clock.ms),
      detectionAt('late', NOW - 9 * DAY, clock.ms),
    );
    await sweep();
    expect(delivered(sink).slice(count)).toEqual(['reset', 'late']);
  });

  test('what the widest sweep has left behind is counted, and found when it grows', async () => {
    const { vendor, pipeline, sink, clock, poll, sweep } = tenant(detectionsVendor([detectionAt('usual', NOW)]));
    await poll();
    for (let hours = 0; hours < 72; hours++) await sweep();
    vendor.rows.push(detectionAt('late', NOW + 10 * HOUR, clock.ms));
    await sweep();
    await sweep();
    expect(delivered(sink)).toEqual(['usual', 'late']);
    expect((pipeline.state.fact('before every sweep') as { parts: unknown[] }).parts.length).toBeLessThanOrEqual(48);
  });

  test('while nothing arrives there, a sweep asks for the list twice more, and once more from now on', async () => {
    const { vendor, poll, sweep } = tenant(detectionsVendor([...history]));
    await poll();
    for (let again = 0; again < 3; again++) await sweep();
    const before = vendor.requests.list;
    await sweep();
    expect(vendor.requests.list - before).toBeLessThanOrEqual(3 + 1 + 2 + 3); // three when a part is added
  });

  test('a vendor that refuses to count so far back stops nothing', async () => {
    const vendor = detectionsVendor([detectionAt('usual', NOW - HOUR)]);
    const { json } = vendor.client;
    vendor.client.json = (request) =>
      request.query?.start === undefined && request.path === '/detections/v2'
        ? Promise.reject(new SluiceError('start is missing', { action: 'reject' }))
        : json(request);
    const { sink, poll, sweep } = tenant(vendor);
    await poll();
    await sweep();
    expect(delivered(sink)).toEqual(['usual']);
  });

  test('the parts of a long history are few, and small where they can be', async () => {
    const long = Array.from({ length: 9000 }, (_, n) => detectionAt(`h${n}`, NOW - 2 * DAY - n * HOUR));
    const { pipeline, poll, sweep } = tenant(detectionsVendor(long));
    await poll();
    await sweep();
    const { parts } = pipeline.state.fact('before every sweep') as { parts: { count: number }[] };
    expect(parts[0]?.count).toBe(0);
    expect(parts.length).toBeLessThanOrEqual(48);
    expect(Math.max(...parts.map(({ count }) => count))).toBeLessThanOrEqual(2500);
  });
});

test.each(['retry', 'reject'] as const)(
  'a list that fails from now on (%s) does not hold up the live edge',
  async (action) => {
    const vendor = detectionsVendor([detectionAt('usual', NOW - HOUR)]);
    const { json } = vendor.client;
    vendor.client.json = (request) =>
      request.query?.end === undefined && request.path === '/detections/v2'
        ? Promise.reject(new SluiceError('500', { action }))
        : json(request);
    const { pipeline, sink, clock, poll, sweep } = tenant(vendor);
    await poll();
    vendor.rows.push(detectionAt('new', clock.ms));
    await poll();
    await sweep();
    expect(delivered(sink)).toEqual(['usual', 'new']);
    expect(pipeline.state.walk('live')?.finishedAtMs).toBeDefined();
  },
);

test.each(['', 'T'])(
  'a record of 1980 that is there before the first run is delivered, history is not (%s)',
  async (received) => {
    const old = Array.from({ length: 30 }, (_, n) => detectionAt(`old${n}`, NOW - (3 + n) * DAY));
    const reset = detectionAt('reset', Date.UTC(1980, 0, 5), NOW - HOUR);
    const rows = [...old, reset, detectionAt('usual', NOW - HOUR)];
    const { sink, poll, sweep } = tenant(
      detectionsVendor(received === '' ? rows.map((row) => ({ ...row, ReceivedTime: '' })) : rows),
    );
    await poll();
    await sweep();
    await sweep();
    expect(delivered(sink)).toEqual(['usual', 'reset']);
  },
);

test('an index that is built anew is no news of the past', async () => {
  const old = Array.from({ length: 30 }, (_, n) => ({
    ...detectionAt(`old${n}`, NOW - (3 + n) * DAY),
    ReceivedTime: '',
  }));
  const { vendor, sink, poll, sweep } = tenant(detectionsVendor([...old, detectionAt('usual', NOW - HOUR)]));
  await poll();
  vendor.isRebuilt = true;
  await sweep();
  vendor.isRebuilt = false;
  await sweep();
  vendor.isRebuilt = true;
  await sweep();
  vendor.isRebuilt = false;
  await sweep();
  expect(delivered(sink)).toEqual(['usual']);
});
