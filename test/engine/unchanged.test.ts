/** Replies that say by what they can be told apart: the second reading asks for what has changed, and nothing else differs. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { conditionOf, validatorsOf } from '../../src/net/wire/validators.ts';
import { memorySink, openPipeline, scratch, simulate, testConfig, wholeRange } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const never = new AbortController().signal;

describe('what a reply can be asked for by', () => {
  const date = 'Sat, 28 Nov 2026 12:10:00 GMT';
  const saidOf = (headers: Record<string, string>) =>
    validatorsOf({ headers: { get: (name) => headers[name] ?? null } }, 'digest');

  test.each([
    [{ etag: '"abc"' }, { 'if-none-match': '"abc"' }],
    [{ etag: 'W/"a/b=="', 'last-modified': 'Sat, 28 Nov 2026 12:00:00 GMT', date }, { 'if-none-match': 'W/"a/b=="' }],
    [
      { 'last-modified': 'Sat, 28 Nov 2026 12:00:00 GMT', date },
      { 'if-modified-since': 'Sat, 28 Nov 2026 12:00:00 GMT' },
    ],
  ])('%j', (headers, condition) => {
    const said = saidOf(headers);
    expect(said?.digest).toBe('digest');
    expect(conditionOf(said)).toEqual(condition);
  });

  test.each([
    [{}],
    [{ etag: 'abc' }],
    [{ etag: '"a"\r\nx: "b"' }],
    [{ 'last-modified': 'Sat, 28 Nov 2026 12:00:00 GMT' }],
    [{ 'last-modified': 'Sat, 28 Nov 2026 12:09:30 GMT', date }], // it may change again within its second
    [{ 'last-modified': 'Sat, 28 Nov 2026 13:00:00 GMT', date }],
    [{ 'last-modified': 'yesterday', date }],
  ])('nothing by %j', (headers) => {
    expect(saidOf(headers)).toBeUndefined();
    expect(conditionOf(saidOf(headers))).toEqual({});
  });
});

async function backfilled(validators: 'etag' | 'weak-etag' | 'last-modified' | undefined) {
  const simulator: Simulator = await simulate({ seed: 3, detections: 1000, validators });
  const folder = scratch();
  const sink = memorySink();
  const reading = { details: false, page_size: 200 };
  const opened = openPipeline(testConfig(simulator.url, folder.path, { reading }), {
    sink,
  });
  cleanUps.push(folder.remove, () => simulator.close(), opened.close);
  await runWalk(opened.pipeline, wholeRange(simulator), never);
  const { byEndpoint, byStatus } = simulator.stats();
  const lists = byEndpoint.list;
  return { simulator, sink, lists, unchanged: byStatus[304] ?? 0 };
}

test.each(['etag', 'weak-etag', 'last-modified'] as const)(
  'two readings of 1,000 records are 10 requests, of which 5 are answered without a body: %s',
  async (validators) => {
    const { sink, lists, unchanged } = await backfilled(validators);
    const usual = await backfilled(undefined);
    expect([lists, unchanged]).toEqual([10, 5]);
    expect([usual.lists, usual.unchanged]).toEqual([10, 0]);
    expect(sink.documents.map(({ id }) => id).sort()).toEqual(usual.sink.documents.map(({ id }) => id).sort());
    expect(sink.documents.length).toBe(1000);
  },
);
