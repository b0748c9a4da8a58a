/** Detection exceptions of a vendor as the guide shows it, where the simulator is tidier. */
import { afterEach, expect, test } from 'vitest';
import type { VendorClient, VendorRequest } from '../../src/api/client.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { documentOf, type MemorySink, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

type Json = Record<string, unknown>;

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const SAMPLE = {
  Id: '631015e5...',
  Name: 'My Exception',
  DeviceCount: 0,
  LastModified: '2018-11-26T23:36:23.000Z',
  ModifiedBy: { id: '382eabd4...', login: 'user@test.com' },
  Version: 1,
};
const CONTENT = { Id: SAMPLE.Id, Name: SAMPLE.Name, States: [{ Name: 'UnsignedProc' }], Version: 1 };

/** The guide's own reply (001, lines 1851 to 1879): members of the envelope among the items. */
const asInTheGuide = (items: Json[]): Json => ({
  page_size: 10,
  total_pages: 1,
  page_items: [...items, { total_number_of_items: items.length }, { page_number: 1 }],
});
const tidy = (items: Json[]): Json => ({
  page_size: 10,
  total_pages: 1,
  total_number_of_items: items.length,
  page_number: 1,
  page_items: items,
});

/** What the vendor has, to be changed between walks. */
interface Vendor {
  list: Json;
  contents: Map<string, Json>;
  requests: string[];
}

function start(): { vendor: Vendor; sink: MemorySink; walk(): Promise<boolean>; walks: () => Json[] } {
  const vendor: Vendor = {
    list: asInTheGuide([SAMPLE]),
    contents: new Map([[SAMPLE.Id, CONTENT]]),
    requests: [],
  };
  const folder = scratch();
  const sink = memorySink();
  const source = { streams: ['cylance.exception'] };
  const { pipeline, store, close } = openPipeline(testConfig('http://vendor.test', folder.path, { source }), { sink });
  cleanups.push(folder.remove, close);
  const json = async <T>({ path, accept }: VendorRequest<T>): Promise<T> => {
    vendor.requests.push(path);
    if (path === '/exceptions/v2') return accept(structuredClone(vendor.list));
    const content = vendor.contents.get(decodeURIComponent(path.slice('/exceptions/v2/'.length)));
    if (content === undefined) throw new SluiceError('404', { action: 'skip' });
    return accept(structuredClone(content));
  };
  pipeline.client = { ...pipeline.client, json } as VendorClient;
  pipeline.reading = { ...pipeline.reading, snapshotMs: 50 }; // so far apart two looks are a proof
  const walk = () => runWalk(pipeline, { id: 'live', kind: 'live', range: { fromMs: 0, toMs: Date.now() } }, never);
  return { vendor, sink, walk, walks: () => store.pipeline(pipeline.name).ledger(100) as unknown as Json[] };
}

const shipped = (sink: MemorySink) =>
  sink.documents.map(documentOf).map(({ event, rule, user }) => ({
    kind: event.kind,
    action: event.action,
    version: (rule as { version?: string } | undefined)?.version,
    by: (user as { name?: string } | undefined)?.name,
  }));
const FIRST = { kind: 'asset', action: undefined, version: '1', by: 'user@test.com' };

test('the list as the guide shows it settles, and holds nothing but exceptions', async () => {
  const { vendor, sink, walk, walks } = start();
  await walk();
  await walk();
  expect(shipped(sink)).toEqual([FIRST]);
  for (const row of walks()) expect(row).toMatchObject({ settled: true, total: 1, distinct: 1 });
  expect(vendor.requests.filter((path) => path !== '/exceptions/v2')).toHaveLength(1);
});

test('counts alone are no change, and cost no content', async () => {
  const { vendor, sink, walk } = start();
  await walk();
  vendor.list = tidy([{ ...SAMPLE, DeviceCount: 7, RulesetCount: 2, PolicyCount: 1 }]);
  vendor.requests.length = 0;
  await walk();
  expect(shipped(sink)).toEqual([FIRST]);
  expect(new Set(vendor.requests)).toEqual(new Set(['/exceptions/v2']));
});

test.each<[string, Json, string]>([
  ['conditions', { States: [{ Name: 'Other' }] }, 'exception-conditions-changed'],
  ['its name', { Name: 'Mine' }, 'exception-renamed'],
  ['its description', { Description: 'x' }, 'exception-description-changed'],
  ['its systems', { OperatingSystems: [{ Name: 'MacOS' }] }, 'exception-systems-changed'],
  ['nothing but the version', {}, 'exception-version-changed'],
])('a change of %s is named', async (_what, change, action) => {
  const { vendor, sink, walk } = start();
  await walk();
  vendor.list = tidy([{ ...SAMPLE, Version: 2, ModifiedBy: { login: 'ana@example.test' } }]);
  vendor.contents.set(SAMPLE.Id, { ...CONTENT, ...change, Version: 2 });
  await walk();
  expect(shipped(sink)).toEqual([FIRST, { kind: 'asset', action, version: '2', by: 'ana@example.test' }]);
});

test('content that is newer than its list item is not said to be by whoever made the older', async () => {
  const { vendor, sink, walk } = start();
  await walk();
  vendor.list = tidy([{ ...SAMPLE, Version: 2, ModifiedBy: { login: 'bea@example.test' } }]);
  vendor.contents.set(SAMPLE.Id, { ...CONTENT, Version: 3 });
  await walk();
  expect(shipped(sink).at(-1)).toMatchObject({ version: '3', by: undefined });
  vendor.list = tidy([{ ...SAMPLE, Version: 3, ModifiedBy: { login: 'ana@example.test' } }]);
  await walk();
  expect(shipped(sink).at(-1)).toMatchObject({ version: '3', by: 'ana@example.test' });
  await walk();
  expect(sink.documents).toHaveLength(3);
});

test('list and content are one record, in whichever words each of them calls its members', async () => {
  const { vendor, sink, walk } = start();
  const { Id, Version: _, LastModified, ...listed } = SAMPLE;
  const OperatingSystems = [{ Name: 'Windows' }]; // what the content says is newer
  vendor.list = tidy([{ ...listed, exception_id: Id, version: 7, last_modified: LastModified, OperatingSystems }]);
  vendor.contents.set(Id, { ExceptionId: Id, NAME: 'Later', VERSION: 7, OperatingSystem: [{ name: 'MacOS' }] });
  await walk();
  expect(shipped(sink)).toEqual([{ ...FIRST, version: '7' }]);
  const document = documentOf(sink.documents[0] as (typeof sink.documents)[number]);
  expect(sink.documents[0]?.key).toBe(Id);
  expect(document.rule).toMatchObject({ name: 'Later' });
  expect((document.cylance as Json).exception).toEqual({ device_count: 0, operating_systems: ['MacOS'] });
});

test('one that was deactivated is gone, whether or not its content may still be had; it may come back', async () => {
  const { vendor, sink, walk } = start();
  const other = { ...SAMPLE, Id: 'other' };
  vendor.contents.set('other', { ...CONTENT, Id: 'other' });
  const third = { ...SAMPLE, Id: 'third' };
  vendor.contents.set('third', { ...CONTENT, Id: 'third' });
  vendor.list = tidy([SAMPLE, other, third]);
  await walk();
  vendor.list = tidy([third]);
  vendor.contents.delete('other');
  await walk();
  expect(sink.documents).toHaveLength(3); // one look is none
  await walk();
  await walk();
  const actions = sink.documents.map((one) => `${one.key} ${documentOf(one).event.action}`).sort();
  const first = ['631015e5... undefined', 'other undefined', 'third undefined'];
  expect(actions).toEqual([...first, '631015e5... exception-deleted', 'other exception-deleted'].sort());
  vendor.list = tidy([SAMPLE, third]);
  await walk();
  expect(sink.documents).toHaveLength(6);
});
