import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createRateLimit } from '../../src/net/rate-limit.ts';
import { retryAfterMs } from '../../src/net/retry.ts';

const never = new AbortController().signal;

describe('retry', () => {
  test('Retry-After in seconds and as a date', () => {
    expect(retryAfterMs('3', 0)).toBe(3000);
    expect(retryAfterMs(new Date(10_000).toUTCString(), 4000)).toBe(6000);
    for (const none of ['soon', '', '0', '0.2', '-5', new Date(0).toUTCString(), null])
      expect(retryAfterMs(none, 4000)).toBeUndefined(); // else nobody would wait at all
  });
});

describe('rate limit', () => {
  test('calls that were told to stop do not wait for their turn', async () => {
    const budget = createRateLimit({ requestsPerSecond: 2, concurrency: 1 });
    const stop = new AbortController();
    const calls = Array.from({ length: 50 }, () => budget('live', stop.signal, async () => 'done'));
    const outcomes = Promise.allSettled(calls);
    const startedAt = performance.now();
    stop.abort();
    await outcomes;
    expect(performance.now() - startedAt).toBeLessThan(5000); // 25 s at their rate
  });

  test('bounds how many are under way', async () => {
    const budget = createRateLimit({ requestsPerSecond: 100_000, concurrency: 3 });
    let now = 0;
    let most = 0;
    const call = async () => {
      most = Math.max(most, ++now);
      await sleep(2);
      now--;
    };
    await Promise.all(Array.from({ length: 20 }, () => budget('live', never, call)));
    expect(most).toBe(3);
  });

  test('live goes before backfill, and a failure frees its place', async () => {
    const budget = createRateLimit({ requestsPerSecond: 100_000, concurrency: 1 });
    const order: string[] = [];
    const call = (name: string) => async () => {
      order.push(name);
      await sleep(1);
      if (name === 'b1') throw new Error(name);
    };
    const all = [
      budget('backfill', never, call('b1')),
      budget('backfill', never, call('b2')),
      budget('live', never, call('l1')),
      budget('live', never, call('l2')),
    ];
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(order.indexOf('l1')).toBeLessThan(order.indexOf('b2'));
    expect(order.indexOf('l2')).toBeLessThan(order.indexOf('b2'));
  });

  test('walks take turns, however many calls one of them waits for', async () => {
    const budget = createRateLimit({ requestsPerSecond: 100_000, concurrency: 1 });
    const order: string[] = [];
    const [refresh, sweep] = [new AbortController().signal, new AbortController().signal];
    const ask = (walk: AbortSignal, name: string) => budget('backfill', walk, async () => void order.push(name));
    const details = Array.from({ length: 500 }, (_, index) => ask(refresh, `detail ${index}`));
    await Promise.all([...details, ask(sweep, 'list 1').then(() => ask(sweep, 'list 2'))]);
    expect(order).toHaveLength(502);
    expect(order.indexOf('list 1')).toBeLessThan(4);
    expect(order.indexOf('list 2')).toBeLessThan(8);
    expect(order.filter((name) => name !== 'list 1' && name !== 'list 2')).toEqual(
      Array.from({ length: 500 }, (_, index) => `detail ${index}`),
    );
  });

  test('begins no more requests a second than allowed', async () => {
    const budget = createRateLimit({ requestsPerSecond: 50, concurrency: 8 });
    const starts: number[] = [];
    await Promise.all(
      Array.from({ length: 25 }, () => budget('live', never, async () => void starts.push(performance.now()))),
    );
    const span = (starts.at(-1) as number) - (starts[0] as number);
    expect(span).toBeGreaterThanOrEqual(((25 - 6) / 50) * 1000); // 5 at once, then one every 20 ms
  });
});
