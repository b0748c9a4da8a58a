/** A parent of an odd form keeps no other from being read. */
import { afterEach, expect, test } from 'vitest';
import { runPipeline } from '../../src/engine/runner.ts';
import { listedParents } from '../../src/reading/children.ts';
import { contextOf } from './context.ts';
import { fakeVendor } from './fake-vendor.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
};

test.each([
  ['a number that cannot be one', { toString: 1, valueOf: 1 }],
  ['a list of depth 3,000', deep(3000)],
  ['nothing', null],
])('an InstaQuery whose progress says %s', async (_what, queried) => {
  const queries = ['Q1', 'Q2', 'Q3'].map((id) => ({
    ...{ id, name: id, created_at: '2026-11-01T00:00:00Z', results_available: true },
    progress: { queried: id === 'Q2' ? queried : 1, responded: 1 },
  }));
  const vendor = await fakeVendor({
    answer(path, query) {
      const [, id] = /^\/instaqueries\/v2\/(Q\d)\/results$/.exec(path) ?? [];
      if (id !== undefined)
        return { body: { id, status: 'done', result: [{ HostName: 'h', DeviceId: 'd', Result: { Uid: id } }] } };
      if (path !== '/instaqueries/v2') return undefined;
      const page = Number(query.get('page'));
      const total = { total_pages: 1, total_number_of_items: queries.length };
      return {
        body: { page_number: page, page_size: 200, ...total, page_items: page === 1 ? queries : [] },
      };
    },
  });
  const folder = scratch();
  const config = testConfig(vendor.url, folder.path, { source: { streams: ['cylance.instaquery_result'] } });
  const sink = memorySink();
  const opened = openPipeline(config, { sink });
  cleanUps.push(
    () => vendor.close(),
    folder.remove,
    () => opened.close(),
  );
  const schedule = config.sources[0]?.reading as NonNullable<(typeof config.sources)[0]>['reading'];
  await runPipeline(opened.pipeline, {
    ...{ schedule, store: opened.store, signal: new AbortController().signal, once: true },
  });
  expect(sink.documents.map((one) => JSON.stringify(documentOf(one)).match(/"uid":"(Q\d)"/)?.[1]).sort()).toEqual([
    'Q1',
    'Q2',
    'Q3',
  ]);
});

test('a parent that nobody can read is told of once, and leaves the others', async () => {
  const warnings: unknown[] = [];
  const log = { warn: (about: unknown) => warnings.push(about) } as never;
  const ids = ['one', 'odd', 'two'];
  const list = async () => ({ records: ids.map((id) => ({ id })), total: ids.length, pageSize: 10 });
  const key = (record: unknown) => (record as { id: string }).id;
  const toChild = (id: string) => {
    if (id === 'odd') throw new RangeError('Maximum call stack size exceeded');
    return { key: id, version: '1', complete: true, expectsRecords: false, facts: {} };
  };
  const context = contextOf({ settings: { pageSize: 10, settleAttempts: 5 }, log });
  const { children, whole } = await listedParents(context, { lists: [list], key }, toChild);
  expect(children.map((child) => child.key)).toEqual(['one', 'two']);
  expect(whole).toBe(false);
  expect(warnings).toEqual([{ key: 'odd' }]);
});
