/** What is left of a job, from the parts that the vendor has counted. */
import { expect, test } from 'vitest';
import { listRequests, type ReadingFacts, workOf } from '../../src/engine/jobs/estimate.ts';
import { givesWay } from '../../src/engine/jobs/hold-up.ts';
import type { JobPart } from '../../src/state/jobs/parts.ts';

const FACTS: ReadingFacts = {
  ...{ pageSize: 100, maxWindowRecords: 1000, requestsPerSecond: 10, hasDetails: true, mode: 'windows' },
};

function part(fromMs: number, toMs: number, counted: number, more: Partial<JobPart> = {}): JobPart {
  const counts = { known: 0, listed: 0, finished: 0, documents: 0, rejected: 0, listRequests: 1, detailRequests: 0 };
  return { range: { fromMs, toMs }, counted, ...counts, workedMs: 0, atMs: 1, ...more };
}

test('a list costs each page twice', () => {
  expect(listRequests(250, FACTS)).toBe(2 * 3);
  expect(listRequests(0, FACTS)).toBe(2);
  expect(listRequests(250, { ...FACTS, mode: 'snapshot' })).toBe(2 * 3);
  expect(listRequests(7, { ...FACTS, mode: 'children' })).toBe(7);
  expect(listRequests(10_000, FACTS)).toBeGreaterThan(200);
});

test('before the first count nobody can tell', () => {
  expect(workOf([], FACTS)).toMatchObject({ records: undefined, requestsLeft: undefined, pace: undefined });
});

test('what is split counts once: finished windows, the one at hand, and what is not counted yet', () => {
  const parts = [
    part(0, 100, 3000, { atMs: 1 }),
    part(0, 25, 700, { finished: 700, documents: 700, listRequests: 15, detailRequests: 700, atMs: 5 }),
    part(25, 50, 800, { finished: 300, documents: 300, listRequests: 9, detailRequests: 300, atMs: 9 }),
  ];
  const work = workOf(parts, FACTS);
  expect(work).toMatchObject({ records: 3000, finished: 1000, requests: 1025 });
  // 500 of this window, 1500 behind it, a detail each; the rest of 17 list requests, and those of three windows.
  expect(work.requestsLeft).toBeGreaterThan(2000 + 8);
  expect(work.requestsLeft).toBeLessThan(2000 + 8 + 60);
});

test('records that were known when they were counted cost no detail', () => {
  const all = workOf([part(0, 100, 900, { known: 900, listed: 100, finished: 100 })], FACTS);
  expect(all.requestsLeft).toBe(17); // of 2 × 9, without the one that was made
  const half = workOf([part(0, 100, 900, { known: 450 })], FACTS);
  expect(half.requestsLeft).toBe(17 + 450);
  // The known ones came first: all new ones are still to come.
  const first = workOf([part(0, 100, 900, { known: 450, listed: 500, finished: 450 })], FACTS);
  expect(first.requestsLeft).toBe(17 + 450);
});

test('a detail costs as many requests as it took so far', () => {
  const work = workOf(
    [part(0, 100, 900, { finished: 300, documents: 290, rejected: 10, detailRequests: 600, listRequests: 19 })],
    FACTS,
  );
  expect(work.requestsLeft).toBe(600 * 2);
});

test('a window that was left in the middle and counted anew begins anew', () => {
  const parts = [
    part(0, 100, 2000, { atMs: 1 }),
    part(0, 50, 900, { finished: 900, atMs: 3, documents: 900, detailRequests: 900 }),
    part(50, 100, 1100, { atMs: 9 }),
    part(50, 75, 0, { finished: 0, atMs: 5, detailRequests: 200, documents: 200 }),
  ];
  const work = workOf(parts, FACTS);
  expect(work).toMatchObject({ records: 2000, finished: 900, documents: 1100 });
  expect(work.requestsLeft).toBe(24 + 900); // 200 of the second half were shipped before it was left
});

test('the pace is that of the last minute of work', () => {
  const slow = part(0, 50, 10, { workedMs: 600_000, detailRequests: 599, atMs: 1 });
  const fast = part(50, 100, 10, { workedMs: 60_000, detailRequests: 1199, atMs: 9 });
  expect(workOf([slow, fast], FACTS).pace).toBe(20);
  expect(workOf([part(0, 1, 10, { workedMs: 900, detailRequests: 500 })], FACTS).pace).toBeUndefined();
});

test('a job that does not move while its requests wait for their turn gives way to the live edge', () => {
  const traffic = (ms: number) => ({ longestWaitMs: () => ms, requestsPerSecond: 2 });
  const parts = [part(0, 1, 5, { atMs: 10_000 })];
  expect(givesWay(parts, traffic(9000), 16_000)).toMatch(/^the live edge, which goes first: .*\(2 requests a second\)/);
  expect(givesWay(parts, traffic(100), 16_000)).toBeUndefined();
  expect(givesWay(parts, traffic(9000), 12_000)).toBeUndefined();
  expect(givesWay([], traffic(9000), 16_000)).toBeUndefined();
});
