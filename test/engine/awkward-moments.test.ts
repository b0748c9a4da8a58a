/** What goes wrong at awkward moments: stops, crashes and failures between two steps of the engine. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { Json } from '../../src/api/document.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { Registered, StreamContext } from '../../src/api/stream.ts';
import type { Page, Walk } from '../../src/api/walk.ts';
import { recover } from '../../src/engine/recover.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { catchUpWalk, liveWalk, newestWalk, type Schedule } from '../../src/engine/schedule.ts';
import { resumeWalk, runWalk } from '../../src/engine/walk.ts';
import { statusError } from '../../src/net/http.ts';
import type { ListReply } from '../../src/reading/list.ts';
import { walkWindows } from '../../src/reading/windows.ts';
import { openNdjson } from '../../src/sinks/ndjson/index.ts';
import { documentOf, memorySink, type Overrides, openPipeline, scratch, testConfig } from './harness.ts';

const never = new AbortController().signal;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const place = scratch();
  cleanups.push(place.remove);
  return place.path;
}

const record = (id: string | undefined, more: object = {}) => ({
  ...(id === undefined ? {} : { Id: id }),
  Status: 'Done',
  Severity: 'Low',
  OccurrenceTime: '2026-01-02T03:04:05.678Z',
  ...more,
});

interface Fake {
  pages: (context: StreamContext, walk: Walk, from: Json | undefined) => AsyncIterable<Page>;
  detail?: (context: StreamContext, key: string) => Promise<unknown>;
  mapping?: Registered['mapping'];
}

/** The stream of detections with other pages and details. */
function fake({ pages, detail, mapping }: Fake): Registered[] {
  const registered = streams.find(({ stream }) => stream.name === 'cylance.detection') as Registered;
  return [
    {
      ...registered,
      mapping: mapping ?? registered.mapping,
      stream: { ...registered.stream, pages, detail, peek: undefined },
    },
  ];
}

/** One list that never changes, walked as the vendors' are. */
function listOf(records: () => unknown[], pageSize?: (page: number) => number): Fake['pages'] {
  const list = async ({ page, pageSize: asked }: { page: number; pageSize: number }): Promise<ListReply> => {
    const all = records();
    return {
      records: all.slice((page - 1) * asked, page * asked),
      total: all.length,
      pageSize: pageSize?.(page) ?? asked,
    };
  };
  const { key } = (streams[0] as Registered).stream;
  return (context, walk, from) => walkWindows(context, { list, key, partition: { name: 'x', values: [] } }, walk, from);
}

function start(
  registered: Registered[],
  options: { overrides?: Overrides; path?: string; sink?: ReturnType<typeof memorySink>; now?: () => number } = {},
) {
  const path = options.path ?? folder();
  const { sink, now } = options;
  return {
    ...openPipeline(testConfig('http://127.0.0.1:9', path, options.overrides), { streams: registered, sink, now }),
    path,
  };
}

const backfill = (id = 'backfill-1', fromMs = Date.UTC(2026, 0, 2), toMs = Date.UTC(2026, 0, 3)): Walk => ({
  id,
  kind: 'backfill',
  range: { fromMs, toMs },
});

const schedule: Schedule = { lookbackMs: DAY, pollMs: 50, liveRangeMs: 900_000, sweeps: [], snapshotMs: 50 };
const soon = <T>(work: Promise<T>, ms = 3000) =>
  Promise.race([work, new Promise<'hangs'>((resolve) => setTimeout(() => resolve('hangs'), ms).unref())]);
const listOnly: Overrides = { reading: { details: false } };

async function linesIn(path: string): Promise<string[]> {
  const names = await readdir(path, { recursive: true });
  const texts = await Promise.all(
    names.filter((name) => /\.ndjson(\.part)?$/.test(name)).map((name) => readFile(join(path, name), 'utf8')),
  );
  return texts.flatMap((text) => text.split('\n').filter(Boolean));
}

describe('a stop', () => {
  test('that comes while the sink is asked what arrived ends the pipeline', async () => {
    const sink = memorySink();
    const stop = new AbortController();
    sink.recover = async () => {
      stop.abort();
      return { arrived: new Set() };
    };
    const { pipeline, store, close } = start(fake({ pages: listOf(() => [record('a')]) }), {
      sink,
      overrides: listOnly,
    });
    cleanups.push(close);
    expect(await soon(runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false }))).toBeUndefined();
  });

  test('that comes while it is waited for a sink in trouble ends the pipeline', async () => {
    const sink = memorySink();
    const stop = new AbortController();
    sink.write = async () => {
      setTimeout(() => stop.abort(), 50);
      throw new SluiceError('the sink is away', { action: 'retry' });
    };
    const { pipeline, store, close } = start(fake({ pages: listOf(() => [record('a')]) }), {
      sink,
      overrides: listOnly,
    });
    cleanups.push(close);
    expect(await soon(runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false }))).toBeUndefined();
  });

  test('reaches a sink that looks for what arrived and gets no answer', async () => {
    const sink = memorySink();
    const stop = new AbortController();
    sink.recover = (_pipeline, _prepared, _committed, signal?: AbortSignal) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const { pipeline, store, close } = start(fake({ pages: listOf(() => [record('a')]) }), {
      sink,
      overrides: listOnly,
    });
    cleanups.push(close);
    setTimeout(() => stop.abort(), 50);
    expect(await soon(runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false }))).toBeUndefined();
  });
});

test('a vendor that asks for a long pause is left alone for so long', async () => {
  const stop = new AbortController();
  const pages = listOf(() => {
    throw new SluiceError('come back later', { action: 'retry', waitMs: 90_000 });
  });
  const { pipeline, store, close } = start(fake({ pages }), { sink: memorySink(), overrides: listOnly });
  cleanups.push(close);
  const said: string[] = [];
  pipeline.log = pino({}, { write: (line) => void said.push(JSON.parse(line).msg) });
  pipeline.events.waiting = () => setTimeout(() => stop.abort(), 20);
  await soon(runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false }));
  expect(said).toEqual(['waiting 90 s, then trying again: come back later']);
});

describe('a checkpoint that fails', () => {
  test('after the file was written: the documents are in the files once', async () => {
    const pages = listOf(() => [record('a'), record('b')]);
    const first = start(fake({ pages }), { overrides: listOnly });
    await recover(first.pipeline);
    await runWalk(first.pipeline, backfill('backfill-0', 0, 1), never);
    first.pipeline.state.commit = () => {
      throw new SluiceError('the disk is full', { action: 'stop' });
    };
    await expect(
      runWalk(
        { ...first.pipeline, registered: fake({ pages: listOf(() => [record('c')]) })[0] as Registered },
        backfill(),
        never,
      ),
    ).rejects.toThrow('full');
    await first.close();
    const second = start(fake({ pages: listOf(() => [record('c')]) }), { overrides: listOnly, path: first.path });
    await recover(second.pipeline);
    await runWalk(second.pipeline, backfill(), never);
    await second.close();
    expect((await linesIn(join(first.path, 'out'))).length).toBe(3);
  });
});

describe('before it is delivered', () => {
  const row = { version: 'v', status: 'complete', sinceMs: 1, nextAtMs: null, records: 1, failures: 0 } as const;
  const accepted = { range: { fromMs: 0, toMs: 1 }, total: 1, distinct: 1, settled: true };

  test('nothing of a batch is remembered: no record, cursor, child or row of the ledger', async () => {
    const sink = memorySink();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const write = sink.write.bind(sink);
    sink.write = async (batch, signal) => {
      asked.resolve();
      await answer.promise;
      return write(batch, signal);
    };
    const pages: Fake['pages'] = async function* () {
      yield { records: [record('a')], cursor: 1, window: 'p', accepted, child: { child: 'p', ...row } };
    };
    const { pipeline, close } = start(fake({ pages }), { sink, overrides: listOnly });
    cleanups.push(close);
    const { state } = pipeline;
    const remembered = () => [state.known('a')?.ordinal, state.child('p')?.status, state.ledger(10).length];
    const walking = runWalk(pipeline, backfill(), never);
    await asked.promise;
    expect(state.walk('backfill-1')?.cursor).toBeUndefined();
    expect(remembered()).toEqual([undefined, undefined, 0]);
    answer.resolve();
    await walking;
    expect(remembered()).toEqual([1, 'complete', 1]);
  });

  test('no page is passed, nor any behind it, and no child of one is read', async () => {
    const late = Promise.withResolvers<void>();
    const detail: Fake['detail'] = async (_context, key) => {
      if (key === 'b') await late.promise;
      return record(key);
    };
    const child = (name: string) => ({ child: name, ...row });
    const pages: Fake['pages'] = async function* () {
      yield { records: [record('a')], cursor: 1, window: 'p', accepted, child: child('p') };
      yield { records: [record('b')], cursor: 2, window: 'q', accepted, child: child('q') };
      yield { records: [record('c')], cursor: 3, window: 'r', accepted, child: child('r') };
      await late.promise;
    };
    const sink = memorySink();
    const { pipeline, close } = start(fake({ pages, detail }), { sink, overrides: { batch: { wait: '5ms' } } });
    cleanups.push(close);
    const { state } = pipeline;
    const children = () => ['p', 'q', 'r'].map((name) => state.child(name)?.status);
    const walking = runWalk(pipeline, backfill(), never);
    await expect.poll(() => sink.documents.map(({ key }) => key).sort()).toEqual(['a', 'c']);
    await expect.poll(() => state.known('c')?.ordinal).toBe(1);
    expect([state.walk('backfill-1')?.cursor, ...children()]).toEqual([1, 'complete', undefined, undefined]);
    expect(state.ledger(10)).toHaveLength(1);
    late.resolve();
    await walking;
    expect(children()).toEqual(['complete', 'complete', 'complete']);
    expect(state.ledger(10)).toHaveLength(3);
  });
});

describe('two walks', () => {
  test('a write that failed holds up the writes of the other walks until it is known what arrived', async () => {
    const sink = memorySink();
    const write = sink.write.bind(sink);
    const tried: string[] = [];
    sink.write = async (batch, signal) => {
      tried.push(batch.walk);
      await write(batch, signal); // it arrives, but nobody learns of it
      throw new SluiceError('the answer was lost', { action: 'stop' });
    };
    let slow = Promise.withResolvers<unknown>();
    let status = 'New';
    const pages: Fake['pages'] = async function* (_context, walk) {
      yield { records: [record('a', { Status: status })], cursor: 1 };
      if (walk.id === 'one') await slow.promise;
    };
    const { pipeline, close } = start(fake({ pages }), { sink, overrides: { ...listOnly, batch: { wait: '10ms' } } });
    cleanups.push(close);
    const one = runWalk(pipeline, { ...backfill('one') }, never);
    one.catch(() => {});
    await expect.poll(() => pipeline.sinkGate.failure !== undefined).toBe(true);
    status = 'In Progress';
    await expect(runWalk(pipeline, backfill('two'), never)).rejects.toThrow('the answer was lost');
    expect(tried).toEqual(['one']);
    slow.resolve(undefined);
    slow = Promise.withResolvers();
    await expect(one).rejects.toThrow('the answer was lost');
  });

  test.each([true, false])(
    'a child is not read before the other walk has delivered its records (it does: %s)',
    async (does) => {
      const sink = memorySink();
      const write = sink.write.bind(sink);
      const gate = Promise.withResolvers<void>();
      sink.write = async (batch, signal) => {
        await gate.promise;
        if (!does) throw new SluiceError('the sink is away', { action: 'retry' });
        return write(batch, signal);
      };
      const row = { version: 'v', status: 'complete', sinceMs: 1, nextAtMs: null, records: 1, failures: 0 } as const;
      const pages: Fake['pages'] = async function* () {
        yield { records: [record('a')], cursor: null, window: 'p' };
        yield { records: [], cursor: null, window: 'p', child: { child: 'p', ...row } };
      };
      const { pipeline, close } = start(fake({ pages }), { sink, overrides: { ...listOnly, batch: { wait: '5ms' } } });
      cleanups.push(close);
      const walks = ['one', 'two'].map((id) => runWalk(pipeline, backfill(id), never).catch((error: unknown) => error));
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(pipeline.state.child('p')).toBeUndefined();
      gate.resolve();
      await Promise.all(walks);
      expect([sink.documents.length, pipeline.state.child('p')?.status]).toEqual(
        does ? [1, 'complete'] : [0, undefined],
      );
    },
  );

  test.each([
    { details: true, open: 2 },
    { details: true, open: 1 },
    { details: false, open: 2 },
    { details: false, open: 1 },
  ])(
    'a walk that waits for a record of its own ends when a write fails before it ($details, $open at once)',
    async ({ details, open }) => {
      const sink = memorySink();
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<never>();
      sink.write = () => {
        asked.resolve();
        return answer.promise;
      };
      const pages: Fake['pages'] = async function* () {
        yield { records: [record('a')], cursor: 1 };
        await asked.promise;
        yield { records: [record('b', { Status: 'New' })], cursor: 2 };
        yield { records: [record('b', { Status: 'In Progress' })], cursor: 3 };
        yield { records: [record('b', { Status: 'Done' })], cursor: 4 };
        setTimeout(() => answer.reject(new SluiceError('the sink is away', { action: 'retry' })), 20);
      };
      const detail = async (_context: StreamContext, key: string) => record(key);
      const overrides = { reading: { details }, batch: { wait: '5ms' } };
      const { pipeline, close } = start(fake({ pages, detail }), { sink, overrides });
      cleanups.push(close);
      pipeline.mostOpenDetails = open;
      await expect(soon(runWalk(pipeline, backfill(), never))).rejects.toThrow('the sink is away');
      expect(pipeline.claims.size).toBe(0);
    },
  );

  test('what is recovered does not replace what was committed later', () => {
    const { pipeline, close } = start(fake({ pages: listOf(() => []) }), { sink: memorySink() });
    cleanups.push(close);
    const { state } = pipeline;
    const row = {
      key: 'a',
      rowId: undefined,
      fingerprint: 'f',
      ordinal: 1,
      timeMs: 1,
      digests: '',
      deleted: false,
      refreshAtMs: null,
      refreshMs: 0,
      seenMs: null,
    };
    state.begin('one', 'live', { fromMs: 0, toMs: 1 });
    state.begin('two', 'sweep', { fromMs: 0, toMs: 1 });
    state.prepare('one', 1, [{ ...row, id: 'older', revision: 'r1' }]);
    state.commit({
      walk: 'two',
      number: 1,
      rows: [{ ...row, id: 'newer', revision: 'r2' }],
      ledger: [],
      rejections: [],
      children: [],
      receipt: null,
    });
    state.resolve(new Set(['older']));
    expect(state.known('a')?.revision).toBe('r2');
  });

  test('a record that cannot be searched for secrets goes no further, and harms no other', async () => {
    const odd = Object.defineProperty(record('a') as object, 'odd', {
      enumerable: true,
      get: () => {
        throw new Error('PLANTED');
      },
    });
    const sink = memorySink();
    const { pipeline, close } = start(fake({ pages: listOf(() => [odd as never, record('b')]) }), {
      ...{ sink, overrides: listOnly },
    });
    cleanups.push(close);
    for (let time = 1; time <= 2; time++) await runWalk(pipeline, backfill(`backfill-${time}`), never);
    expect(sink.documents).toHaveLength(2);
    expect(sink.documents.filter(({ key }) => key === 'b')).toHaveLength(1);
    expect(sink.documents.map(({ json }) => json.toString()).join()).toContain('[removed]');
  });

  test('a record whose document breaks is shipped as that, once, and is not left claimed', async () => {
    const mapping: Registered['mapping'] = () => ({ '@timestamp': 'x' }); // no `event`: what is added to a document breaks
    const sink = memorySink();
    const { pipeline, close } = start(fake({ pages: listOf(() => [record('a')]), mapping }), {
      ...{ sink, overrides: listOnly },
    });
    cleanups.push(close);
    for (let time = 1; time <= 2; time++) await runWalk(pipeline, backfill(`backfill-${time}`), never);
    expect(sink.documents.map((one) => documentOf(one).event.kind)).toEqual(['pipeline_error']);
    expect(documentOf(sink.documents[0] as never).error).toMatchObject({
      message: expect.stringContaining('cannot be shipped'),
    });
    expect(pipeline.claims.size).toBe(0);
  });
});

describe('where a walk begins', () => {
  const now = Date.UTC(2026, 5, 1);

  test('a short backfill before it does not shorten what the first run reads', () => {
    const { pipeline, close } = start(fake({ pages: listOf(() => []) }), { sink: memorySink(), now: () => now });
    cleanups.push(close);
    pipeline.state.begin('backfill-1', 'backfill', { fromMs: now - HOUR, toMs: now });
    pipeline.state.finish('backfill-1', now);
    expect(liveWalk(pipeline, schedule).range).toEqual({ fromMs: now - DAY, toMs: now });
  });

  test('rewinding to a time that was not reached yet leaves no gap', () => {
    const { pipeline, close } = start(fake({ pages: listOf(() => []) }), { sink: memorySink(), now: () => now });
    cleanups.push(close);
    const { state } = pipeline;
    state.begin('live', 'live', { fromMs: now - 3 * DAY, toMs: now - 2 * DAY }); // interrupted
    state.rewind('live', now - HOUR);
    expect(liveWalk(pipeline, schedule).range.fromMs).toBe(now - 3 * DAY);
    state.begin('live', 'live', { fromMs: now - 3 * DAY, toMs: now - 2 * DAY });
    state.finish('live', now - 2 * DAY);
    state.rewind('live', now - HOUR);
    expect(liveWalk(pipeline, schedule).range.fromMs).toBe(now - 2 * DAY - schedule.liveRangeMs);
    state.rewind('live', now - 3 * DAY);
    expect(liveWalk(pipeline, schedule).range.fromMs).toBe(now - 3 * DAY);
  });

  test('a poll that was begun by a clock that ran ahead does not shorten what the first run reads', () => {
    const { pipeline, close } = start(fake({ pages: listOf(() => []) }), { sink: memorySink(), now: () => now });
    cleanups.push(close);
    pipeline.state.begin('live', 'live', { fromMs: now + 2 * DAY, toMs: now + 3 * DAY });
    const walk = liveWalk(pipeline, schedule);
    expect(walk.range).toEqual({ fromMs: now - DAY, toMs: now });
    expect(resumeWalk(pipeline, walk).range).toEqual(walk.range);
  });

  test.each(['live', 'sweep', 'catch-up'] as const)(
    'a %s walk that was broken off goes on over its own range',
    async (kind) => {
      const asked: (readonly [Walk['range'], Json | undefined])[] = [];
      const pages: Fake['pages'] = async function* (_context, { range }, from) {
        asked.push([range, from]);
        if (from === undefined) {
          yield { records: [record('a')], cursor: 1 };
          throw new SluiceError('the vendor is away', { action: 'retry' });
        }
        yield { records: [record('b')], cursor: 2 };
      };
      const sink = memorySink();
      const { pipeline, close } = start(fake({ pages }), { sink, now: () => now, overrides: listOnly });
      cleanups.push(close);
      const walk = (fromMs: number, toMs: number): Walk => ({ id: kind, kind, range: { fromMs, toMs } });
      await expect(runWalk(pipeline, walk(now - DAY, now - HOUR), never)).rejects.toThrow('away');
      await runWalk(pipeline, walk(now - HOUR, now), never);
      expect(asked).toEqual([
        [{ fromMs: now - DAY, toMs: now - HOUR }, undefined],
        [{ fromMs: now - DAY, toMs: now - HOUR }, 1],
      ]);
      expect(sink.documents.map(({ key }) => key)).toEqual(['a', 'b']);
    },
  );

  test.each([1, 2])(
    'polls that were broken off (%i) leave the rest of their time to the catch-up, from where they came to',
    async (polls) => {
      let nowMs = now;
      const asked: (readonly [string, Walk['range'], Json | undefined])[] = [];
      const pages: Fake['pages'] = async function* (_context, { id, range }, from) {
        asked.push([id, range, from]);
        yield { records: [record(`${id} ${range.toMs}`)], cursor: { coveredMs: range.fromMs + 1 } };
        if (id === 'live') throw new SluiceError('the vendor is away', { action: 'retry' });
      };
      const { pipeline, close } = start(fake({ pages }), { sink: memorySink(), now: () => nowMs, overrides: listOnly });
      cleanups.push(close);
      for (let poll = 0; poll < polls; poll++) {
        await expect(runWalk(pipeline, newestWalk(pipeline, schedule), never)).rejects.toThrow('away');
        nowMs += HOUR;
      }
      const endMs = nowMs - HOUR;
      expect(newestWalk(pipeline, schedule).range).toEqual({ fromMs: endMs, toMs: nowMs });
      await runWalk(pipeline, catchUpWalk(pipeline) as Walk, never);
      const unread = { fromMs: now - DAY, toMs: endMs };
      expect(asked.at(-1)).toEqual(['catch-up', unread, { coveredMs: unread.fromMs + 1 }]);
      expect(catchUpWalk(pipeline)).toBeUndefined();
    },
  );

  test('a poll that was begun and not ended is no reason to begin another range', () => {
    const { pipeline, close } = start(fake({ pages: listOf(() => []) }), { sink: memorySink(), now: () => now });
    cleanups.push(close);
    pipeline.state.begin('live', 'live', { fromMs: now - 3 * DAY, toMs: now - 2 * DAY });
    const walk: Walk = { id: 'live', kind: 'live', range: { fromMs: now - HOUR, toMs: now } };
    expect(resumeWalk(pipeline, walk).range).toEqual({ fromMs: now - 3 * DAY, toMs: now - 2 * DAY });
    pipeline.state.finish('live', now);
    expect(resumeWalk(pipeline, walk).range).toEqual(walk.range);
  });

  test('a walk that finds nothing new saves how far it came', async () => {
    const gate = Promise.withResolvers<undefined>();
    const pages: Fake['pages'] = async function* () {
      const accepted = { range: { fromMs: 0, toMs: 1 }, total: 0, distinct: 0, settled: true };
      for (let window = 1; window <= 3; window++) yield { records: [], cursor: window, accepted };
      await gate.promise;
    };
    const { pipeline, close } = start(fake({ pages }), { sink: memorySink(), overrides: { batch: { wait: '10ms' } } });
    cleanups.push(close);
    const walking = runWalk(pipeline, backfill(), never);
    await expect.poll(() => pipeline.state.walk('backfill-1')?.cursor).toBe(3);
    gate.resolve(undefined);
    await walking;
  });
});

describe('a record', () => {
  test.each([true, false])('without a key is shipped and stops nothing (details: %s)', async (details) => {
    const sink = memorySink();
    const detail: Fake['detail'] = async (_context, key) => {
      if (key !== 'a') throw new SluiceError('no such detection', { action: 'skip' });
      return record('a');
    };
    const list = () => [record('a'), record(undefined), null];
    const registered = streams.find(({ stream }) => stream.name === 'cylance.detection') as Registered;
    const client = {
      authenticate: async () => {},
      json: async ({ accept, query }: { accept: (reply: unknown) => unknown; query?: Record<string, unknown> }) =>
        accept({
          page_number: query?.page,
          page_size: query?.page_size,
          total_number_of_items: 3,
          page_items: query?.page_size === 1 ? [list()[0]] : list(),
        }),
    };
    const { pipeline, close } = start([{ ...registered, stream: { ...registered.stream, detail } }], {
      sink,
      overrides: { reading: { details } },
    });
    cleanups.push(close);
    pipeline.client = client as unknown as typeof pipeline.client;
    await runWalk(pipeline, backfill(), never);
    expect(sink.documents.length).toBe(3);
  });

  test('whose detail the vendor refuses to give is shipped from the list', async () => {
    const sink = memorySink();
    const request = { method: 'GET' as const, url: 'http://x/y', priority: 'live' as const, signal: never };
    const detail: Fake['detail'] = async (_context, key) => {
      if (key === 'a') return record('a');
      throw statusError({ status: 400, headers: { get: () => null }, body: Buffer.from('') }, request, 0);
    };
    const { pipeline, close } = start(fake({ pages: listOf(() => [record('a'), record('b')]), detail }), { sink });
    cleanups.push(close);
    await runWalk(pipeline, backfill(), never);
    const tags = sink.documents.map((document) => [
      document.key,
      (documentOf(document).tags as string[] | undefined) ?? [],
    ]);
    expect(Object.fromEntries(tags)).toEqual({ a: ['end_unknown'], b: ['detail_missing', 'end_unknown'] });
  });

  test('on a last page that calls itself smaller is shipped', async () => {
    const sink = memorySink();
    const records = Array.from({ length: 5 }, (_, index) => record(`r${index}`));
    const pages = listOf(
      () => records,
      (page) => (page === 3 ? 1 : 2),
    );
    const { pipeline, close } = start(fake({ pages }), {
      sink,
      overrides: { reading: { details: false, page_size: 2 } },
    });
    cleanups.push(close);
    await runWalk(pipeline, backfill(), never);
    expect(sink.documents.length).toBe(5);
  });
});

describe('a detail that answers 404', () => {
  const missing = () => Promise.reject(new SluiceError('no such detection', { action: 'skip' }));
  const refresh: Walk = { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: 1 } };
  const lastOf = ({ documents }: ReturnType<typeof memorySink>) =>
    documents.map((document) => {
      const { event, tags = [] } = documentOf(document);
      return [document.key, event.action, tags];
    });

  /** One open record is delivered with its detail; then every detail answers 404. */
  async function delivered(list: unknown[]) {
    const sink = memorySink();
    let detail: (key: string) => Promise<unknown> = async (key) => record(key, { Status: 'New', Comment: 'x' });
    const pages = listOf(() => list);
    let nowMs = Date.UTC(2026, 0, 2, 4);
    const registered = fake({ pages, detail: (_context, key) => detail(key) });
    const opened = start(registered, { sink, now: () => nowMs });
    cleanups.push(opened.close);
    await runWalk(opened.pipeline, backfill(), never);
    expect(sink.documents.length).toBe(list.length);
    sink.documents.length = 0;
    detail = missing;
    nowMs += DAY;
    expect(opened.pipeline.state.due(nowMs, 10).length).toBe(list.length);
    const answerOnly = (known: string) => {
      detail = (key) => (key === known ? Promise.resolve(record(key, { Status: 'New', Comment: 'x' })) : missing());
    };
    return { sink, ...opened, answerOnly };
  }

  test('is no deletion while the list shows the record', async () => {
    const list = [record('a', { Status: 'New' }), record('b', { Status: 'New' })];
    const { pipeline, sink, answerOnly } = await delivered(list);
    answerOnly('b');
    await runWalk(pipeline, refresh, never);
    expect(sink.documents).toEqual([]);
    list[0] = record('a', { Status: 'In Progress' });
    await runWalk(pipeline, backfill('backfill-2'), never);
    expect(lastOf(sink)).toEqual([['a', 'detection-status-changed', ['detail_missing']]]);
    expect(pipeline.state.known('a')).toMatchObject({ deleted: false });
    expect(pipeline.state.known('a')?.refreshAtMs).not.toBeNull();
  });

  test('is one when the list does not have the record, either, and others are answered', async () => {
    const list = [record('a', { Status: 'New' }), record('b', { Status: 'New' })];
    const { pipeline, sink, answerOnly } = await delivered(list);
    list.shift();
    answerOnly('b');
    await runWalk(pipeline, refresh, never);
    expect(lastOf(sink)).toEqual([['a', 'detection-deleted', []]]);
  });
});

describe('segments', () => {
  const segments = async (folder: string) => (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();

  test('that were collected leave their numbers behind', async () => {
    const pages = (id: string) => listOf(() => [record(id)]);
    const first = start(fake({ pages: pages('a') }), { overrides: listOnly });
    await recover(first.pipeline);
    await runWalk(first.pipeline, backfill(), never);
    await first.close();
    const out = join(first.path, 'out', 'acme', 'cylance.detection');
    for (const name of await segments(out)) await rm(join(out, name));
    const second = start(fake({ pages: pages('b') }), { overrides: listOnly, path: first.path });
    await recover(second.pipeline);
    await runWalk(second.pipeline, backfill(), never);
    await second.close();
    expect(await segments(out)).toEqual(['backfill-1-000002.ndjson']);
  });

  test('an older one that was committed as a whole gets its name, and is not set aside', async () => {
    const path = folder();
    const place = join(path, 'acme', 'x.y');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'live-000001.ndjson.part'), '{}\n');
    await writeFile(join(place, 'live-000002.ndjson.part'), '{}\n');
    const sink = openNdjson(
      { path, compression: 'none', rotateBytes: 1e6, rotateMs: 1e6 },
      {
        log: pino({ level: 'silent' }),
        now: Date.now,
        owner: { state: 'a'.repeat(32), path: '/the/state', adopt: false },
      },
    );
    await sink.recover('acme/x.y/files', [], new Map([['live', { segment: 2, length: 3 }]]));
    expect(await segments(place)).toEqual(['live-000001.ndjson', 'live-000002.ndjson']);
    await sink.close();
  });
});
