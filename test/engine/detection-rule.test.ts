/** Rules are joined from four replies: what is asked for when, and what becomes of a rule of which a part cannot be had. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { VendorRequest } from '../../src/api/client.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { Walk } from '../../src/api/walk.ts';
import type { Pipeline } from '../../src/engine/pipeline.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { confirmAllCommitted } from '../e2e/committed.ts';
import { documentOf, type MemorySink, memorySink, openPipeline, scratch, simulate, testConfig } from './harness.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function start(url: string, sink: MemorySink) {
  const folder = scratch();
  cleanups.push(folder.remove);
  const source = { streams: ['cylance.detection_rule'] };
  const config = testConfig(url, folder.path, { source, reading: { snapshot: '1s' } });
  const opened = openPipeline(config, { sink });
  cleanups.push(opened.close);
  return { ...opened, config };
}

test('natural language and counts are asked for exactly once for each version of a rule', async () => {
  const living = { itemsMove: 8, itemsDeleted: 4, dwellMs: 200, confirm: true };
  const simulator = await simulate({ seed: 7, detections: 0, items: { rules: 25 }, plantSecrets: true, living });
  cleanups.push(() => simulator.close());
  const sink = memorySink();
  const { pipeline, config, store } = start(simulator.url, sink);
  const confirmer = confirmAllCommitted(simulator, config.state.path);
  cleanups.push(confirmer.stop);
  pipeline.reading = { ...pipeline.reading, snapshotMs: 100 };
  const stop = new AbortController();
  const schedule = { ...(config.sources[0] as (typeof config.sources)[number]).reading, snapshotMs: 100 };
  const ended = runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false });
  for (let wait = 0; wait < 300 && simulator.stats().pending > 0; wait++) await sleep(100);
  await sleep(500);
  stop.abort();
  await ended;
  const documents = sink.documents.map(documentOf);
  expect(documents.filter(({ event }) => event.kind !== 'asset')).toEqual([]);
  expect(documents).toHaveLength(25 + 8 * 3 + 4); // four states of each that moves
  const versions = new Set(
    [...simulator.truthOf('cylance.detection_rule')]
      .filter(({ kind }) => kind === 'detail')
      .map(({ id, record }) => `${id} ${(record as { Version: unknown }).Version}`),
  );
  expect(versions.size).toBe(25 + 8 * 2); // one of the four has the version of the one before
  const { byEndpoint } = simulator.stats();
  expect(byEndpoint).toMatchObject({ natlang: versions.size, counts: versions.size });
  const unchanged = documents.filter(({ cylance: own }) => JSON.stringify(own ?? {}).includes('"version_unchanged"'));
  expect(unchanged.map(({ event }) => event.action)).toEqual(Array(8).fill('detection-rule-severity-changed'));
});

interface Vendor {
  listed: Record<string, unknown>[];
  content: Record<string, unknown>;
  natlang: () => unknown;
  counts: () => unknown;
  fails: (path: string) => SluiceError | undefined;
  asked: string[];
}

const LISTED = {
  ...{ Id: 'r-1', Version: 1, Name: 'One', Severity: 'Low', LastModified: '2026-01-02T03:04:05Z', DeviceCount: 1 },
  ...{ ModifiedBy: { id: 'u-1', login: 'a@b.test' } },
};
const operand = { Source: 'LiteralSet', Data: 'psexec --password PLANTED-SECRET-1' };
const CONTENT = { Id: 'r-1', Version: 1, Name: 'One', States: [{ Name: 'A', Operands: [operand] }] };

/** A vendor with one rule, of which every part can be changed, and a pipeline that reads it. */
function oneRule() {
  const vendor: Vendor = {
    listed: [LISTED],
    content: CONTENT,
    natlang: () => ({ Name: 'One', Paths: [['x is y.']] }),
    counts: () => ({ DeviceCount: 5, RulesetCount: 1, PolicyCount: 2 }),
    fails: () => undefined,
    asked: [],
  };
  const reply = (path: string): unknown => {
    if (path === '/rules/v2') return { page_items: vendor.listed, total_number_of_items: vendor.listed.length };
    if (path.endsWith('/natlang')) return vendor.natlang();
    if (path.endsWith('/counts')) return vendor.counts();
    return path.endsWith('/r-2') ? { ...vendor.content, Id: 'r-2' } : vendor.content;
  };
  const sink = memorySink();
  const { pipeline } = start('http://127.0.0.1:9', sink);
  pipeline.reading = { ...pipeline.reading, snapshotMs: 50 }; // so far apart two looks are a proof
  pipeline.detailPatienceMs = 0; // what is owed has tests of its own
  pipeline.client = {
    ...pipeline.client,
    json: async <T>({ path, accept }: VendorRequest<T>) => {
      vendor.asked.push(path.slice('/rules/v2'.length));
      const failure = vendor.fails(path);
      if (failure !== undefined) throw failure;
      return accept(structuredClone(reply(path)));
    },
  };
  /** One walk; what was asked for beside the list, and the documents that came. */
  const walk = async (kind: Walk['kind'] = 'live') => {
    vendor.asked = [];
    const before = sink.documents.length;
    await runWalk(pipeline, { id: kind, kind, range: { fromMs: 0, toMs: Date.now() } }, never);
    return {
      asked: vendor.asked.filter((path) => path !== ''),
      documents: sink.documents.slice(before).map(documentOf),
    };
  };
  return { vendor, walk, pipeline };
}

const ownOf = (document: EcsDocument | undefined) =>
  (document?.cylance as { detection_rule: Record<string, unknown> } | undefined)?.detection_rule;
const ALL = ['/r-1', '/r-1/natlang', '/r-1/counts'];
const missing = new SluiceError('404', { action: 'skip' });
const broken = new SluiceError('503', { action: 'retry' });

/** Until its refresh is due. */
async function due(pipeline: Pipeline): Promise<void> {
  for (let wait = 0; wait < 50 && pipeline.state.due(Date.now(), 1).length === 0; wait++) await sleep(100);
}

describe('a rule', () => {
  test('is list record, content, natural language and counts in one document', async () => {
    const { walk } = oneRule();
    const { asked, documents } = await walk();
    expect(asked).toEqual(ALL);
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({
      '@timestamp': '2026-01-02T03:04:05Z',
      event: { kind: 'asset', severity: 21 },
      user: { id: 'u-1' },
    });
    expect(ownOf(documents[0])).toMatchObject({
      natural_language: ['x is y.'],
      counts: { devices: 5, rule_sets: 1, policies: 2 },
      states: [{ Name: 'A' }],
    });
    expect(await walk()).toEqual({ asked: [], documents: [] });
  });

  test('whose counters moved costs nothing', async () => {
    const { vendor, walk } = oneRule();
    await walk();
    vendor.listed = [{ ...LISTED, DeviceCount: 900 }];
    vendor.counts = () => ({ DeviceCount: 900 });
    expect(await walk()).toEqual({ asked: [], documents: [] });
  });

  test('that changed within its version is shipped with a mark instead of what was not asked for', async () => {
    const { vendor, walk } = oneRule();
    await walk();
    vendor.listed = [{ ...LISTED, ModifiedBy: { id: 'u-2', login: 'c@d.test' } }];
    const { asked, documents } = await walk();
    expect(asked).toEqual(['/r-1']);
    expect(documents[0]?.event).toMatchObject({ action: 'detection-rule-updated', sequence: 2 });
    const unavailable = { natural_language: 'version_unchanged', counts: 'version_unchanged' };
    expect(ownOf(documents[0])).toMatchObject({ unavailable });
    expect(ownOf(documents[0])).not.toHaveProperty('natural_language');
  });

  test.each([
    ['version', { Version: 2 }, CONTENT.States, 'detection-rule-version-changed'],
    ['logic', { LastModified: '2026-02-02T00:00:00Z' }, [{ Name: 'B' }], 'detection-rule-logic-changed'],
  ])('with another %s is asked for whole', async (_what, change, States, action) => {
    const { vendor, walk } = oneRule();
    await walk();
    vendor.listed = [{ ...LISTED, ...change }];
    vendor.content = { ...CONTENT, ...change, States };
    const { asked, documents } = await walk();
    expect(asked).toEqual(ALL);
    expect(documents.map(({ event }) => event.action)).toEqual([action]);
  });

  test('whose content is ahead of the list is compared again, without asking for the rest twice', async () => {
    const { vendor, walk } = oneRule();
    vendor.content = { ...CONTENT, Version: 2 };
    expect((await walk()).asked).toEqual(ALL);
    expect(await walk()).toEqual({ asked: ['/r-1'], documents: [] });
    vendor.listed = [{ ...LISTED, Version: 2, LastModified: '2026-02-02T00:00:00Z' }];
    const { asked, documents } = await walk();
    expect(asked).toEqual(['/r-1']);
    expect(documents).toHaveLength(1); // the time is news
    expect(await walk()).toEqual({ asked: [], documents: [] });
  });

  test('a rate limit of them keeps the rule back until it is over, since they are asked for once only', async () => {
    const { vendor, walk } = oneRule();
    const limited = new SluiceError('429', { action: 'retry', general: 'route', waitMs: 1000 });
    vendor.fails = (path) => (path.endsWith('/natlang') ? limited : undefined);
    await expect(walk()).rejects.toMatchObject({ general: 'route' });
    vendor.fails = () => undefined;
    const [document] = (await walk()).documents;
    expect(ownOf(document)).toMatchObject({ natural_language: ['x is y.'] });
  });

  test.each([
    ['missing', missing],
    ['failed', broken],
    ['failed', new SluiceError('400', { action: 'reject' })],
  ])('without natural language or counts (%s) is shipped all the same, once, and says so', async (why, failure) => {
    const { vendor, walk } = oneRule();
    vendor.fails = (path) => (/natlang|counts/.test(path) ? failure : undefined);
    const first = await walk();
    expect(ownOf(first.documents[0])).toMatchObject({ unavailable: { natural_language: why, counts: why } });
    expect(first.documents[0]).not.toHaveProperty('tags');
    vendor.fails = () => undefined;
    expect(await walk()).toEqual({ asked: [], documents: [] });
    vendor.listed = [{ ...LISTED, Version: 2 }];
    vendor.content = { ...CONTENT, Version: 2 };
    const next = await walk();
    expect(next.asked).toEqual(ALL);
    expect(next.documents[0]?.event.sequence).toBe(2);
    expect(ownOf(next.documents[0])).toMatchObject({ natural_language: ['x is y.'] });
    expect(ownOf(next.documents[0])).not.toHaveProperty('unavailable');
  });

  test('that misses a scope stops the stream', async () => {
    const { vendor, walk } = oneRule();
    vendor.fails = (path) => (path.endsWith('/counts') ? new SluiceError('403', { action: 'stop' }) : undefined);
    await expect(walk()).rejects.toThrow('403');
  });

  test.each([
    ['an empty text', '', { unavailable: { natural_language: 'missing' } }],
    ['a text', ' x is y. ', { natural_language: ['x is y.'] }],
    ['a bare list', [['x is y.', 'or z.'], 'q.'], { natural_language: ['x is y.\nor z.', 'q.'] }],
    ['sentences in braces', { Paths: [[{ 'x is y.': null }]] }, { natural_language: ['x is y.'] }],
    ['secrets in braces', { Paths: [[{ '--password S3CRET-X': '' }]] }, { natural_language: ['--password [removed]'] }],
  ])('may have %s as its natural language', async (_what, reply, expected) => {
    const { vendor, walk } = oneRule();
    vendor.natlang = () => reply;
    expect(ownOf((await walk()).documents[0])).toMatchObject(expected);
  });

  test('whose natural language nobody can follow is shipped without it', async () => {
    const { vendor, walk } = oneRule();
    vendor.natlang = () => ({ Paths: JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) });
    const { documents } = await walk();
    expect(ownOf(documents[0])).toMatchObject({ unavailable: { natural_language: 'failed' } });
    expect(documents[0]?.tags).toBeUndefined();
  });

  test('whose content could not be had is completed later, together with what the list says', async () => {
    const { vendor, walk, pipeline } = oneRule();
    vendor.fails = (path) => (path === '/rules/v2/r-1' ? broken : undefined);
    const first = await walk();
    expect(first.asked).toEqual(['/r-1']);
    expect(first.documents[0]?.tags).toEqual(['detail_missing']);
    vendor.fails = () => undefined;
    await due(pipeline);
    const { asked, documents } = await walk('refresh');
    expect(asked).toEqual(ALL);
    expect(documents[0]).toMatchObject({ user: { id: 'u-1' }, event: { severity: 21, sequence: 2 } });
    expect(ownOf(documents[0])).toMatchObject({ natural_language: ['x is y.'], states: [{ Name: 'A' }] });
    expect(await walk()).toEqual({ asked: ['/r-1'], documents: [] }); // the refresh knew no list record
    expect(await walk()).toEqual({ asked: [], documents: [] });
  });

  test.each([
    ['404', () => missing],
    ['as before, since it was only deactivated', () => undefined],
  ])('that left the list is gone, whether its content answers %s', async (_how, failure) => {
    const { vendor, walk } = oneRule();
    const other = { ...LISTED, Id: 'r-2' };
    vendor.listed = [LISTED, other];
    await walk();
    vendor.listed = [other];
    vendor.fails = (path) => (path.startsWith('/rules/v2/r-1') ? failure() : undefined);
    expect((await walk()).documents).toEqual([]);
    const { asked, documents } = await walk();
    expect(asked).toEqual(['/r-1', '/r-1', '/r-2']); // once more, and one that is there
    expect(documents.map(({ event }) => [event.action, event.type])).toEqual([
      ['detection-rule-deleted', ['deletion']],
    ]);
    expect(await walk()).toEqual({ asked: [], documents: [] });
    vendor.listed = [LISTED, other];
    vendor.fails = () => undefined;
    const back = await walk();
    expect(back.asked).toEqual(ALL);
    expect(back.documents[0]?.event.sequence).toBe(3);
  });

  test('is not gone because a whole list is empty while its content answers', async () => {
    const { vendor, walk } = oneRule();
    await walk();
    vendor.listed = [];
    expect((await walk()).documents).toEqual([]);
    vendor.listed = [LISTED];
    expect((await walk()).documents).toEqual([]);
  });

  test('that was shipped without its content is not said to have changed when that comes', async () => {
    const { vendor, walk } = oneRule();
    vendor.fails = (path) => (path === '/rules/v2/r-1' ? broken : undefined);
    await walk();
    vendor.fails = () => undefined;
    vendor.listed = [{ ...LISTED, ModifiedBy: { id: 'u-2' } }];
    const { documents } = await walk();
    expect(documents.map(({ event }) => event.action)).toEqual(['detection-rule-updated']);
  });
});
