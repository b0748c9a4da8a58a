/** A refusal is waited for, not believed: it holds what it belongs to, and costs no record its detail. */
import { afterEach, describe, expect, test } from 'vitest';
import { runWalk } from '../../src/engine/walk.ts';
import { type Answer, detectionsOf, type FakeOptions, fakeVendor } from './fake-vendor.ts';
import { documentOf, memorySink, type Overrides, openPipeline, scratch, testConfig } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const HOUR_MS = 3_600_000;
const NEWEST_MS = Date.now();
const never = new AbortController().signal;

async function open(options: FakeOptions, overrides: Overrides = {}, folder = scratch()) {
  const vendor = await fakeVendor(options);
  const sink = memorySink();
  const retry = { deadline: '2s', first_delay: '5ms', max_delay: '20ms', ...overrides.retry };
  const config = testConfig(vendor.url, folder.path, { ...overrides, retry });
  const opened = openPipeline(config, { sink });
  cleanUps.push(folder.remove, () => vendor.close(), opened.close);
  const now = Date.now();
  const walk = { id: 'live', kind: 'live', range: { fromMs: now - 5 * HOUR_MS, toMs: now } } as const;
  return {
    ...{ vendor, sink, opened, config, folder },
    walk: () => runWalk(opened.pipeline, walk, never),
    tags: () => sink.documents.map((one) => documentOf(one).tags ?? []),
    schedule: config.sources[0]?.reading as NonNullable<(typeof config.sources)[0]>['reading'],
  };
}

const detailsOf = (asked: readonly string[]) => asked.filter((path) => path.endsWith('/details'));
const isDetail = (path: string) => path.endsWith('/details');

describe('a rate limit of the details', () => {
  test.each([
    ['429', 429],
    ['503', 503],
  ])('%s with a long Retry-After: nothing more is sent, nothing is shipped without its detail', async (_, status) => {
    let details = 0;
    const answer = (path: string): Answer | undefined =>
      isDetail(path) && ++details > 10 ? { status, headers: { 'retry-after': '1800' }, body: {} } : undefined;
    const { vendor, walk, tags } = await open({ detections: () => detectionsOf(30, NEWEST_MS), answer });
    await expect(walk()).rejects.toMatchObject({ action: 'retry', general: 'route', waitMs: expect.any(Number) });
    expect(detailsOf(vendor.asked).length).toBeLessThanOrEqual(10 + 8);
    expect(tags().flat()).not.toContain('detail_missing');
  });

  test('a short one is waited out, and one request goes first', async () => {
    const times: number[] = [];
    const answer = (path: string): Answer | undefined => {
      if (!isDetail(path)) return undefined;
      times.push(performance.now());
      return times.length > 3 && times.length <= 11
        ? { status: 429, headers: { 'retry-after': '1' }, body: {} }
        : undefined;
    };
    const { walk, sink, tags } = await open({ detections: () => detectionsOf(30, NEWEST_MS), answer });
    await walk();
    expect(sink.documents.length).toBe(30);
    expect(tags().flat()).not.toContain('detail_missing');
    const pauses = times.map((time, at) => time - (times[at - 1] ?? time));
    expect(Math.max(...pauses)).toBeGreaterThan(800);
  });

  test('of one id alone is its own: the others are shipped, and it is owed', async () => {
    const answer = (path: string): Answer | undefined =>
      path.includes('d0007') ? { status: 429, body: {} } : undefined;
    const { walk, sink, opened } = await open({ detections: () => detectionsOf(60, NEWEST_MS), answer });
    await walk();
    expect(sink.documents.length).toBe(59);
    expect([...opened.pipeline.owed.keys()]).toEqual(['d0007']);
  });
});

test.each([429, 401])(
  '%i of the only one that is asked for is its own, when another is answered again',
  async (status) => {
    let count = 3;
    const answer = (path: string) => (path.includes('d0003/') ? { status, body: {} } : undefined);
    const retry = { deadline: '5s', first_delay: '5ms', max_delay: '50ms' };
    const { walk, sink, opened } = await open(
      { detections: () => detectionsOf(count, NEWEST_MS - HOUR_MS + count * 60_000), answer },
      { retry },
    );
    await walk();
    count = 4;
    await walk();
    expect(sink.documents.length).toBe(3);
    expect([...opened.pipeline.owed.keys()]).toEqual(['d0003']);
  },
);

describe('403', () => {
  const forbidden = { status: 403, body: { message: 'You do not have access to zone Finance' } };

  test('of one detail concerns that record', async () => {
    const answer = (path: string) => (path.includes('d0007') ? forbidden : undefined);
    const { walk, sink } = await open({ detections: () => detectionsOf(20, NEWEST_MS), answer });
    await walk();
    expect(sink.documents.length).toBe(20);
    const marked = sink.documents.map(documentOf).filter(({ tags }) => (tags as string[])?.includes('detail_missing'));
    expect(marked.map(({ event }) => event.id)).toEqual(['d0007']);
  });

  test('of a scope that never worked stops, with its name and what the vendor says', async () => {
    const answer = (path: string) => (isDetail(path) ? forbidden : undefined);
    const { walk } = await open({ detections: () => detectionsOf(5, NEWEST_MS), answer });
    await expect(walk()).rejects.toMatchObject({
      action: 'stop',
      message: expect.stringMatching(/scope "opticsdetect:read" is missing.*zone Finance/),
    });
  });

  test('of a scope that has worked is waited for, after a restart too', async () => {
    let isBlocked = false;
    const page = { status: 403, headers: { 'content-type': 'text/html' }, body: '<html><b>Request blocked</b></html>' };
    const answer = (path: string) => (isBlocked && path === '/detections/v2' ? page : undefined);
    const first = await open({ detections: () => detectionsOf(2, NEWEST_MS), answer });
    await first.walk();
    isBlocked = true;
    setTimeout(() => {
      isBlocked = false;
    }, 300);
    await first.walk();
    expect(first.sink.documents.length).toBe(2);
    isBlocked = true;
    await first.opened.close();
    cleanUps.pop();
    const again = openPipeline(first.config, { sink: memorySink() });
    cleanUps.push(again.close);
    const now = Date.now();
    const walk = { id: 'live', kind: 'live', range: { fromMs: now - HOUR_MS, toMs: now } } as const;
    await expect(runWalk(again.pipeline, walk, never)).rejects.toMatchObject({
      action: 'retry',
      message: expect.stringContaining('403: Request blocked'),
    });
  });
});

test.each([302, 402, 406, 418, 421, 431, 451])('%i of one detail concerns that record', async (status) => {
  const answer = (path: string) => (path.includes('d0003') ? { status, body: 'no' } : undefined);
  const { walk, sink, tags } = await open({ detections: () => detectionsOf(8, NEWEST_MS), answer });
  await walk();
  expect(sink.documents.length).toBe(8);
  expect(tags().filter((one) => (one as string[]).includes('detail_missing')).length).toBe(1);
});

describe('a detail that keeps failing', () => {
  const broken = (path: string): Answer | undefined => (path.includes('d0002') ? { status: 500, body: {} } : undefined);

  test('holds up nothing, survives a restart, and comes as the first revision when it can be had', async () => {
    let fails = true;
    const options = {
      detections: () => detectionsOf(6, NEWEST_MS),
      answer: (path: string) => (fails ? broken(path) : undefined),
    };
    const { walk, sink, opened, config, vendor } = await open(options);
    await walk();
    expect(sink.documents.length).toBe(5);
    expect(opened.pipeline.state.counts()).toMatchObject({ owed: 1, records: 5 });
    expect(opened.pipeline.state.ledger(1)).toMatchObject([{ delivered: 5, owed: 1, unchanged: 0 }]);
    const askedBefore = detailsOf(vendor.asked).length;
    await walk(); // known as it is: not asked for again by every poll
    expect(detailsOf(vendor.asked).length).toBe(askedBefore);
    expect(sink.documents.length).toBe(5);
    fails = false;
    await opened.close();
    cleanUps.pop();
    const again = openPipeline(config, { sink });
    cleanUps.push(again.close);
    expect([...again.pipeline.owed.keys()]).toEqual(['d0002']);
    const range = { fromMs: 0, toMs: Date.now() };
    await runWalk(again.pipeline, { id: 'refresh', kind: 'refresh', range, once: true }, never);
    expect(sink.documents.map(({ key }) => key)).toContain('d0002');
    const document = documentOf(sink.documents.at(-1) as never);
    expect(document.event).toMatchObject({ kind: 'alert', sequence: 1 });
    expect(document.tags ?? []).not.toContain('detail_missing');
    expect(again.pipeline.state.counts()).toMatchObject({ owed: 0, records: 6 });
  });

  test('is not asked for again before its Retry-After is over', async () => {
    const headers = { 'retry-after': '600' };
    const answer = (path: string) => (path.includes('d0002') ? { status: 500, headers, body: {} } : undefined);
    const { walk, opened } = await open({ detections: () => detectionsOf(3, NEWEST_MS), answer });
    await walk();
    const { nextAtMs = 0 } = opened.pipeline.state.owedOf('d0002') ?? {};
    expect(nextAtMs - Date.now()).toBeGreaterThan(590_000);
  });

  test('is not given up for time in which nobody could ask: the machine slept, or no process ran', async () => {
    const { walk, sink, opened } = await open({ detections: () => detectionsOf(3, NEWEST_MS), answer: broken });
    await walk();
    let aheadMs = 0;
    opened.pipeline.now = () => Date.now() + aheadMs;
    const refreshAfter = async (ms: number) => {
      aheadMs += ms;
      const range = { fromMs: 0, toMs: opened.pipeline.now() };
      await runWalk(opened.pipeline, { id: 'refresh', kind: 'refresh', range, once: true }, never);
      return { owed: opened.pipeline.owed.size, shipped: sink.documents.length };
    };
    for (let sleep = 1; sleep <= 3; sleep++) expect(await refreshAfter(5 * HOUR_MS)).toEqual({ owed: 1, shipped: 2 });
    // An hour of attempts, each of them in time.
    let last = { owed: 1, shipped: 2 };
    let waitedMs = 0;
    for (; last.owed > 0 && waitedMs < 2 * HOUR_MS; waitedMs += 60_000) last = await refreshAfter(60_000);
    expect(last).toEqual({ owed: 0, shipped: 3 });
    expect(waitedMs).toBeGreaterThan(0.8 * HOUR_MS);
  }, 60_000);

  test('is shipped as the list has it when it was owed too long, and follows as a later revision', async () => {
    let fails = true;
    const options = {
      detections: () => detectionsOf(3, NEWEST_MS),
      answer: (path: string) => (fails ? broken(path) : undefined),
    };
    const { walk, sink, opened } = await open(options, { reading: { detail_patience: '1s', detail_refresh: ['1s'] } });
    const refresh = () => {
      const range = { fromMs: 0, toMs: Date.now() };
      return runWalk(opened.pipeline, { id: 'refresh', kind: 'refresh', range, once: true }, never);
    };
    await walk();
    expect(sink.documents.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await refresh();
    const [late] = sink.documents.filter(({ key }) => key === 'd0002').map(documentOf);
    expect(late).toMatchObject({
      event: { kind: 'alert', sequence: 1 },
      tags: expect.arrayContaining(['detail_missing']),
    });
    expect(opened.pipeline.owed.size).toBe(0);
    fails = false;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await refresh();
    const all = sink.documents.filter(({ key }) => key === 'd0002').map(documentOf);
    expect(all.map(({ event }) => [event.kind, event.sequence])).toEqual([
      ['alert', 1],
      ['event', 2],
    ]);
  });
});
