import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Batch } from '../../src/api/sink.ts';
import { createHeartbeat, type Heart } from '../../src/engine/heartbeat.ts';
import { openState } from '../../src/state/sqlite.ts';
import type { StateStore } from '../../src/state/store.ts';
import { documentOf, memorySink, scratch } from './harness.ts';

const NAME = 'acme/sluice.heartbeat/memory';
const MINUTE = 60_000;

let place: ReturnType<typeof scratch>;
let store: StateStore;
let nowMs = Date.UTC(2026, 0, 2);
let logged: string[] = [];

beforeEach(() => {
  place = scratch();
  logged = [];
  nowMs = Date.UTC(2026, 0, 2);
  store = openState({ path: place.path, now: () => nowMs, exclusive: true });
});
afterEach(() => {
  store.close();
  place.remove();
});

function heart(sink = memorySink(), change: Partial<Heart> = {}) {
  let taken = 0;
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
  const one: Heart = {
    ...{ name: NAME, source: 'acme', everyMs: MINUTE, sink, state: store.pipeline(NAME) },
    ...{ hardStop: new AbortController().signal, log, now: () => nowMs },
    documents: () =>
      new Map(
        ['acme/a.b/memory', 'acme/c.d/memory'].map((name) => [name, { event: { kind: 'metric' }, message: name }]),
      ),
    taken: () => taken++,
    ...change,
  };
  return { sink, taken: () => taken, beating: createHeartbeat(one) };
}

const idsOf = ({ documents }: ReturnType<typeof memorySink>) => documents.map(({ id }) => id);

test('each interval is told once, by a document for each stream, however often it beats and whoever beats', async () => {
  const { sink, beating, taken } = heart();
  await beating.beat();
  await beating.beat();
  nowMs += MINUTE - 1;
  await heart(sink).beating.beat(); // another process of the same state
  expect(idsOf(sink)).toHaveLength(2);
  nowMs += 1;
  await beating.beat();
  expect(new Set(idsOf(sink)).size).toBe(4);
  expect(taken()).toBe(2);
  const [first] = sink.documents.map(documentOf);
  expect(first).toMatchObject({
    data_stream: { type: 'logs', dataset: 'sluice.heartbeat', namespace: 'acme' },
    event: { id: 'acme/a.b/memory 2026-01-02T00:00:00.000Z', sequence: 1, kind: 'metric' },
  });
});

test('a process that dies between the write and the commit doubles nothing, and one that dies before sends what is missing', async () => {
  const sink = memorySink();
  const dying = store.pipeline(NAME);
  await heart(sink, {
    state: {
      ...dying,
      commit: () => {
        throw new Error('killed');
      },
    },
  }).beating.beat();
  expect(idsOf(sink)).toHaveLength(2);
  sink.documents.pop(); // the second one was still on its way
  await heart(sink).beating.beat();
  expect(new Set(idsOf(sink)).size).toBe(2);
  expect(idsOf(sink)).toHaveLength(2);
  expect(store.pipeline(NAME).prepared('sluice.heartbeat', 'acme')).toEqual([]);
});

test('a sink that refuses is told of once, and heartbeats go on when it takes them; missed ones are not made up for', async () => {
  const { sink, beating } = heart();
  for (let minute = 0; minute < 3; minute++) {
    sink.failNext = new Error('the sink is away');
    await beating.beat();
    nowMs += MINUTE;
  }
  expect(logged.filter((line) => line.includes('the sink is away'))).toHaveLength(1);
  expect(idsOf(sink)).toEqual([]);
  await beating.beat();
  expect(idsOf(sink)).toHaveLength(2);
  expect(logged.at(-1)).toMatch(/taken again/);
});

test('heartbeats that the sink rejects are not kept', async () => {
  const sink = memorySink();
  sink.write = async ({ documents }: Batch) => ({
    rejections: documents.map(({ id }) => ({ id, type: 'mapper_parsing_exception', reason: 'why' })),
    receipt: null,
  });
  await heart(sink).beating.beat();
  expect(store.pipeline(NAME).counts().rejections).toBe(0);
  expect(logged.at(-1)).toMatch(/rejects heartbeats, which are not kept: mapper_parsing_exception/);
});
