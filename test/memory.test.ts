import { expect, test } from 'vitest';
import { jsonCost } from '../src/net/json-cost.ts';
import { createMemory, heapBytes, heapMeter } from '../src/net/memory.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const state = async (work: Promise<unknown> | undefined): Promise<unknown> =>
  work === undefined
    ? 'at once'
    : Promise.race([
        work.then((excess) => (excess === undefined ? 'now' : excess)),
        new Promise<string>((r) => setTimeout(r, 5, 'waits')),
      ]);
const text = (bytes: number): Buffer => Buffer.from(JSON.stringify('x'.repeat(bytes - 2)));
const objects = (bytes: number): Buffer => Buffer.from(`[${'{},'.repeat(bytes / 3 - 1)}1]`);

test('small replies take no room, however many', () => {
  const memory = createMemory(64 * MIB);
  for (let count = 0; count < 1000; count++) {
    const room = memory.open();
    expect(room.need(60_000, never)).toBeUndefined();
    expect(room.weigh(objects(60_000), never)).toBeUndefined();
  }
});

test('large ones wait for each other where the memory is small, and not where it is large', async () => {
  const small = createMemory(64 * MIB);
  const [first, second] = [small.open(), small.open()];
  expect(await state(first.weigh(text(1.5 * MIB), never))).toBe('at once');
  const waiting = second.weigh(text(1.5 * MIB), never);
  expect(await state(waiting)).toBe('waits');
  first.release();
  expect(await state(waiting)).toBe('now');
  const large = createMemory(4096 * MIB);
  const all = Array.from({ length: 8 }, () => large.open().weigh(text(3 * MIB), never));
  expect(await Promise.all(all.map(state))).toEqual(all.map(() => 'at once'));
});

test('what is read waits, too, and the oldest goes on', async () => {
  const memory = createMemory(64 * MIB);
  const [first, second] = [memory.open(), memory.open()];
  expect(await state(first.need(2 * MIB, never))).toBe('at once');
  const waiting = second.need(4 * MIB, never);
  expect(await state(waiting)).toBe('waits');
  expect(await state(first.need(16 * MIB, never))).toBe('at once');
  first.release();
  expect(await state(waiting)).toBe('now');
});

test('the oldest gets more than its share when nothing is made of the others, as far as there is so much', async () => {
  let spare = 40 * MIB;
  const memory = createMemory(64 * MIB, () => spare);
  const [first, second, third] = [memory.open(), memory.open(), memory.open()];
  first.need(MIB, never);
  expect(await state(second.weigh(text(MIB), never))).toBe('at once');
  third.need(MIB, never);
  const working = first.weigh(text(4 * MIB), never);
  expect(await state(working)).toBe('waits'); // for the second, not for the third, which is only read
  second.release();
  expect(await state(working)).toBe('now');
  first.release();
  spare = MIB;
  expect(await state(third.weigh(text(4 * MIB), never))).toBeGreaterThan(16 * MIB);
});

test('who works and wants more does not wait for one that waits for it', async () => {
  const memory = createMemory(64 * MIB);
  const [first, second] = [memory.open(), memory.open()];
  expect(await state(first.weigh(text(MIB), never))).toBe('at once');
  expect(await state(second.weigh(text(0.9 * MIB), never))).toBe('at once');
  const waiting = second.weigh(text(1.9 * MIB), never);
  expect(await state(waiting)).toBe('waits');
  expect(await state(first.weigh(text(1.9 * MIB), never))).toBe('now');
  first.release();
  expect(await state(waiting)).toBe('now');
});

test('without a way to tell what is left, its share is all that one gets', async () => {
  const memory = createMemory(256 * MIB);
  expect(await state(memory.open().weigh(objects(4 * MIB), never))).toBeGreaterThan(50 * MIB);
  expect(await state(memory.open().weigh(text(4 * MIB), never))).toBe('at once');
});

test('who does not want it any more leaves the others what there is', async () => {
  const memory = createMemory(64 * MIB);
  const [first, second, third] = [memory.open(), memory.open(), memory.open()];
  first.weigh(text(1.5 * MIB), never);
  const stop = new AbortController();
  const given = second.weigh(text(1.5 * MIB), stop.signal)?.catch(() => 'given up');
  const waiting = third.weigh(text(1.5 * MIB), never);
  stop.abort();
  expect(await given).toBe('given up');
  second.release();
  first.release();
  first.release(); // twice is once
  expect(await state(waiting)).toBe('now');
  expect(await state(memory.open().weigh(text(1.5 * MIB), never))).toBe('waits');
});

test('nobody waits for the room of one that can be made part by part, nor does it', async () => {
  const memory = createMemory(64 * MIB);
  const [first, second] = [memory.openForParts(), memory.openForParts()];
  expect(await state(first.weigh(text(1.5 * MIB), never))).toBe('at once');
  expect(await state(second.weigh(text(1.5 * MIB), never))).toBe(Number.POSITIVE_INFINITY);
  expect(await state(memory.open().weigh(text(1.5 * MIB), never))).toBe('at once');
});

test('with little memory, one piece of a long reply may be less long', () => {
  expect(createMemory(64 * MIB).openForParts().most).toBeLessThan(0.5 * MIB);
  expect(createMemory(512 * MIB).openForParts().most).toBeGreaterThan(4 * MIB);
});

test('the heap is what stays, and what is left of it is told after cleaning up', () => {
  const meter = heapMeter();
  const before = meter();
  expect(before).toBeLessThan(heapBytes());
  const kept = Array.from({ length: 200_000 }, (_, index) => ({ index }));
  expect(before - meter()).toBeGreaterThan(4 * MIB);
  expect(kept).toHaveLength(200_000);
});

test.each([
  ['a text', text(MIB), 4, 5],
  ['numbers', Buffer.from(`[${'1,'.repeat(MIB / 2)}1]`), 12, 16],
  ['objects', objects(MIB), 25, 32],
  ['objects with the same names', Buffer.from(`[${'{"a":1,"b":"c"},'.repeat(MIB / 16)}1]`), 8, 16],
  [
    'names that are all different',
    Buffer.from(`{${Array.from({ length: MIB / 16 }, (_, index) => `"k${index}":${index}`).join(',')}}`),
    15,
    40,
  ],
])('%s: so many bytes of the heap for each of its own, at most', (_what, body, least, most) => {
  expect(jsonCost(body) / body.length).toBeGreaterThanOrEqual(least);
  expect(jsonCost(body) / body.length).toBeLessThanOrEqual(most);
});
