/** A full store of rejections blocks, and too many of them stop a pipeline: nothing is dropped, nothing is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { OutDocument } from '../../src/api/sink.ts';
import { createRejectionLimits } from '../../src/engine/rejection-limits.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { runWalk } from '../../src/engine/walk.ts';
import type { StoredRejection } from '../../src/state/store.ts';
import { expectedIds, memorySink, openPipeline, scratch, simulate, testConfig, wholeRange } from './harness.ts';

const never = new AbortController().signal;

/** A sink that rejects what it is told to, and keeps the ids of what it takes and of what it was sent. */
function picky(refuses: (document: OutDocument) => boolean) {
  const sink = memorySink();
  const sent: string[] = [];
  sink.write = async ({ documents }) => {
    sent.push(...documents.map(({ id }) => id));
    const refused = documents.filter(refuses);
    sink.documents.push(...documents.filter((one) => !refused.includes(one)));
    const rejections = refused.map(({ id }) => ({ id, type: 'document_parsing_exception', reason: 'why', field: 'x' }));
    return { rejections, receipt: null };
  };
  return { sink, sent };
}

test('a full store blocks before anything more is sent, says what to do, and goes on by itself once there is room', async () => {
  const simulator = await simulate({ seed: 8, detections: 300 });
  const place = scratch();
  let isMended = false;
  const { sink, sent } = picky(() => !isMended);
  const config = testConfig(simulator.url, place.path, {
    reading: { details: false, page_size: 50 },
    batch: { documents: 50 },
  });
  config.rejections = { maxDocuments: 100, maxBytes: 2 ** 30, stopAbove: undefined };
  const { pipeline, store, close } = openPipeline(config, { sink });
  const said: (string | undefined)[] = [];
  const limits = createRejectionLimits(config.rejections, pipeline.state, (why) => said.push(why?.message));
  pipeline.rejections = limits;
  try {
    await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toThrow(
      /store of rejected documents is full/,
    );
    const { rejections } = pipeline.state.counts();
    expect(rejections).toBe(sent.length);
    expect(rejections).toBeGreaterThanOrEqual(100);
    expect(rejections).toBeLessThan(100 + 50 + 1);
    expect(said).toEqual(expect.arrayContaining([expect.stringMatching(/full \(1\d\d documents, 1 MiB\)/)]));

    const blockedAt = sent.length;
    const stop = new AbortController();
    store.addJob({ kind: 'backfill', range: wholeRange(simulator).range, pipelines: [pipeline.name], as: undefined });
    const schedule = { pollMs: 1000, snapshotMs: 1000, liveRangeMs: 1000, lookbackMs: 1000, sweeps: [] };
    const running = runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false }).catch(
      (error: unknown) => error,
    );
    await sleep(300);
    expect(sent.length).toBe(blockedAt);
    stop.abort();
    await running;

    isMended = true;
    const ids = pipeline.state.rejected(1000).map(({ id }) => id);
    expect(pipeline.state.drop(ids)).toBe(ids.length);
    pipeline.sinkGate.open(); // as `recover` does
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(said.at(-1)).toBeUndefined();
    expect([...sink.documents.map(({ id }) => id), ...ids].sort()).toEqual([...new Set(sent)].sort());
    expect(new Set(sent).size).toBe(expectedIds(simulator).length);
    expect(pipeline.state.counts()).toMatchObject({ rejections: 0, dropped: ids.length });
  } finally {
    await close();
    await simulator.close();
    place.remove();
  }
});

test('a share of rejections above the limit stops the pipeline, with everything in the store that was committed', async () => {
  const simulator = await simulate({ seed: 9, detections: 2500 });
  const place = scratch();
  let count = 0;
  const { sink, sent } = picky(() => count++ % 10 < 3);
  const config = testConfig(simulator.url, place.path, { reading: { details: false }, batch: { documents: 100 } });
  config.rejections.stopAbove = 25;
  const { pipeline, close } = openPipeline(config, { sink });
  try {
    const failed = runWalk(pipeline, wholeRange(simulator), never);
    await expect(failed).rejects.toMatchObject({ action: 'stop', message: expect.stringMatching(/more than 25 %/) });
    expect(sent.length).toBeGreaterThanOrEqual(1000);
    expect(sent.length).toBeLessThan(2500);
    const { records, rejections } = pipeline.state.counts();
    expect(rejections + sink.documents.length).toBe(sent.length);
    expect(records).toBe(sent.length);
  } finally {
    await close();
    await simulator.close();
    place.remove();
  }
});

test('a share is counted over whole batches, of at least a thousand documents, and a state is measured anew when it seems full', () => {
  let bytes = 0;
  const settings = { maxDocuments: 10, maxBytes: 100, stopAbove: 50 };
  const limits = createRejectionLimits(settings, { rejectedSize: () => ({ documents: 1, bytes }) }, () => {});
  const refused = (count: number) => Array.from({ length: count }, () => ({ document: '' }) as StoredRejection);
  limits.took(900, refused(900));
  limits.require();
  limits.took(900, []);
  limits.require(); // exactly half
  limits.took(1000, refused(500));
  limits.require(); // half of the last 1000: what was before is left out; and 500 seem to be too many for the store, which has 1
  limits.took(1, refused(1));
  expect(() => limits.require()).toThrow(/501 of the last 1001/);
  bytes = 100;
  const full = createRejectionLimits(
    { ...settings, stopAbove: undefined },
    { rejectedSize: () => ({ documents: 1, bytes }) },
    () => {},
  );
  expect(() => full.require()).toThrow(/full/);
});
