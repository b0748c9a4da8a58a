import { afterEach, describe, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { recover } from '../../src/engine/recover.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { seed } from '../seed.ts';
import { expectedIds, memorySink, openPipeline, scratch, simulate, testConfig, wholeRange } from './harness.ts';

const never = new AbortController().signal;
console.log(`seed ${seed}`);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(detections: number, options: object = {}): Promise<{ simulator: Simulator; folder: string }> {
  const folder = scratch();
  const simulator = await simulate({ seed, detections, ...options });
  cleanups.push(folder.remove, simulator.close);
  return { simulator, folder: folder.path };
}

describe('a pipeline', () => {
  test('delivers every detection once, with its detail; a second walk adds nothing', async () => {
    const { simulator, folder } = await start(1500);
    const sink = memorySink();
    const { pipeline, store, close } = openPipeline(
      testConfig(simulator.url, folder, { reading: { max_window_records: 400 } }),
      { sink },
    );
    cleanups.push(close);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents.map(({ id }) => id).sort()).toEqual(expectedIds(simulator));
    const before = sink.documents.length;
    await runWalk(pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect(sink.documents.length).toBe(before);
    const ledger = store
      .pipeline(pipeline.name)
      .ledger(1000)
      .filter(({ walk }) => walk === 'backfill-1');
    expect(ledger.every(({ settled }) => settled)).toBe(true);
    expect(ledger.reduce((sum, row) => sum + row.delivered, 0)).toBe(1500);
    expect(simulator.stats().forbiddenCalls).toBe(0);
  });

  test('two walks at the same time ship nothing twice', async () => {
    const { simulator, folder } = await start(600);
    const sink = memorySink();
    const { pipeline, close } = openPipeline(testConfig(simulator.url, folder), { sink });
    cleanups.push(close);
    await Promise.all(
      ['backfill-1', 'backfill-2', 'sweep-1'].map((id) => runWalk(pipeline, wholeRange(simulator, id), never)),
    );
    expect(sink.documents.map(({ id }) => id).sort()).toEqual(expectedIds(simulator));
  });

  test('a stop in the middle commits what is settled, and the walk goes on where it was', async () => {
    const { simulator, folder } = await start(800, { latencyMs: 2 });
    const sink = memorySink();
    const first = openPipeline(testConfig(simulator.url, folder, { reading: { max_window_records: 200 } }), { sink });
    const stop = new AbortController();
    const write = sink.write.bind(sink);
    sink.write = async (batch, signal) => {
      stop.abort(); // in the middle: there is a first batch, and there are others to come
      return write(batch, signal);
    };
    await expect(runWalk(first.pipeline, wholeRange(simulator), stop.signal)).rejects.toThrow();
    await first.close();
    const shipped = sink.documents.length;
    expect(shipped).toBeGreaterThan(0);
    expect(shipped).toBeLessThan(800);
    sink.write = write;
    const second = openPipeline(testConfig(simulator.url, folder, { reading: { max_window_records: 200 } }), { sink });
    cleanups.push(second.close);
    await recover(second.pipeline);
    await runWalk(second.pipeline, wholeRange(simulator), never);
    expect(sink.documents.map(({ id }) => id).sort()).toEqual(expectedIds(simulator));
  });

  test('a batch that arrived although its write failed is not sent again', async () => {
    const { simulator, folder } = await start(300);
    const sink = memorySink();
    const { pipeline, close } = openPipeline(testConfig(simulator.url, folder), { sink });
    cleanups.push(close);
    const write = sink.write.bind(sink);
    let failed = 0;
    sink.write = async (batch, signal) => {
      const written = await write(batch, signal);
      if (failed++ === 0) throw new SluiceError('the answer was lost', { action: 'retry' });
      return written;
    };
    await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toThrow('the answer was lost');
    expect(pipeline.sinkGate.failure).toBeInstanceOf(SluiceError);
    await recover(pipeline);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents.map(({ id }) => id).sort()).toEqual(expectedIds(simulator));
  });

  test('rejections are kept with their reason, count as seen, and hold up nothing', async () => {
    const { simulator, folder } = await start(100);
    const sink = memorySink();
    const { pipeline, store, close } = openPipeline(testConfig(simulator.url, folder), { sink });
    cleanups.push(close);
    sink.write = async (batch) => ({
      rejections: batch.documents
        .slice(0, 3)
        .map(({ id }) => ({ id, type: 'document_parsing_exception', reason: 'no', field: 'a.b' })),
      receipt: null,
    });
    await runWalk(pipeline, wholeRange(simulator), never);
    const kept = store.rejections({ limit: 1000 });
    expect(kept.length).toBeGreaterThanOrEqual(3);
    expect(kept[0]).toMatchObject({ pipeline: pipeline.name, reason: 'no', field: 'a.b' });
    expect(JSON.parse(kept[0]?.document ?? '')).toHaveProperty('event.id', kept[0]?.key);
    await runWalk(pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect(store.rejections({ limit: 1000 }).length).toBe(kept.length);
  });
});
