import { expect, test } from 'vitest';
import { createOrder, type Order } from '../../simulator/detections/order.ts';
import { drawsFor, scramble, unscramble } from '../../simulator/hash.ts';
import { detectionId, phoneticId, phoneticRank, serialOf } from '../../simulator/ids.ts';
import { createTimeline, isoText, readTime, type Timeline, writeTime } from '../../simulator/times.ts';
import { SEED } from './client.ts';

const draws = drawsFor(SEED, 0, 999);

test(`scrambling can be undone (seed ${SEED})`, () => {
  for (let count = 0; count < 700; count++) {
    const value = draws.next();
    expect(unscramble(scramble(value))).toBe(value);
  }
});

test(`ids carry their serial, and only for their own seed (seed ${SEED})`, () => {
  for (let count = 0; count < 700; count++) {
    const serial = draws.below(100_000_000);
    const id = detectionId(SEED, serial);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(serialOf(SEED, id)).toBe(serial);
    expect(serialOf(SEED, id.toUpperCase())).toBe(serial);
    expect(serialOf(SEED + 1, id)).toBeUndefined();
  }
});

test(`phonetic ids sort as their ranks do (seed ${SEED})`, () => {
  const serials = Array.from({ length: 500 }, (_, serial) => serial);
  const byRank = [...serials].sort((a, b) => phoneticRank(SEED, a) - phoneticRank(SEED, b));
  const texts = byRank.map((serial) => phoneticId(SEED, serial));
  expect([...texts].sort()).toEqual(texts);
});

test(`times are written as the instant they are (seed ${SEED})`, () => {
  for (let count = 0; count < 1000; count++) {
    const time = draws.below(4_000_000) * 1_000_000 + draws.below(1_000_000) * (draws.chance(0.5) ? 1 : 1000);
    expect(`${isoText(time)}Z`).toBe(new Date(time).toISOString());
    expect(readTime(writeTime(time, draws.next(), draws.chance(0.5)))).toBe(time);
  }
  expect(readTime('2026-02-30T99:00:00Z')).toBeUndefined();
  expect(readTime('now')).toBeUndefined();
});

test(`time never runs backwards, and searching agrees with looking (seed ${SEED})`, () => {
  for (const count of [0, 1, 2, 700, 5000]) {
    const timeline = createTimeline(SEED, count, 1_700_000_000_000, 1_700_500_000_000);
    const times = Array.from({ length: count }, (_, serial) => timeline.at(serial));
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    for (const time of [...times.slice(0, 50), ...times.slice(-5), 1_700_100_000_000]) {
      expect(timeline.search(time, false)).toBe(times.filter((other) => other < time).length);
      expect(timeline.search(time, true)).toBe(times.filter((other) => other <= time).length);
    }
  }
});

/** The same order, kept the slow way. */
function naiveOrder(
  timeline: Timeline,
  changes: { added: { serial: number; time: number }[]; removed: Set<number> },
): number[] {
  const all = Array.from({ length: timeline.count }, (_, serial) => ({ serial, time: timeline.at(serial) }));
  const kept = [...all, ...changes.added].filter(({ serial }) => !changes.removed.has(serial));
  return kept.sort((a, b) => a.time - b.time || a.serial - b.serial).map(({ serial }) => serial);
}

function checkRanges(order: Order, expected: number[]): void {
  expect(order.size()).toBe(expected.length);
  expect(order.slice(0, order.size())).toEqual(expected);
  for (let count = 0; count < 10; count++) {
    const from = draws.below(expected.length + 1);
    expect(order.slice(from, from + 17)).toEqual(expected.slice(from, from + 17));
  }
}

test(`the order with arrivals and deletions is the order of a list that is sorted (seed ${SEED})`, () => {
  const timeline = createTimeline(SEED, 300, 1_700_000_000_000, 1_700_000_300_000);
  const order = createOrder(timeline);
  const added: { serial: number; time: number }[] = [];
  const removed = new Set<number>();
  for (let step = 0; step < 120; step++) {
    if (draws.chance(0.5)) {
      const extra = { serial: 300 + added.length, time: 1_700_000_000_000 + draws.below(310) * 1000, received: 0 };
      added.push(extra);
      order.insert(extra);
    } else {
      const serial = draws.below(300 + added.length);
      removed.add(serial);
      order.remove(serial);
      expect(order.exists(serial)).toBe(false);
    }
    if (step % 10 === 9) checkRanges(order, naiveOrder(timeline, { added, removed }));
  }
  const time = 1_700_000_150_000;
  const before = added.concat(Array.from({ length: 300 }, (_, serial) => ({ serial, time: timeline.at(serial) })));
  const living = before.filter(({ serial }) => !removed.has(serial));
  expect(order.rankOf(time, false)).toBe(living.filter((entry) => entry.time < time).length);
  expect(order.rankOf(time, true)).toBe(living.filter((entry) => entry.time <= time).length);
});
