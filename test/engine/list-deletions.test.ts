/** That a list without details tells a deletion, and when it does not. */
import { afterEach, describe, expect, test } from 'vitest';
import type { VendorRequest } from '../../src/api/client.ts';
import type { StreamName } from '../../src/api/document.ts';
import type { Walk } from '../../src/api/walk.ts';
import { alarmOf, confirmFew } from '../../src/engine/completeness/missing.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { clientOf } from './context.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const never = new AbortController().signal;
const MINUTE = 60_000;
const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const threats = (count: number): unknown[] =>
  Array.from({ length: count }, (_, n) => ({
    sha256: String(n).padStart(64, 'a'),
    name: `t${n}.exe`,
    cylance_score: -1,
  }));

const retrievals = (count: number): unknown[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ device_id: `45E07F34E76B4A9EB167D6D0C510D6B${n % 10}`, filepath: `C:\\a|b${n}.rar` },
    ...{ created_at: '2026-01-02T03:04:05Z', file_status: 'AVAILABLE' },
  }));

const devices = (count: number): unknown[] =>
  Array.from({ length: count }, (_, n) => ({ id: `45e07f34-e76b-4a9e-b167-d6d0c51${10_000 + n}`, state: 'Online' }));

function tenant(stream: StreamName, rows: unknown[], details = true) {
  const place = scratch();
  cleanups.push(place.remove);
  const sink = memorySink();
  const clock = { ms: NOW };
  const overrides = { source: { streams: [stream] }, reading: { snapshot: '5m', details, detail_refresh: ['10m'] } };
  const opened = openPipeline(testConfig('http://127.0.0.1:1', place.path, overrides), {
    ...{ sink, now: () => clock.ms },
  });
  cleanups.push(opened.close);
  const { pipeline } = opened;
  const vendor: { rows: unknown[]; moves?: () => void } = { rows };
  const json = async ({ query = {}, accept }: VendorRequest): Promise<unknown> => {
    vendor.moves?.();
    const { page, page_size: size } = query as { page: number; page_size: number };
    const items = vendor.rows.slice((page - 1) * size, page * size);
    return accept({ page_number: page, page_size: size, total_number_of_items: vendor.rows.length, page_items: items });
  };
  pipeline.client = clientOf({ json });
  const look = async (laterMs = 5 * MINUTE) => {
    clock.ms += laterMs;
    const walk: Walk = { id: 'live', kind: 'live', range: { fromMs: NOW, toMs: clock.ms } };
    await runWalk(pipeline, walk, never);
  };
  return { vendor, pipeline, sink, look, told: () => sink.documents.map((one) => documentOf(one).event.action) };
}

describe.each([
  ['cylance.threat', threats, 'threat-deleted', true],
  ['cylance.retrieved_file', retrievals, 'retrieved-file-deleted', true],
  ['cylance.device', devices, 'device-deleted', false],
] as const)('%s', (stream, make, action, details) => {
  test('two settled readings, a snapshot interval apart, tell a deletion, once', async () => {
    const { vendor, sink, look, told } = tenant(stream, make(20), details);
    await look();
    const [first] = sink.documents;
    vendor.rows.splice(0, 1);
    await look();
    await look(MINUTE); // too soon
    expect(told()).toHaveLength(20);
    await look();
    await look();
    await look();
    expect(told().slice(20)).toEqual([action]);
    expect(sink.documents.at(-1)?.key).toBe(first?.key);
    expect(documentOf(sink.documents[20] as (typeof sink.documents)[number]).event.kind).not.toBe('pipeline_error');
  });

  test('one that is listed again in between is not told as deleted', async () => {
    const { vendor, look, told } = tenant(stream, make(20), details);
    await look();
    const [back] = vendor.rows.splice(0, 1);
    await look();
    vendor.rows.push(back);
    await look();
    vendor.rows.pop();
    await look();
    expect(told()).toHaveLength(20);
    vendor.rows.push(back);
    await look();
    expect(told()).toHaveLength(20);
  });

  test('one that a list does not show while it keeps moving is not told as deleted', async () => {
    const { vendor, look, told } = tenant(stream, make(20), details);
    await look();
    const all = vendor.rows;
    let requests = 0;
    vendor.moves = () => {
      vendor.rows = all.slice(1, requests++ % 2 === 0 ? undefined : -1);
    };
    for (let again = 0; again < 4; again++) await look();
    expect(told()).toHaveLength(20);
    vendor.moves = undefined;
    vendor.rows = all;
    await look();
    expect(told()).toHaveLength(20);
  });

  test.each([0, 17])('of 20 records, %i are an alarm, which ends when they are back', async (left) => {
    const { vendor, pipeline, look, told } = tenant(stream, make(20), details);
    const alarms: (string | undefined)[] = [];
    pipeline.events.alarmed = (text) => alarms.push(text);
    await look();
    const gone = vendor.rows.splice(left);
    for (let again = 0; again < 4; again++) await look();
    expect(told()).toHaveLength(20);
    expect(alarmOf(pipeline.state)).toMatchObject({ before: 20, total: left });
    expect(alarms.at(-1)).toMatch(`has ${left} records of 20`);
    vendor.rows.push(...gone);
    await look();
    await look();
    expect(alarms.at(-1)).toBeUndefined();
    expect(alarmOf(pipeline.state)).toBeUndefined();
    expect(told()).toHaveLength(20);
  });

  test('a person confirms it, and then they are told', async () => {
    const { vendor, pipeline, look, told } = tenant(stream, make(3), details);
    await look();
    vendor.rows.length = 0;
    await look();
    await look();
    expect(confirmFew(pipeline.state)).toMatchObject({ before: 3, total: 0 });
    expect(confirmFew(pipeline.state)).toBeUndefined();
    await look();
    await look();
    expect(told().slice(3)).toEqual([action, action, action]);
  });
});

test('a key that a reply holds with several contents is shipped once with each, in whatever order they come', async () => {
  const [one, two, three, ...others] = threats(20) as Record<string, unknown>[];
  const twin = { ...one, name: 'twin.exe' };
  const { vendor, pipeline, sink, look, told } = tenant('cylance.threat', [
    one,
    twin,
    { ...twin },
    two,
    three,
    ...others,
  ]);
  const gaps: unknown[] = [];
  pipeline.events.gaps = (found) => gaps.push(...found);
  await look();
  expect(told()).toHaveLength(21);
  vendor.rows.reverse();
  for (let again = 0; again < 3; again++) await look();
  expect(told()).toHaveLength(21);
  expect(new Set(sink.documents.map(({ id }) => id)).size).toBe(21);
  expect(gaps).toEqual([]);
  for (const row of vendor.rows as { name: string }[]) if (row.name === 't0.exe') row.name = 'renamed.exe';
  for (let again = 0; again < 3; again++) await look();
  expect(told().slice(21)).toHaveLength(1);
  // What is left is the record from now on: that is said where it was the other one.
  vendor.rows = vendor.rows.filter((row) => (row as { name: string }).name !== 'twin.exe');
  await look();
  const { length } = told();
  expect(length).toBeLessThanOrEqual(23);
  for (let again = 0; again < 4; again++) await look();
  expect(told()).toHaveLength(length);
});

test('the content that was delivered keeps its key when others come beside it', async () => {
  const { vendor, look, told } = tenant('cylance.threat', threats(20));
  await look();
  vendor.rows = [...vendor.rows, ...vendor.rows].map((row, n) =>
    n < 20 ? { ...(row as object), name: `x${n}` } : row,
  );
  vendor.rows.sort((one, other) =>
    String(Object.values(one as object)).localeCompare(String(Object.values(other as object))),
  );
  await look();
  await look();
  expect(told().slice(20)).toEqual(told().slice(0, 20)); // all of them new
});
