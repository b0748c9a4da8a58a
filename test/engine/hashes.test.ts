/** Hashes that detections name are parents of the devices of threats, from one pipeline to the other, through the state. */

import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { itemsOfEach } from '../../simulator/index.ts';
import { build, toPipeline } from '../../src/engine/build.ts';
import type { PipelineEvents } from '../../src/engine/pipeline.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { openState } from '../../src/state/sqlite.ts';
import { expectedDocuments, memorySink, scratch, simulate, testConfig, wholeRange } from './harness.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const NAMES = ['cylance.detection', 'cylance.threat_device'] as const;

async function place(names: readonly string[]) {
  const simulator = await simulate({ seed: 7, detections: 40, items: itemsOfEach(5) });
  const folder = scratch();
  const config = testConfig(simulator.url, folder.path, { source: { streams: names } });
  const log = pino({ level: 'silent' });
  const tools = { streams, log, env: {}, now: Date.now, hardStop: never };
  const built = build(config, tools, false);
  const store = openState({ path: config.state.path, now: Date.now, exclusive: true });
  const nothing = () => {};
  const events: PipelineEvents = {
    ...{ seen: nothing, delivered: nothing, window: nothing },
    ...{
      walked: nothing,
      refused: nothing,
      waiting: nothing,
      paused: nothing,
      held: nothing,
      owed: nothing,
      alarmed: nothing,
      blocked: nothing,
      walkFailed: nothing,
    },
    ...{ gaps: nothing, child: nothing, asking: nothing, answered: nothing },
    ...{ began: nothing, ended: nothing, requesting: () => nothing, acknowledged: nothing },
  };
  cleanups.push(
    folder.remove,
    () => simulator.close(),
    () => store.close(),
    built.close,
  );
  const pipelines = built.plans.map((plan) => {
    const pipeline = toPipeline(plan, built, config, store.pipeline(plan.name), tools, events);
    pipeline.sink = memorySink();
    return pipeline;
  });
  const of = (name: string) => {
    const found = pipelines.find(({ registered }) => registered.stream.name === name);
    if (found === undefined) throw new Error(`no pipeline of ${name}`);
    return found;
  };
  const walk = (name: string, id: string, kind: 'live' | 'backfill') =>
    runWalk(of(name), { ...wholeRange(simulator, id), kind, once: true }, never);
  return { simulator, of, walk };
}

test('each is asked for once, without costing the vendor a request more in later walks', async () => {
  const { simulator, of, walk } = await place(NAMES);
  await walk('cylance.detection', 'backfill-1', 'backfill');
  const noted = of('cylance.threat_device').state.noted('sha256');
  expect(noted.length).toBeGreaterThan(20);
  const asked = () => simulator.stats().byEndpoint['threat-devices'] ?? 0;
  await walk('cylance.threat_device', 'live', 'live');
  const sink = of('cylance.threat_device').sink as ReturnType<typeof memorySink>;
  const expected = expectedDocuments(simulator, 'cylance.threat_device');
  expect(new Set(sink.documents.map(({ id }) => id))).toEqual(new Set(expected.keys()));
  const listed = [...simulator.truthOf('cylance.threat')].length;
  expect(asked()).toBeGreaterThanOrEqual(noted.length + listed);
  expect(asked()).toBeLessThanOrEqual(noted.length + 4 * listed); // settled pages of those that have devices
  const before = asked();
  await walk('cylance.threat_device', 'live', 'live');
  expect(asked()).toBe(before);
  await walk('cylance.threat_device', 'backfill-2', 'backfill');
  expect(asked()).toBeLessThanOrEqual(before + 4 * listed);
});

test('none is kept where no stream of the source reads them', async () => {
  const { of, walk } = await place(['cylance.detection']);
  await walk('cylance.detection', 'backfill-1', 'backfill');
  expect(of('cylance.detection').state.noted('sha256')).toEqual([]);
});
