/** A walk that a person pauses or cancels ends cleanly: nothing lost, nothing twice, and nothing goes on with it unasked. */
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { endWalks, switchJob } from '../../src/engine/jobs/control.ts';
import { pauseOf, pauseReading, resumeReading } from '../../src/engine/jobs/pauses.ts';
import { openSwitches } from '../../src/engine/jobs/switches.ts';
import { jobViews } from '../../src/engine/jobs/views.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { sweepWalk, walkOf } from '../../src/engine/schedule.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { seed } from '../seed.ts';
import {
  expectedIds,
  memorySink,
  type Opened,
  openPipeline,
  scratch,
  simulate,
  testConfig,
  wholeRange,
} from './harness.ts';

const never = new AbortController().signal;
const log = pino({ level: 'silent' });
let folder: ReturnType<typeof scratch>;
let simulator: Simulator;
let opened: Opened;
const sink = memorySink();
beforeEach(async () => {
  folder = scratch();
  simulator = await simulate({ seed, detections: 300, spanDays: 20 });
  sink.documents = [];
  opened = openPipeline(
    testConfig(simulator.url, folder.path, { reading: { page_size: 20, max_window_records: 60 } }),
    { sink },
  );
});
afterEach(async () => {
  await opened.close();
  await simulator.close();
  folder.remove();
});

const ids = () => sink.documents.map(({ id }) => id);

test('a walk that is left ends behind its page, and goes on from there', async () => {
  const { pipeline } = opened;
  const walk = wholeRange(simulator);
  for (let turn = 1; ; turn++) {
    const leave = new AbortController();
    let pages = 0;
    const seen = pipeline.events.seen;
    pipeline.events.seen = (id, records) => {
      seen(id, records);
      if (++pages === 4) leave.abort();
    };
    const isWhole = await runWalk(pipeline, walk, never, { leave: leave.signal });
    pipeline.events.seen = seen;
    if (turn === 1) {
      expect(isWhole).toBe(false);
      expect(ids().length).toBeGreaterThan(0);
      expect(ids().length).toBeLessThan(300);
    }
    if (isWhole) break;
    expect(turn).toBeLessThan(100);
  }
  expect(ids().sort()).toEqual(expectedIds(simulator));
});

test('a walk whose vendor does not answer is left all the same', async () => {
  const { pipeline } = opened;
  const leave = new AbortController();
  const json = ({ signal }: { signal: AbortSignal }) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const hanging = { ...pipeline, client: { ...pipeline.client, json } };
  const walk = runWalk(hanging, wholeRange(simulator), never, { leave: leave.signal });
  setTimeout(() => leave.abort(), 100);
  expect(await walk).toBe(false);
}, 30_000);

test('a sweep does not go on with a backfill that was cancelled, until something else has read its range', async () => {
  const { pipeline, store } = opened;
  const range = wholeRange(simulator).range;
  const id = store.addJob({ kind: 'backfill', range, pipelines: [pipeline.name], as: undefined });
  const job = store.jobs()[0];
  if (job === undefined) throw new Error('no job');
  const leave = new AbortController();
  pipeline.events.seen = () => leave.abort();
  expect(await runWalk(pipeline, walkOf(job), never, { leave: leave.signal })).toBe(false);
  const sweep = { rangeMs: 400 * 86_400_000, everyMs: 1000 };
  expect(sweepWalk(pipeline, sweep, true)?.range.fromMs).toBe(range.fromMs);
  expect(switchJob(store, id, 'cancel').status).toBe('cancelled');
  expect(endWalks(store, job, Date.now())).toBe(true);
  expect(sweepWalk(pipeline, sweep, true)?.range.fromMs).toBeGreaterThanOrEqual(
    Math.min(range.toMs, Date.now() - 1000),
  );
  expect(jobViews(store, { nowMs: Date.now() })).toEqual([]);
  await runWalk(pipeline, { ...wholeRange(simulator), id: 'backfill-9' }, never);
  expect(sweepWalk(pipeline, sweep, true)?.range.fromMs).toBe(range.fromMs);
  expect(ids().sort()).toEqual(expectedIds(simulator));
});

test('run leaves a job that is paused and a source that is paused, and goes on with both', async () => {
  const { pipeline, store } = opened;
  const range = wholeRange(simulator).range;
  const id = store.addJob({ kind: 'backfill', range, pipelines: [pipeline.name], as: undefined });
  switchJob(store, id, 'pause');
  pauseReading(store, [{ source: 'acme', streams: undefined }], {
    nowMs: Date.now(),
    forMs: undefined,
    reason: 'test',
  });
  const switches = openSwitches(store, { now: Date.now, log });
  const stop = new AbortController();
  const paused: (string | undefined)[] = [];
  pipeline.events.paused = (pause) => paused.push(pause?.reason);
  const schedule = { ...pipeline.reading, lookbackMs: 400 * 86_400_000, pollMs: 200, liveRangeMs: 1, sweeps: [] };
  const running = runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false, switches });
  await sleep(1500);
  expect(ids()).toEqual([]);
  expect(paused).toContain('test');
  resumeReading(store, [{ source: 'acme', streams: undefined }], () => []);
  while (pipeline.state.walk('live')?.finishedAtMs === undefined) await sleep(50);
  await sleep(1500);
  expect(pipeline.state.walk(`backfill-${id}`)).toBeUndefined(); // the job is still paused
  switchJob(store, id, 'resume');
  while (pipeline.state.walk(`backfill-${id}`)?.finishedAtMs === undefined) await sleep(50);
  stop.abort();
  await running;
  switches.close();
  expect(ids().sort()).toEqual(expectedIds(simulator));
}, 60_000);

test('of a source that is paused, one stream can go on', () => {
  const { store } = opened;
  const [nowMs, forMs, reason] = [1000, 500, undefined];
  const all = () => ['x.a', 'x.b', 'x.c'];
  pauseReading(store, [{ source: 's', streams: undefined }], { nowMs, forMs, reason });
  expect(pauseOf(store.pauses(), 's/x.b/files', 1200)).toMatchObject({ stream: undefined, untilMs: 1500 });
  expect(pauseOf(store.pauses(), 't/x.b/files', 1200)).toBeUndefined();
  expect(pauseOf(store.pauses(), 's/x.b/files', 1500)).toBeUndefined();
  const ended = resumeReading(store, [{ source: 's', streams: ['x.b'] }], all);
  expect(ended).toMatchObject([{ source: 's', stream: 'x.b' }]);
  expect(store.pauses().map(({ stream }) => stream)).toEqual(['x.a', 'x.c']);
  expect(resumeReading(store, [{ source: 's', streams: ['x.b'] }], all)).toEqual([]);
  expect(resumeReading(store, [{ source: 's', streams: undefined }], all)).toHaveLength(2);
});
