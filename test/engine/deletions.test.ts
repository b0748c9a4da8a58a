/** That a deletion is told only when it is proven. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Walk } from '../../src/api/walk.ts';
import { alarmOf, confirmFew } from '../../src/engine/completeness/missing.ts';
import type { Pipeline } from '../../src/engine/pipeline.ts';
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
  sweeps: [],
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
  /** A poll, a sweep over everything, and the refresh of what is due then, so much later. */
  look(laterMs?: number): Promise<void>;
}

async function tenant(vendor: DetectionsVendor, reading: object = {}): Promise<Tenant> {
  const place = scratch();
  cleanups.push(place.remove);
  const sink = memorySink();
  const clock = { ms: NOW };
  const settings = { reading: { detail_refresh: ['15m'], ...reading } };
  const opened = openPipeline(testConfig('http://127.0.0.1:1', place.path, settings), { sink, now: () => clock.ms });
  cleanups.push(opened.close);
  const { pipeline } = opened;
  pipeline.client = vendor.client;
  const run = (walk: Walk) => runWalk(pipeline, walk, never);
  const look = async (laterMs = MINUTE) => {
    clock.ms += laterMs;
    await run(liveWalk(pipeline, SCHEDULE));
    await run({ id: 'sweep-86400s', kind: 'sweep', range: { fromMs: NOW - DAY, toMs: clock.ms } });
    await run({ id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: clock.ms } });
  };
  await look();
  return { vendor, pipeline, sink, clock, look };
}

/** They occurred an hour before they arrived. */
const late = (count: number) =>
  Array.from({ length: count }, (_, n) => detectionAt(`late${n}`, NOW - HOUR - n * 1000, NOW - 30_000));

const deletedIn = (sink: MemorySink) =>
  sink.documents.filter((one) => documentOf(one).event.action === 'detection-deleted').map(({ key }) => key);

describe.each(['OccurrenceTime', 'ReceivedTime'] as const)('where the list filters by %s', (by) => {
  test('a details route that is out of order deletes nothing, however long', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(3), by));
    expect(sink.documents).toHaveLength(3);
    vendor.areDetailsDown = true;
    for (let again = 0; again < 5; again++) await look(30 * MINUTE);
    vendor.areDetailsDown = false;
    await look(30 * MINUTE);
    expect(sink.documents).toHaveLength(3);
  });

  test('a list that is empty for hours deletes nothing while the details answer', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(3), by));
    vendor.isRebuilt = true;
    for (let again = 0; again < 5; again++) await look(30 * MINUTE);
    expect(deletedIn(sink)).toEqual([]);
  });

  test('a list and details that are empty for a minute delete nothing', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(30), by));
    Object.assign(vendor, { isRebuilt: true, areDetailsDown: true });
    for (let again = 0; again < 3; again++) await look(15 * MINUTE);
    Object.assign(vendor, { isRebuilt: false, areDetailsDown: false });
    await look(15 * MINUTE);
    await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual([]);
    vendor.rows.splice(0, 1);
    await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual(['late0']);
  });

  test('a list that lost more than a tenth deletes nothing, however long, until a person says that it is right', async () => {
    const { vendor, pipeline, sink, look } = await tenant(detectionsVendor(late(30), by));
    await look();
    await runWalk(pipeline, { id: 'sweep-1s', kind: 'sweep', range: { fromMs: NOW - DAY, toMs: NOW } }, never);
    vendor.rows.splice(0, 20);
    for (let again = 0; again < 8; again++) await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual([]);
    expect(alarmOf(pipeline.state)).toMatchObject({ before: 30, total: 10 });
    confirmFew(pipeline.state);
    await look(15 * MINUTE);
    await look(15 * MINUTE);
    expect(deletedIn(sink)).toHaveLength(20);
  });

  test('one that is gone is told at the next look, once, by the witness of another', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(3), by));
    vendor.rows.splice(1, 1);
    for (let again = 0; again < 3; again++) await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual(['late1']);
  });

  test('an id that a page shows twice, with other words, is one record whose detail is asked for once', async () => {
    const twice = late(3).flatMap((row) => [row, { ...row, PhoneticId: 'said-otherwise' }]);
    const vendor = detectionsVendor(twice, by);
    const { sink, look } = await tenant(vendor, { detail_refresh: ['30d'] });
    expect(vendor.requests.details).toBe(3);
    for (let again = 0; again < 3; again++) await look(15 * MINUTE);
    expect(sink.documents).toHaveLength(3);
    expect(vendor.requests.details).toBe(3);
  });

  test('ids that look like secrets are two records, neither deleted nor asked for by what is left of them', async () => {
    const secrets = ['token=one1', 'token=two2'].map((id) => detectionAt(id, NOW - HOUR, NOW - 30_000));
    const { sink, look } = await tenant(detectionsVendor([...late(3), ...secrets], by));
    for (let again = 0; again < 4; again++) await look(15 * MINUTE);
    const keys = sink.documents.map(({ key }) => key);
    expect(keys).toHaveLength(5);
    expect(new Set(keys).size).toBe(5);
    expect(keys.join()).not.toMatch(/one1|two2/);
    expect(deletedIn(sink)).toEqual([]);
  });

  test('without a witness it takes two looks an hour apart', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(1), by));
    vendor.rows.length = 0;
    for (let again = 0; again < 4; again++) await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual([]);
    await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual(['late0']);
  });

  test('a look in between that finds it begins the hour anew', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(1), by));
    const [only] = vendor.rows.splice(0, 1);
    for (let again = 0; again < 3; again++) await look(15 * MINUTE);
    vendor.rows.push(only as (typeof vendor.rows)[number]);
    await look(15 * MINUTE);
    vendor.rows.length = 0;
    for (let again = 0; again < 4; again++) await look(15 * MINUTE);
    expect(deletedIn(sink)).toEqual([]);
  });

  test('a change of one whose details route is out of order waits for its detail, and is shipped as the list has it in the end', async () => {
    const { vendor, sink, look } = await tenant(detectionsVendor(late(2), by), { detail_patience: '5m' });
    vendor.areDetailsDown = true;
    (vendor.rows[0] as (typeof vendor.rows)[number]).Status = 'Done';
    for (let again = 0; again < 5; again++) await look();
    expect(sink.documents).toHaveLength(2);
    for (let again = 0; again < 3; again++) await look();
    expect(sink.documents.slice(2).map((one) => [one.key, documentOf(one).event.action, documentOf(one).tags])).toEqual(
      [['late0', 'detection-status-changed', ['detail_missing', 'end_seen_at_poll']]],
    );
  });

  test('one whose detail alone is missing is shipped at once, as the list has it, the first time, too', async () => {
    const vendor = detectionsVendor(late(3), by);
    vendor.withoutDetail.add('late1');
    const { sink } = await tenant(vendor);
    const tags = new Map(sink.documents.map((one) => [one.key, documentOf(one).tags]));
    expect(Object.fromEntries(tags)).toEqual({ late0: undefined, late1: ['detail_missing'], late2: undefined });
  });

  test('a record that is new while the details route is out of order is shipped once, with its detail', async () => {
    const { vendor, sink, clock, look } = await tenant(detectionsVendor(late(2), by));
    vendor.areDetailsDown = true;
    vendor.rows.push(detectionAt('new', clock.ms, clock.ms));
    for (let again = 0; again < 2; again++) await look(15 * MINUTE);
    expect(sink.documents).toHaveLength(2);
    vendor.areDetailsDown = false;
    await look(15 * MINUTE);
    expect(sink.documents.slice(2).map((one) => [one.key, documentOf(one).tags])).toEqual([['new', undefined]]);
  });
});

test('a details route that comes back while the list is read: the change is shipped once, with its detail', async () => {
  const { vendor, pipeline, sink, clock, look } = await tenant(detectionsVendor(late(3)));
  const { json } = vendor.client;
  vendor.areDetailsDown = true;
  (vendor.rows[0] as (typeof vendor.rows)[number]).Status = 'Done';
  pipeline.client = {
    ...vendor.client,
    json(request) {
      if (!request.path.endsWith('/details')) vendor.areDetailsDown = false;
      return json(request);
    },
  };
  clock.ms += 15 * MINUTE;
  await runWalk(pipeline, { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: clock.ms } }, never);
  await look(15 * MINUTE);
  const later = sink.documents.slice(3).map((one) => [one.key, documentOf(one).event.action, documentOf(one).tags]);
  expect(later).toEqual([['late0', 'detection-status-changed', ['end_seen_at_poll']]]);
});

test('a details route that goes out of order right after another record was answered: no detail is taken for missing', async () => {
  const { vendor, pipeline, sink, look } = await tenant(detectionsVendor(late(3)));
  const { json } = vendor.client;
  (vendor.rows[0] as (typeof vendor.rows)[number]).Status = 'Done';
  let answers = 0;
  pipeline.client = {
    ...vendor.client,
    json(request) {
      const isDetail = request.path.endsWith('/details');
      const isOfChanged = isDetail && request.path.includes('late0');
      // Its own detail is never there; another's is, the first time that one is asked for as a witness.
      vendor.areDetailsDown = isDetail && (isOfChanged || ++answers > 1);
      return json(request);
    },
  };
  await look();
  expect(sink.documents).toHaveLength(3);
  pipeline.client = vendor.client;
  vendor.areDetailsDown = false;
  await look();
  await look(15 * MINUTE);
  const later = sink.documents.slice(3).map((one) => [one.key, documentOf(one).event.action, documentOf(one).tags]);
  expect(later).toEqual([['late0', 'detection-status-changed', ['end_seen_at_poll']]]);
});

test('a poll does not wait for the proof', async () => {
  const { vendor, pipeline, sink, clock } = await tenant(
    detectionsVendor([detectionAt('a', NOW), detectionAt('b', NOW)]),
  );
  vendor.rows.splice(0, 1);
  clock.ms += MINUTE;
  const before = vendor.requests.list;
  await runWalk(pipeline, liveWalk(pipeline, SCHEDULE), never);
  expect(vendor.requests.list - before).toBe(3);
  expect(pipeline.state.due(clock.ms, 9).map(({ key }) => key)).toEqual(['a']);
  await runWalk(pipeline, { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: clock.ms } }, never);
  expect(deletedIn(sink)).toEqual(['a']);
});

test('many are looked for together, around their own time once the list is known to be filtered so', async () => {
  const rows = [...late(3), ...Array.from({ length: 3000 }, (_, n) => detectionAt(`x${n}`, NOW - 2 * HOUR - n * 1000))];
  const { vendor, sink, look } = await tenant(detectionsVendor(rows));
  vendor.rows.splice(10, 20);
  await look(15 * MINUTE);
  expect(deletedIn(sink)).toHaveLength(20);
  const before = vendor.requests.list;
  await look(15 * MINUTE);
  const usual = vendor.requests.list - before;
  vendor.rows.splice(30, 20);
  const again = vendor.requests.list;
  await look(15 * MINUTE);
  expect(deletedIn(sink)).toHaveLength(40);
  expect(vendor.requests.list - again - usual).toBeLessThanOrEqual(20);
});
