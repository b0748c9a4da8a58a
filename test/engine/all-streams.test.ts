/** Every stream against the simulator, as it is and as it changes: what arrives is exactly what a perfect connector ships. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import {
  type FaultPlan,
  itemsOfEach,
  resourceOf,
  type Simulator,
  streamsBeside,
  type TruthStream,
} from '../../simulator/index.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { ChildRow } from '../../src/api/walk.ts';
import { recover } from '../../src/engine/recover.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { confirmAllCommitted } from '../e2e/committed.ts';
import { seed } from '../seed.ts';
import { expectToAddUp } from './adds-up.ts';
import {
  differences,
  documentOf,
  type MemorySink,
  memorySink,
  type Overrides,
  openPipeline,
  scratch,
  simulate,
  testConfig,
  wholeRange,
} from './harness.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const QUERIES_AND_FILES = ['cylance.instaquery', 'cylance.instaquery_result', 'cylance.retrieved_file'];
/** All of Cylance but the detections, which have tests of their own (`living.test.ts`). */
const STREAMS: TruthStream[] = streams
  .map(({ stream }) => stream.name as TruthStream)
  .filter((name) => name.startsWith('cylance.') && name !== 'cylance.detection');
const TENANT = { detections: 0, instaQueries: 24, resultsPerQuery: 30, retrievedFiles: 450, items: itemsOfEach(60) };
const SMALL = { instaQueries: 12, retrievedFiles: 60, items: itemsOfEach(25) };

function start(simulator: Simulator, stream: TruthStream, sink: MemorySink, overrides: Overrides = {}) {
  const folder = scratch();
  cleanups.push(folder.remove);
  const source = { streams: [stream] };
  const config = testConfig(simulator.url, folder.path, { source, ...overrides });
  return { ...openPipeline(config, { sink }), config };
}

async function simulated(options: Partial<Parameters<typeof simulate>[0]>): Promise<Simulator> {
  console.log(`seed ${seed}`);
  const simulator = await simulate({ seed, ...TENANT, ...options });
  cleanups.push(() => simulator.close());
  return simulator;
}

/** Nothing but the items of this stream, so that nothing waits for readers that are not there. */
function onlyItemsOf(stream: TruthStream): Partial<Parameters<typeof simulate>[0]> {
  const items = Object.entries(itemsOfEach(40)).filter(([name]) => name === resourceOf(stream));
  return { instaQueries: 0, retrievedFiles: 0, items: Object.fromEntries(items) };
}

describe.each(STREAMS)('%s', (stream) => {
  test('is shipped whole and once, and a second walk finds nothing new', async () => {
    const simulator = await simulated({ plantSecrets: true });
    const sink = memorySink();
    const { pipeline, close, store } = start(simulator, stream, sink);
    cleanups.push(close);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents.length).toBeGreaterThan(20);
    expect(differences(simulator, stream, sink)).toEqual([]);
    const texts = sink.documents.map(({ json }) => json.toString()).join('\n');
    expect(texts).not.toContain('PLANTED-SECRET');
    expect(texts).not.toContain('"kind":"pipeline_error"');
    await runWalk(pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect(differences(simulator, stream, sink)).toEqual([]);
    const rows = expectToAddUp(store.pipeline(pipeline.name));
    const summary = simulator.summaryOf(stream);
    const first = rows.filter(({ walk }) => walk === 'backfill-1');
    expect(first.reduce((sum, row) => sum + row.delivered, 0)).toBe(summary.revisions);
    const second = rows.filter(({ walk }) => walk === 'backfill-2');
    expect(second.every((row) => row.documents === 0 && row.unchanged === row.distinct)).toBe(true);
    expect(simulator.stats().forbiddenCalls).toBe(0);
  });

  test('in the forms that public clients read, too', async () => {
    const simulator = await simulated({ oddForms: false, plantSecrets: true });
    const sink = memorySink();
    const { pipeline, close } = start(simulator, stream, sink);
    cleanups.push(close);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents.length).toBeGreaterThan(20);
    expect(differences(simulator, stream, sink)).toEqual([]);
    const texts = sink.documents.map(({ json }) => json.toString()).join('\n');
    expect(texts).not.toMatch(/PLANTED-SECRET|"kind":"pipeline_error"/);
  });

  test.each([1, 7, 50])('in pages of %i', async (pageSize) => {
    const simulator = await simulated(SMALL);
    const sink = memorySink();
    const { pipeline, close } = start(simulator, stream, sink, { reading: { page_size: pageSize } });
    cleanups.push(close);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(differences(simulator, stream, sink)).toEqual([]);
  });

  test('of a tenant that changes: every state that was shown is a document', async () => {
    const ofThings = streamsBeside(stream).length > 0;
    const queries = { queriesGrow: 4, queriesArchived: 3, queriesDeleted: 3, filesMove: 40 };
    const living = { ...(ofThings ? { itemsMove: 8, itemsDeleted: 4 } : queries), dwellMs: 300, confirm: true };
    const simulator = await simulated(ofThings ? { ...onlyItemsOf(stream), living } : { items: {}, living });
    const sink = memorySink();
    await runUntilQuiet(simulator, stream, sink);
    expect(simulator.stats()).toMatchObject({ pending: 0 });
    expect(differences(simulator, stream, sink)).toEqual([]);
  });
});

/** What changes together runs together, since a query moves on only when its results were read, too; one is compared. */
async function runUntilQuiet(
  simulator: Simulator,
  stream: TruthStream,
  sink: MemorySink,
  overrides: Overrides = {},
  resultSink: MemorySink = memorySink(),
): Promise<Map<string, ChildRow>> {
  const stop = new AbortController();
  const together = streamsBeside(stream);
  const running = (together.length > 0 ? together : QUERIES_AND_FILES).map((name) => {
    const own = name === stream ? sink : name === 'cylance.instaquery_result' ? resultSink : memorySink();
    const opened = start(simulator, name, own, { reading: { snapshot: '1s' }, ...overrides });
    const [source] = opened.config.sources;
    if (source === undefined) throw new Error('no source');
    const fast = { snapshotMs: 150, childRepeatMs: 150 };
    const schedule = { ...source.reading, ...fast };
    opened.pipeline.reading = { ...opened.pipeline.reading, ...fast };
    const options = { schedule, store: opened.store, signal: stop.signal, once: false };
    return { opened, ended: runPipeline(opened.pipeline, options) };
  });
  const confirmer = confirmAllCommitted(simulator, ...running.map(({ opened }) => opened.config.state.path));
  cleanups.push(confirmer.stop);
  const deadline = Date.now() + 50_000;
  const failed = Promise.race(running.map(({ ended }) => ended)).then(() => {
    if (!stop.signal.aborted) throw new Error('a pipeline ended by itself');
  });
  failed.catch(() => {});
  let quietSince = Date.now();
  let last = '';
  while (Date.now() < deadline && Date.now() - quietSince < 2500) {
    await Promise.race([sleep(100), failed]);
    const now = JSON.stringify([simulator.stats().pending, sink.documents.length]);
    if (now !== last || simulator.stats().pending > 0) quietSince = Date.now();
    last = now;
  }
  stop.abort();
  await Promise.all(running.map(({ ended }) => ended));
  const ids = [...simulator.truthOf('cylance.instaquery')].map(({ id }) => id);
  const rows = running.flatMap(({ opened }) => ids.flatMap((id) => opened.pipeline.state.child(id) ?? []));
  for (const { opened } of running) expectToAddUp(opened.pipeline.state);
  await Promise.all(running.map(({ opened }) => opened.close()));
  return new Map(rows.map((row) => [row.child, row]));
}

describe('a query ends as a user expects:', () => {
  interface Story {
    actions: (string | undefined)[];
    /** `cylance.instaquery.state` of each document. */
    states: (string | undefined)[];
    child: ChildRow | undefined;
    results: number;
  }

  async function stories(): Promise<Story[]> {
    const living = { queriesGrow: 1, queriesArchived: 1, queriesDeleted: 1, dwellMs: 300, confirm: true };
    const simulator = await simulated({ instaQueries: 12, living });
    const queries = memorySink();
    const results = memorySink();
    const rows = await runUntilQuiet(simulator, 'cylance.instaquery', queries, {}, results);
    return [...new Set(queries.documents.map(({ key }) => key))].map((key) => {
      const documents = queries.documents.filter((one) => one.key === key).map(documentOf);
      const own = documents.map((one) => (one.cylance as { instaquery?: { state?: string } })?.instaquery);
      return {
        actions: documents.map(({ event }) => event.action as string | undefined),
        states: own.map((members) => members?.state),
        child: rows.get(key),
        results: results.documents.filter((one) => one.key.startsWith(`${key}/`)).length,
      };
    });
  }

  test('without hits, growing, archived half-way, deleted half-way', async () => {
    const all = await stories();
    const withoutHits = all.filter(({ states }) => states.at(-1) === 'finished_without_hits');
    expect(withoutHits.length).toBeGreaterThan(0);
    for (const { child, results } of withoutHits) {
      expect(child).toMatchObject({ status: 'complete', records: 0 });
      expect(results).toBe(0);
    }
    const ends = ['instaquery-archived', 'instaquery-deleted'];
    const grown = all.filter(({ states, actions }) => states.length > 2 && !ends.some((one) => actions.includes(one)));
    expect(grown.length).toBeGreaterThan(0);
    for (const { states, child, results } of grown) {
      expect(states.at(-1)).toBe('finished');
      expect(child?.status).toBe('complete');
      expect(results).toBeGreaterThan(0);
    }
    const archived = all.filter(({ actions }) => actions.includes('instaquery-archived'));
    expect(archived).toHaveLength(1);
    for (const { states, child, results } of archived) {
      expect(states.at(-1)).toBe('finished'); // it went on, and was read on
      expect(child?.status).toBe('complete');
      expect(results).toBeGreaterThan(0);
    }
    const deleted = all.filter(({ actions }) => actions.at(-1) === 'instaquery-deleted');
    expect(deleted).toHaveLength(1);
    for (const { states, child, results } of deleted) {
      expect(states.at(-1)).toBe('deleted');
      expect(child?.status).toBe('gone');
      expect(results).toBeGreaterThan(0); // what it had found stays
    }
  });
});

const FAULTS: Record<string, FaultPlan> = {
  'too many requests': [{ fault: 'rate-limit', every: 4, retryAfter: 'none' }],
  'server errors': [{ fault: 'server-error', every: 3 }],
  resets: [{ fault: 'reset', every: 5 }],
  'broken bodies': [{ fault: 'reset-body', every: 4 }],
  'truncated JSON': [{ fault: 'truncated-json', every: 4 }],
  'malformed JSON': [{ fault: 'malformed-json', every: 4 }],
  'pages of HTML': [{ fault: 'html-page', every: 5 }],
  'tokens that end early': [{ fault: 'token-expires-early', afterUses: 7 }],
  'moving totals': [{ fault: 'moving-totals', every: 5 }],
  'missing arrays': [{ fault: 'missing-items', every: 4 }],
};

describe.each(Object.entries(FAULTS))('under %s', (_name, faults) => {
  test.each(STREAMS)('%s is shipped whole and once', async (stream) => {
    const simulator = await simulated({ ...SMALL, retrievedFiles: 120, retrievedFilesShape: 'envelope', faults });
    const sink = memorySink();
    const { pipeline, close } = start(simulator, stream, sink, { reading: { page_size: 20 } });
    cleanups.push(close);
    for (let walk = 1; walk <= 4; walk++) {
      await recover(pipeline);
      await runWalk(pipeline, wholeRange(simulator, `backfill-${walk}`), never);
    }
    for (let walk = 1; walk <= 5 && pipeline.owed.size > 0; walk++) {
      await runWalk(pipeline, { ...wholeRange(simulator, 'refresh'), kind: 'refresh', once: true }, never);
    }
    expect(differences(simulator, stream, sink)).toEqual([]);
    expect(Object.values(simulator.stats().faultsDone).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });
});

test('a sink that fails in the middle of results loses and doubles nothing', async () => {
  const simulator = await simulated({ instaQueries: 24 });
  const sink = memorySink();
  const { pipeline, close } = start(simulator, 'cylance.instaquery_result', sink, { batch: { documents: 10 } });
  cleanups.push(close);
  const write = sink.write.bind(sink);
  let writes = 0;
  sink.write = async (batch, signal) => {
    const written = await write(batch, signal);
    if (++writes % 3 === 0) throw new Error('the answer was lost');
    return written;
  };
  for (let walk = 0; walk < 40; walk++) {
    await recover(pipeline);
    const done = await runWalk(pipeline, wholeRange(simulator), never).then(
      () => true,
      () => false,
    );
    if (done) break;
  }
  expect(writes).toBeGreaterThan(6);
  expect(differences(simulator, 'cylance.instaquery_result', sink)).toEqual([]);
  expect(documentOf(sink.documents[0] as never).event.dataset).toBe('cylance.instaquery_result');
});

test('a child is not complete while another walk still ships its results', async () => {
  const simulator = await simulated({ instaQueries: 12 });
  const sink = memorySink();
  const { pipeline, close } = start(simulator, 'cylance.instaquery_result', sink, { batch: { wait: '0s' } });
  cleanups.push(close);
  const gate = Promise.withResolvers<void>();
  sink.write = async () => {
    await gate.promise;
    throw new Error('the sink is gone');
  };
  const live = { ...wholeRange(simulator, 'live'), kind: 'live' as const };
  const first = runWalk(pipeline, live, never).catch((error: unknown) => error);
  await sleep(300); // everything is read and claimed by the first
  const second = runWalk(pipeline, wholeRange(simulator), never).catch((error: unknown) => error);
  await sleep(300);
  gate.resolve();
  await Promise.all([first, second]);
  sink.write = memorySink().write;
  const { documents } = sink;
  sink.write = async (batch) => {
    documents.push(...batch.documents);
    return { rejections: [], receipt: null };
  };
  await recover(pipeline);
  for (let walk = 0; walk < 3; walk++) await runWalk(pipeline, live, never);
  expect(differences(simulator, 'cylance.instaquery_result', sink)).toEqual([]);
});

test('a gateway that answers 404 to everything deletes nothing and ends no query', async () => {
  const simulator = await simulated({ instaQueries: 24 });
  const queries = memorySink();
  const results = memorySink();
  const one = start(simulator, 'cylance.instaquery', queries);
  const other = start(simulator, 'cylance.instaquery_result', results);
  cleanups.push(one.close, other.close);
  const walk = (name: string) => ({ ...wholeRange(simulator, name), kind: 'live' as const });
  await runWalk(one.pipeline, walk('live'), never);
  const gone = async (): Promise<never> => {
    throw new SluiceError('404', { action: 'skip' });
  };
  const parts = async function* (): AsyncGenerator<unknown[]> {
    yield* [];
    throw new SluiceError('404', { action: 'skip' });
  };
  const real = [one.pipeline.client, other.pipeline.client] as const;
  one.pipeline.client = { ...real[0], json: gone, parts };
  other.pipeline.client = { ...real[1], json: gone, parts };
  await runWalk(one.pipeline, walk('live'), never);
  await runWalk(other.pipeline, walk('live'), never);
  // The list answers, the results do not: they are known to be there.
  other.pipeline.client = { ...real[1], parts };
  for (let time = 0; time < 3; time++) await runWalk(other.pipeline, walk('live'), never);
  [one.pipeline.client, other.pipeline.client] = real;
  await runWalk(one.pipeline, walk('live'), never);
  await runWalk(other.pipeline, { ...walk('backfill-1'), kind: 'backfill' }, never);
  expect(differences(simulator, 'cylance.instaquery', queries)).toEqual([]);
  expect(differences(simulator, 'cylance.instaquery_result', results)).toEqual([]);
});
