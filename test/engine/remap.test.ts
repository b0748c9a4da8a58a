import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { itemsOfEach, type Simulator } from '../../simulator/index.ts';
import type { EcsDocument, Mapping } from '../../src/api/document.ts';
import { openBatchWriter } from '../../src/engine/batch-writer.ts';
import { changeFromLoss } from '../../src/engine/change/change.ts';
import { createTally, differencesOf } from '../../src/engine/remap/differences.ts';
import { type Deliveries, type MappedAnew, mapAnew, remap } from '../../src/engine/remap/remap.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { rawRecords } from '../../src/state/raw/read.ts';
import type { RawRecord } from '../../src/state/raw/record.ts';
import {
  documentOf,
  type MemorySink,
  memorySink,
  type Opened,
  openPipeline,
  scratch,
  simulate,
  testConfig,
  wholeRange,
} from './harness.ts';

const never = new AbortController().signal;
const ALWAYS = { fromMs: 0, toMs: Date.UTC(2100, 0) };
const COUNT = 60;

let place: ReturnType<typeof scratch>;
let simulator: Simulator;
let sink: MemorySink;
let opened: Opened | undefined;

beforeEach(() => {
  place = scratch();
  sink = memorySink();
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  await simulator?.close();
  place.remove();
});

/** The streams with another mapping of one of them. */
function withMapping(name: string, change: (mapping: Mapping) => Mapping): typeof streams {
  return streams.map((one) => (one.stream.name === name ? { ...one, mapping: change(one.mapping) } : one));
}

const tagged = withMapping('cylance.detection', (mapping) => (record, source) => {
  const document = mapping(record, source);
  const severity = (document.event as { severity?: number }).severity ?? 0;
  return severity % 2 === 0 ? document : { ...document, labels: { odd: 'yes' } };
});

function open(options: { streams?: typeof streams; batch?: object; source?: object } = {}): Opened {
  const { source, batch = { documents: 10 } } = options;
  const config = testConfig(simulator.url, place.path, {
    raw: { keep: true },
    batch: { ...batch },
    source: { ...source },
  });
  opened = openPipeline(config, { sink, streams: options.streams });
  return opened;
}

const originOf = ({ pipeline }: Opened): Deliveries => ({
  pipeline,
  state: pipeline.state,
  path: `${place.path}/state`,
});
const remapAll = (one: Opened, see: (mapped: MappedAnew) => void = () => {}) =>
  remap(one.pipeline, originOf(one), ALWAYS, never, see);

async function keptOf(stream: `${string}.${string}`): Promise<RawRecord[]> {
  const all: RawRecord[] = [];
  for await (const one of rawRecords({ path: `${place.path}/state`, source: 'acme', stream })) all.push(one);
  return all;
}

function plain(document: EcsDocument): EcsDocument {
  delete (document.event as Record<string, unknown>).ingested;
  return document;
}

test('what is delivered is kept before it is sent, with the document as it is sent', async () => {
  simulator = await simulate({ seed: 7, detections: COUNT, plantSecrets: true });
  const write = sink.write;
  const keptAtWrite: boolean[] = [];
  sink.write = async function (batch, signal) {
    const keys = new Set((await keptOf('cylance.detection')).map(({ key }) => key));
    keptAtWrite.push(batch.documents.every(({ key }) => keys.has(key)));
    return write.call(this, batch, signal);
  };
  const { pipeline } = open();
  await runWalk(pipeline, wholeRange(simulator), never);
  expect(keptAtWrite.length).toBeGreaterThan(1);
  expect(keptAtWrite.every(Boolean)).toBe(true);
  const kept = await keptOf('cylance.detection');
  expect(kept).toHaveLength(COUNT);
  expect(JSON.stringify(kept)).not.toMatch(/PLANTED-SECRET/);
  for (const document of sink.documents.map(documentOf)) {
    const one = kept.find(({ key }) => key === document.event.id) as RawRecord;
    expect(one.document).toEqual(plain(document));
    expect(one).toMatchObject({ sink: 'files', ordinal: 1, revision: document.event.hash });
  }
});

test('a disk that keeps nothing lets nothing be sent', async () => {
  simulator = await simulate({ seed: 7, detections: COUNT });
  const { pipeline } = open();
  pipeline.raw = { keep: () => Promise.reject(new Error('the disk is full')) };
  await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toThrow('the disk is full');
  expect(sink.documents).toEqual([]);
  expect(pipeline.state.counts().records).toBe(0);
});

test('nothing is kept of what is not sent: while the sink is in doubt, or the store of rejections is full', async () => {
  simulator = await simulate({ seed: 7, detections: COUNT });
  const { pipeline } = open();
  pipeline.sinkGate.close(new Error('in doubt'));
  await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toThrow('in doubt');
  pipeline.sinkGate.open();
  const full = () => {
    throw new Error('full');
  };
  pipeline.rejections = { ...pipeline.rejections, require: full };
  await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toThrow('full');
  expect([await keptOf('cylance.detection'), sink.documents]).toEqual([[], []]);
});

test.each(streams.filter(({ connector }) => connector.name === 'cylance').map(({ stream }) => stream.name))(
  '%s: the same mapping makes the same documents of what is kept, by another clock and with another inventory',
  { timeout: 60_000 },
  async (name) => {
    simulator = await simulate({
      seed: 7,
      detections: 20,
      instaQueries: 4,
      resultsPerQuery: 5,
      retrievedFiles: 10,
      items: itemsOfEach(10),
      plantSecrets: true,
    });
    const { pipeline } = open({ source: { streams: [name], enrich_hosts: true, keep_original: true } });
    pipeline.state.note = (kind) => (kind === 'host' ? '{"ip":["10.9.8.7"]}' : undefined);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents.length).toBeGreaterThan(0);
    const seen: MappedAnew[] = [];
    pipeline.now = () => Date.now() + 1e9;
    pipeline.state.note = () => undefined;
    for await (const one of mapAnew(originOf(opened as Opened), ALWAYS)) seen.push(one);
    expect(seen).toHaveLength(sink.documents.length);
    expect(seen.flatMap(({ differences }) => differences)).toEqual([]);
    expect(JSON.stringify(seen)).not.toMatch(/PLANTED-SECRET/);
  },
);

test('what was kept twice for one revision counts as it was kept last: the first never arrived', async () => {
  simulator = await simulate({ seed: 7, detections: COUNT });
  let one = open();
  sink.failNext = new Error('killed');
  await expect(runWalk(one.pipeline, wholeRange(simulator), never)).rejects.toThrow('killed');
  await one.close();
  one = open({ streams: tagged });
  await runWalk(one.pipeline, wholeRange(simulator), never);
  expect((await keptOf('cylance.detection')).length).toBeGreaterThan(COUNT);
  const seen: MappedAnew[] = [];
  for await (const mapped of mapAnew(originOf(one), ALWAYS)) seen.push(mapped);
  expect(seen).toHaveLength(COUNT);
  expect(seen.flatMap(({ differences }) => differences)).toEqual([]);
});

test('a deletion that is mapped anew stays one', async () => {
  simulator = await simulate({ seed: 7, detections: 5 });
  const labelled = withMapping('cylance.detection', (mapping) => (record, source) => ({
    ...mapping(record, source),
    labels: { all: 'yes' },
  }));
  let one = open();
  const walk = wholeRange(simulator);
  await runWalk(one.pipeline, walk, never);
  const [key = ''] = one.pipeline.state.newestKeys(1);
  const writer = openBatchWriter(one.pipeline, walk.id, one.pipeline.state.walk(walk.id)?.batch ?? 0, never);
  writer.done(writer.begin({ records: [], cursor: null }, 1), await changeFromLoss(one.pipeline, walk, key));
  await writer.flush();
  await writer.close();
  await one.close();
  one = open({ streams: labelled });
  await remapAll(one);
  const events = sink.documents.map(documentOf).filter(({ event }) => event.id === key);
  const { deleted, updated } = one.pipeline.registered.stream.actions;
  expect(events.map(({ event }) => [event.sequence, event.action]).slice(1)).toEqual([
    [2, deleted],
    [3, deleted],
  ]);
  expect(one.pipeline.state.known(key)).toMatchObject({ deleted: true, ordinal: 3 });
  const others = sink.documents.map(documentOf).filter(({ event }) => event.id !== key && event.sequence === 2);
  expect(others.map(({ event }) => event.action)).toEqual(Array(4).fill(updated));
});

describe('a remap that is killed', () => {
  const MOMENTS = [
    'before it keeps',
    'before the write',
    'half-way through the write',
    'after the write',
    'after the commit',
  ] as const;
  test.each(MOMENTS)('%s, and begun again, ships each affected record once', async (moment) => {
    simulator = await simulate({ seed: 7, detections: COUNT });
    const killed = new Error('killed');
    let isRemapping = false;
    let writes = 0;
    const write = sink.write;
    const isLast = () => isRemapping && writes === 2;
    sink.write = async function (batch, signal) {
      if (isRemapping) writes++;
      if (isLast() && moment === 'before the write') throw killed;
      if (isLast() && moment === 'half-way through the write') {
        this.documents.push(...batch.documents.slice(0, 4));
        throw killed;
      }
      return write.call(this, batch, signal);
    };
    let one = open({ batch: { documents: 5 } });
    await runWalk(one.pipeline, wholeRange(simulator), never);
    await one.close();
    one = open({ batch: { documents: 5 }, streams: tagged });
    const { state, raw } = one.pipeline;
    const commit = state.commit.bind(state);
    state.commit = (done) => {
      if (isLast() && moment === 'after the write') throw killed;
      commit(done);
      if (isLast() && moment === 'after the commit') throw killed;
    };
    one.pipeline.raw = {
      keep: async (...lines) => {
        if (isRemapping && writes === 1 && moment === 'before it keeps') throw killed;
        await raw?.keep(...lines);
      },
    };
    isRemapping = true;
    await expect(remapAll(one)).rejects.toThrow('killed');
    await one.close();
    isRemapping = false;

    one = open({ batch: { documents: 5 }, streams: tagged });
    await remapAll(one);
    const later = sink.documents.map(documentOf).filter(({ event }) => event.sequence === 2);
    const affected = sink.documents
      .map(documentOf)
      .filter(({ event }) => event.sequence === 1 && (event.severity as number) % 2 === 1);
    expect(affected.length).toBeGreaterThan(15);
    const keys = (documents: { event: Record<string, unknown> }[]) => documents.map(({ event }) => event.id).sort();
    expect(keys(later)).toEqual(keys(affected));
    expect(later.every(({ labels }) => (labels as { odd?: string })?.odd === 'yes')).toBe(true);
    expect(new Set(sink.documents.map(({ id }) => id)).size).toBe(sink.documents.length);

    const count = sink.documents.length;
    let differ = 0;
    await remapAll(one, ({ differences }) => (differ += differences.length));
    await runWalk(one.pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect([differ, sink.documents.length]).toEqual([0, count]);
  });
});

test('differences are told field by field: what changed, came and went; the order of members says nothing', () => {
  const before = { a: 1, b: { c: 'x', d: { e: 1 } }, list: [{ x: 1, y: 2 }], gone: { f: true }, same: {} };
  const after = { b: { d: 'text', c: 'x' }, a: 2, list: [{ y: 2, x: 1 }], came: { g: [1] } };
  expect(differencesOf(before, after)).toEqual([
    { field: 'a', before: 1, after: 2 },
    { field: 'b.d', before: { e: 1 }, after: 'text' },
    { field: 'gone.f', before: true, after: undefined },
    { field: 'came.g', before: undefined, after: [1] },
  ]);
  const tally = createTally();
  for (const key of ['1', '2', '3', '4', '5']) tally.add(key, [{ field: 'a', before: 1, after: 2 }]);
  tally.add('6', [{ field: 'a', before: undefined, after: 'x'.repeat(2000) }]);
  tally.add('7', [{ field: 'b', before: 1, after: undefined }]);
  expect(tally.fields()).toEqual([
    {
      field: 'a',
      changed: 5,
      added: 1,
      removed: 0,
      examples: ['1', '2', '3'].map((key) => ({ key, before: 1, after: 2 })),
    },
    { field: 'b', changed: 0, added: 0, removed: 1, examples: [{ key: '7', before: 1, after: null }] },
  ]);
});
