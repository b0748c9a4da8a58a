/** Above the limit of alerts, documents go on as events with a tag, and one alert an hour says so: exactly once, whatever ends. */
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { createAlertLimit, factsWith, HOUR_MS, hourOf } from '../../src/engine/alerts/limit.ts';
import { ALERT_LIMIT, createTeller } from '../../src/engine/alerts/tell.ts';
import type { Change } from '../../src/engine/change/change.ts';
import { recover } from '../../src/engine/recover.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { seed } from '../seed.ts';
import {
  documentOf,
  type MemorySink,
  memorySink,
  openPipeline,
  scratch,
  simulate,
  testConfig,
  wholeRange,
} from './harness.ts';

const never = new AbortController().signal;
let folder: ReturnType<typeof scratch>;
let simulator: Simulator;
let sink: MemorySink;
let nowMs: number;
beforeEach(async () => {
  folder = scratch();
  simulator = await simulate({ seed, detections: 40 });
  sink = memorySink();
  nowMs = Date.now();
});
afterEach(async () => {
  await simulator.close();
  folder.remove();
});

const config = () =>
  testConfig(simulator.url, folder.path, { source: { alerts: { max_per_hour: 10 } }, batch: { documents: 4 } });

/** Only the limit has a clock of the test: the vendor refuses tokens of the future. */
function openLimited() {
  const opened = openPipeline(config(), { sink });
  expect(opened.pipeline.alerts?.maxPerHour).toBe(10);
  opened.pipeline.alerts = createAlertLimit(10, () => nowMs);
  opened.pipeline.alerts.join(opened.pipeline.state);
  return opened;
}

/** A process that ships everything, tells what it held, and ends. */
async function live(id: string, range = wholeRange(simulator, id).range, tells = true) {
  const opened = openLimited();
  const { pipeline } = opened;
  try {
    await recover(pipeline);
    await runWalk(pipeline, { id, kind: 'backfill', range }, never);
    if (tells) await tell(opened)();
  } finally {
    await opened.close();
  }
}

function tell({ pipeline, store }: ReturnType<typeof openPipeline>) {
  return createTeller({
    ...{ name: `acme/${ALERT_LIMIT.name}/files`, source: 'acme', sinkName: 'files', sink, maxPerHour: 10 },
    ...{ state: store.pipeline(`acme/${ALERT_LIMIT.name}/files`), limited: [pipeline.state], hardStop: never },
    ...{ log: pino({ level: 'silent' }), now: () => nowMs },
  });
}

function shipped() {
  const all = sink.documents.map((out) => ({ stream: out.stream, id: out.id, document: documentOf(out) }));
  const records = all.filter(({ stream }) => stream === 'cylance.detection');
  const isHeld = ({ document }: (typeof all)[number]) =>
    (document.tags as string[] | undefined)?.includes('alert_held');
  return {
    alerts: records.filter(({ document }) => document.event.kind === 'alert'),
    held: records.filter((one) => isHeld(one) && one.document.event.kind === 'event'),
    told: all.filter(({ stream }) => stream === ALERT_LIMIT.name),
    ids: new Set(all.map(({ id }) => id)),
    all,
  };
}

test('the first ones of an hour are alerts, the others events with a tag, and one alert says so', async () => {
  await live('backfill-1');
  const { alerts, held, told, ids, all } = shipped();
  expect([alerts.length, held.length, told.length]).toEqual([10, 30, 1]);
  expect(ids.size).toBe(all.length);
  expect(told[0]?.document).toMatchObject({
    event: { kind: 'alert', action: 'alerts-held', dataset: 'sluice.alert_limit', sequence: 1 },
    sluice: { alert_limit: { source: 'acme', sink: 'files', max_per_hour: 10 } },
    data_stream: { dataset: 'sluice.alert_limit', namespace: 'acme' },
  });
});

test('a restart within the hour goes on counting, the next hour begins anew, and each is told once', async () => {
  const { fromMs, toMs } = wholeRange(simulator).range;
  const [start, end] = [simulator.range.start, simulator.range.end].map((text) => Date.parse(text)) as [number, number];
  const at = (part: number) => start + (end - start) * part;
  nowMs = hourOf(nowMs) + HOUR_MS / 2;
  await live('backfill-1', { fromMs, toMs: at(0.5) });
  expect(shipped().alerts.length).toBe(10);
  const { held: before } = shipped();
  await live('backfill-2', { fromMs: at(0.5), toMs: at(0.6) });
  expect(shipped().alerts.length).toBe(10);
  expect(shipped().told.length).toBe(1);
  expect(shipped().held.length).toBeGreaterThan(before.length);
  nowMs += HOUR_MS;
  await live('backfill-3', { fromMs: at(0.6), toMs });
  const { alerts, held, told, all, ids } = shipped();
  expect([alerts.length, held.length, told.length]).toEqual([20, 20, 2]);
  expect(ids.size).toBe(all.length);
});

test('what was held and not told, since the process ended, is told by the next one, of whichever hour', async () => {
  nowMs = hourOf(nowMs) + HOUR_MS / 2;
  await live('backfill-1', undefined, false);
  expect(shipped().told).toEqual([]);
  nowMs += 30 * HOUR_MS;
  await live('backfill-2');
  await live('backfill-3');
  expect(shipped().told.map(({ document }) => (document.event as { start?: string }).start)).toEqual([
    new Date(hourOf(nowMs - 30 * HOUR_MS)).toISOString(),
  ]);
});

test('an alert that arrived although its write failed is found, and one that did not is sent', async () => {
  await live('backfill-1', undefined, false);
  const opened = openLimited();
  try {
    const write = sink.write;
    sink.write = async (batch, signal) => {
      await write.call(sink, batch, signal);
      throw new Error('the answer was lost');
    };
    expect(await tell(opened)()).toBe(false);
    sink.write = write;
    expect(await tell(opened)()).toBe(true);
    expect(await tell(opened)()).toBe(true);
    expect(shipped().told.length).toBe(1);
  } finally {
    await opened.close();
  }
});

test('alerts of a batch that did not arrive do not count', async () => {
  const opened = openLimited();
  try {
    sink.failNext = new Error('away');
    const walk = { ...wholeRange(simulator), id: 'backfill-1' };
    await expect(runWalk(opened.pipeline, walk, never)).rejects.toThrow(/away/);
    await recover(opened.pipeline);
    await runWalk(opened.pipeline, walk, never);
    const { alerts, held } = shipped();
    expect([alerts.length, held.length]).toEqual([10, 30]);
  } finally {
    await opened.close();
  }
});

test('batches that are under way at once share the limit, and what is taken back is free again', () => {
  const hold: Change['asHeld'] = () => ({ out: undefined, raw: 'held' });
  const change: Change = {
    row: undefined,
    out: undefined,
    claim: { key: 'k', walk: 'w', fingerprint: null },
    asHeld: hold,
  };
  const limit = createAlertLimit(3, () => nowMs);
  const [one] = limit.decide([change, change]);
  const [two, changes] = limit.decide([change, { ...change, asHeld: undefined }, change]);
  expect([one.raised, one.held, two.raised, two.held]).toEqual([2, 0, 1, 1]);
  expect(changes.map(({ raw }) => raw)).toEqual([undefined, undefined, 'held']);
  limit.takeBack(one);
  expect(limit.decide([change, change, change])[0]).toMatchObject({ raised: 2, held: 1 });
  const stored = new Map<string, unknown>();
  const state = { fact: (name: string) => stored.get(name) as never };
  for (const decided of [one, two])
    for (const [name, fact] of Object.entries(factsWith(state, decided))) stored.set(name, fact);
  expect(stored.get('alerts')).toMatchObject({ raised: 3, held: [{ hourMs: hourOf(nowMs), documents: 1 }] });
  const next = createAlertLimit(3, () => nowMs);
  next.join(state);
  expect(next.decide([change])[0]).toMatchObject({ raised: 0, held: 1 });
  expect(factsWith(state, { ...one, raised: 0, held: 0 })).toEqual({});
});
