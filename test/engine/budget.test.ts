/** The rate limit under a clock that is moved by hand: no right to send is lost, none is given twice, and refusals lower it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBudget } from '../../src/net/budget.ts';
import { createRateLimit } from '../../src/net/rate-limit.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;
const answer = (status: number, sentAtMs = now()) => ({ status, sentAtMs, isThrottled: status === 429 });

/** By how much the clock went on while nothing ran: timers are late by so much. */
let busyMs = 0;
const now = () => performance.now() + busyMs;

/** Sends as many as it may, each answered after `latencyMs`; returns when each was sent. */
function keepAsking(perSecond: number, { concurrency = 20, latencyMs = 50, calls = 21_000 } = {}): number[] {
  const limit = createRateLimit({ requestsPerSecond: perSecond, concurrency }, now);
  const sentAt: number[] = [];
  for (let call = 0; call < calls; call++) {
    void limit('backfill', never, () => {
      sentAt.push(performance.now());
      return new Promise((resolve) => setTimeout(resolve, latencyMs));
    });
  }
  return sentAt;
}

test.each([0.5, 3, 7, 10, 60, 333])(
  'at %d a second every right is used while calls wait, none twice',
  async (perSecond) => {
    const sentAt = keepAsking(perSecond);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sentAt.length).toBeGreaterThanOrEqual(Math.floor(60 * perSecond * 0.999));
    expect(sentAt.length).toBeLessThanOrEqual(60 * perSecond + Math.max(1, perSecond / 10) + 1);
  },
);

test('a place is free as soon as a request has ended: 20 at a time, 50 ms each, are 400 a second', async () => {
  const sentAt = keepAsking(100_000);
  await vi.advanceTimersByTimeAsync(9999);
  expect(sentAt).toHaveLength(4000);
});

test('what waited while the process was busy is made up for; of a long pause a quarter of a second is', async () => {
  const sentAt = keepAsking(20);
  await vi.advanceTimersByTimeAsync(10_000);
  const before = sentAt.length;
  busyMs += 200;
  await vi.advanceTimersByTimeAsync(800);
  expect(sentAt.length - before).toBeGreaterThanOrEqual(19);
  const later = sentAt.length;
  busyMs += 60_000;
  await vi.advanceTimersByTimeAsync(49);
  expect(sentAt.length - later).toBeLessThanOrEqual(8); // five, and the two of the usual burst
});

test('where nothing waited, a tenth of a second begins at once', async () => {
  const limit = createRateLimit({ requestsPerSecond: 50, concurrency: 100 }, now);
  await vi.advanceTimersByTimeAsync(60_000);
  let sent = 0;
  for (let call = 0; call < 100; call++) void limit('live', never, async () => sent++);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toBe(5);
});

test('a call of the live edge that comes while others wait for the clock goes first', async () => {
  const limit = createRateLimit({ requestsPerSecond: 1, concurrency: 4 }, now);
  const order: string[] = [];
  for (const name of ['one', 'two', 'three']) void limit('backfill', never, async () => order.push(name));
  await vi.advanceTimersByTimeAsync(500);
  void limit('live', never, async () => order.push('live'));
  await vi.advanceTimersByTimeAsync(3000);
  expect(order).toEqual(['one', 'live', 'two', 'three']);
});

test('calls that are told to stop are rejected at once, and cost nothing', async () => {
  const limit = createRateLimit({ requestsPerSecond: 1, concurrency: 4 }, now);
  const stop = new AbortController();
  const order: string[] = [];
  const all = ['one', 'two', 'three'].map((name) => limit('live', stop.signal, async () => order.push(name)));
  const outcomes = Promise.allSettled(all);
  void limit('live', never, async () => order.push('other'));
  stop.abort(new Error('told to stop'));
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  await expect(limit('live', stop.signal, async () => {})).rejects.toThrow('told to stop');
  await vi.advanceTimersByTimeAsync(1000);
  expect(order).toEqual(['one', 'other']);
});

test('refusals lower the rate, once for all that were under way, and never to nothing', async () => {
  const budget = createBudget(10, now);
  const sentAtMs = now();
  await vi.advanceTimersByTimeAsync(50);
  for (let request = 0; request < 8; request++) budget.told(answer(429, sentAtMs));
  expect(budget.rate()).toBeCloseTo(7);
  for (let round = 0; round < 50; round++) {
    await vi.advanceTimersByTimeAsync(1000);
    budget.told(answer(429));
  }
  expect(budget.rate()).toBeCloseTo(10 / 16);
});

test('answers raise it again up to what is configured, outages and idle time do not', async () => {
  const budget = createBudget(10, now);
  for (let round = 0; round < 3; round++) budget.told(answer(429));
  const lowered = budget.rate();
  for (let second = 0; second < 60; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    budget.told(answer(503));
  }
  expect(budget.rate()).toBe(lowered);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(budget.rate()).toBe(lowered);
  budget.told(answer(200));
  expect(budget.rate()).toBeCloseTo(lowered + 10 / 12);
  for (let second = 0; second < 120; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    expect(budget.rate()).toBeLessThanOrEqual(10);
    budget.told(answer(200));
  }
  expect(budget.rate()).toBe(10);
});

test('a vendor that bears less than is configured is asked about as often as it bears', async () => {
  const budget = createBudget(10, now);
  const limit = createRateLimit({ requestsPerSecond: 10, concurrency: 8, budget }, now);
  let allowed = 0;
  let refused = 0;
  let tokens = 4; // the vendor bears 4 a second
  for (let tick = 0; tick < 3000; tick++)
    setTimeout(() => {
      tokens = Math.min(4, tokens + 0.4);
    }, tick * 100);
  const askOn = (): unknown =>
    limit('backfill', never, async () => {
      const sentAtMs = now();
      const bears = tokens >= 1;
      if (bears) tokens -= 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      budget.told(answer(bears ? 200 : 429, sentAtMs));
      if (bears) allowed++;
      else refused++;
    }).then(askOn);
  for (let worker = 0; worker < 8; worker++) askOn();
  await vi.advanceTimersByTimeAsync(300_000);
  expect(allowed).toBeGreaterThan(300 * 4 * 0.75);
  expect(refused).toBeLessThan(allowed * 0.05);
});

test('one place is kept for the live edge, where there is one', async () => {
  const limit = createRateLimit({ requestsPerSecond: 1000, concurrency: 4 }, now);
  let slow = 0;
  for (let call = 0; call < 10; call++) {
    void limit('backfill', never, () => {
      slow++;
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    });
  }
  expect(slow).toBe(4); // nobody reads a live edge
  let isAnswered = false;
  const answered = limit('live', never, async () => {
    isAnswered = true;
  });
  await vi.advanceTimersByTimeAsync(60_100);
  await answered;
  await vi.advanceTimersByTimeAsync(10);
  expect([slow, isAnswered]).toEqual([7, true]);
  isAnswered = false;
  void limit('live', never, async () => {
    isAnswered = true;
  });
  await vi.advanceTimersByTimeAsync(10);
  expect(isAnswered).toBe(true);
});
