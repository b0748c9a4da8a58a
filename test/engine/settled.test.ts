/** A state that is kept elsewhere: nothing is sent before it has everything, and nothing at all once another has followed. */
import { afterEach, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { seed } from '../seed.ts';
import { expectedIds, memorySink, openPipeline, scratch, simulate, testConfig, wholeRange } from './harness.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function begin() {
  const folder = scratch();
  const simulator = await simulate({ seed, detections: 120 });
  const sink = memorySink();
  const { pipeline, close } = openPipeline(testConfig(simulator.url, folder.path), { sink });
  cleanups.push(folder.remove, simulator.close, close);
  return { simulator, sink, pipeline };
}

test('each batch waits until it is settled, and its records are claimed until its commit is', async () => {
  const { simulator, sink, pipeline } = await begin();
  const order: string[] = [];
  const { state } = pipeline;
  pipeline.state = {
    ...state,
    prepare: (...args) => {
      order.push('prepare');
      state.prepare(...args);
    },
    commit: (commit) => {
      if (commit.rows.length > 0) order.push('commit');
      state.commit(commit);
    },
    async settled() {
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(pipeline.claims.size > 0 ? 'settled, claimed' : 'settled');
    },
  };
  const write = sink.write.bind(sink);
  sink.write = async (...args) => {
    order.push('write');
    return write(...args);
  };
  await runWalk(pipeline, wholeRange(simulator), never);
  expect(sink.documents.map(({ id }) => id).sort()).toEqual(expectedIds(simulator));
  const begins = order.indexOf('prepare');
  expect(order.slice(begins, begins + 5)).toEqual([
    ...['prepare', 'settled, claimed', 'write', 'commit', 'settled, claimed'],
  ]);
});

test('nothing is sent by one whom another has followed', async () => {
  const { simulator, sink, pipeline } = await begin();
  const followed = new SluiceError('another instance has taken over acme', { action: 'retry' });
  pipeline.state = { ...pipeline.state, settled: () => Promise.reject(followed) };
  await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toThrow('taken over');
  expect(sink.documents).toEqual([]);
  expect(pipeline.sinkGate.failure).toBe(followed);
});
