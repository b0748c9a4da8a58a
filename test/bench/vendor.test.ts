/** The benchmark's own vendor serves what the simulator would: every detection once, in order, with its detail. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getToken } from '../../bench/child/token.ts';
import { startBulkStub } from '../../bench/vendor/bulk-stub.ts';
import { type BenchVendor, startVendor } from '../../bench/vendor/pages.ts';
import { makeSamples, type Samples } from '../../bench/vendor/samples.ts';

const DETECTIONS = 2345;
let samples: Samples;
let vendor: BenchVendor;
beforeAll(async () => {
  samples = await makeSamples();
  vendor = await startVendor({ samples, form: 'full', detections: DETECTIONS });
});
afterAll(() => vendor.close());

interface Reply {
  page_number: number;
  total_pages: number;
  total_number_of_items: number;
  page_items: Record<string, unknown>[];
}

const read = async (path: string) => (await (await fetch(`${vendor.url}/detections/v2${path}`)).json()) as Reply;
const idOf = (record: Record<string, unknown>) => String(record.Id ?? record.id);

test('every detection is listed once, ascending in time', async () => {
  const records: Record<string, unknown>[] = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const reply = await read(`?page=${page}&page_size=500`);
    expect(reply).toMatchObject({ page_number: page, total_number_of_items: DETECTIONS });
    pages = reply.total_pages;
    records.push(...reply.page_items);
  }
  expect(new Set(records.map(idOf)).size).toBe(DETECTIONS);
  const times = records.map(({ OccurrenceTime }) => Date.parse(String(OccurrenceTime)));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times[0]).toBe(vendor.range.fromMs);
  expect(times.at(-1)).toBeLessThan(vendor.range.toMs);
});

test('windows that touch divide the detections, and a page past the end is none', async () => {
  const middle = new Date((vendor.range.fromMs + vendor.range.toMs) / 2 + 1234).toISOString();
  const [before, after] = [await read(`?end=${middle}&page_size=1`), await read(`?start=${middle}&page_size=1`)];
  expect(before.total_number_of_items + after.total_number_of_items).toBe(DETECTIONS);
  expect(Date.parse(String(after.page_items[0]?.OccurrenceTime))).toBeGreaterThanOrEqual(Date.parse(middle));
  expect((await fetch(`${vendor.url}/detections/v2?page=99&page_size=200`)).status).toBe(404);
});

test('a detail is that of its list record; of an id that nobody has there is none', async () => {
  const { page_items: records } = await read('?page=235&page_size=10');
  for (const record of records) {
    const reply = await fetch(`${vendor.url}/detections/v2/${idOf(record)}/details`);
    const detail = (await reply.json()) as Record<string, unknown>;
    expect(idOf(detail)).toBe(idOf(record));
    expect(detail.PhoneticId).toBe(record.PhoneticId);
    expect(Date.parse(String(detail.OccurrenceTime))).toBe(Date.parse(String(record.OccurrenceTime)));
  }
  for (const unknown of [`ffffffff${vendor.idOf(0).slice(8)}`, `00000001${vendor.idOf(0).slice(8)}`])
    expect((await fetch(`${vendor.url}/detections/v2/${unknown}/details`)).status).toBe(404);
});

test('records have the sizes that the page names', () => {
  const mean = (list: { bytes: Buffer }[]) => list.reduce((sum, { bytes }) => sum + bytes.length, 0) / list.length;
  expect(mean(samples.short)).toBeCloseTo(390, -2);
  expect(mean(samples.full)).toBeGreaterThan(1550);
  expect(mean(samples.full)).toBeLessThan(1750);
  expect(mean(samples.details)).toBeCloseTo(5500, -3);
});

test('it counts what was asked since it was asked last', async () => {
  vendor.served();
  await getToken(vendor.url);
  await read('?page=1&page_size=1');
  await read('?page=1&page_size=200');
  await fetch(`${vendor.url}/detections/v2/${vendor.idOf(5)}/details`);
  expect(vendor.served()).toMatchObject({ requests: 4, pages: 1, records: 200, details: 1 });
  expect(vendor.served()).toMatchObject({ requests: 0, pages: 0, records: 0, details: 0 });
});

test('the stub counts documents and answers each, whole or by the filter', async () => {
  const stub = await startBulkStub();
  const post = async (query: string, headers = {}) => {
    const body = '{"create":{}}\n{"a":1}\n{"create":{}}\n{"a":2}\n';
    const reply = await fetch(`${stub.url}/logs/_bulk${query}`, { method: 'POST', body, headers });
    return [
      reply.status,
      (await reply.json()) as { errors?: boolean; items?: { create: { status: number } }[] },
    ] as const;
  };
  stub.keep();
  const [status, whole] = await post('');
  expect([status, whole.errors, whole.items?.length, whole.items?.[1]?.create.status]).toEqual([200, false, 2, 201]);
  expect(stub.kept()).toEqual(['{"a":1}', '{"a":2}']);
  expect(await post('?filter_path=items.*.status')).toEqual([
    200,
    { items: [{ create: { status: 201 } }, { create: { status: 201 } }] },
  ]);
  expect(await post('?filter_path=errors')).toEqual([200, { errors: false }]);
  expect(stub.taken()).toBe(6);
  expect((await post('', { 'content-encoding': 'gzip' }))[0]).toBe(415);
  expect(stub.taken()).toBe(0);
  await stub.close();
});

test('bodies that come at the same time are kept whole', async () => {
  const stub = await startBulkStub();
  stub.keep();
  const document = (sender: number, at: number) => JSON.stringify({ sender, at, text: 'x'.repeat(5000) });
  const bodyOf = (sender: number) =>
    Array.from({ length: 200 }, (_, at) => `{"create":{}}\n${document(sender, at)}\n`).join('');
  const url = `${stub.url}/logs/_bulk`;
  await Promise.all([1, 2, 3].map(async (sender) => fetch(url, { method: 'POST', body: bodyOf(sender) })));
  const wanted = [1, 2, 3].flatMap((sender) => Array.from({ length: 200 }, (_, at) => document(sender, at)));
  expect(stub.kept().toSorted()).toEqual(wanted.toSorted());
  await stub.close();
});
