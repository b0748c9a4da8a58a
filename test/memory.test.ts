import { expect, test } from 'vitest';
import { createMemory } from '../src/memory.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const state = async (work: Promise<void> | undefined): Promise<string> =>
  work === undefined
    ? 'at once'
    : Promise.race([work.then(() => 'now'), new Promise<string>((r) => setTimeout(r, 5, 'waits'))]);

test('small replies take no room, however many', () => {
  const memory = createMemory(64 * MIB);
  for (let count = 0; count < 1000; count++) expect(memory.open().need(60_000, never)).toBeUndefined();
});

test('large ones wait for each other where the memory is small, and not where it is large', async () => {
  const small = createMemory(64 * MIB);
  const [first, second] = [small.open(), small.open()];
  expect(await state(first.need(MIB, never))).toBe('at once');
  const waiting = second.need(MIB, never);
  expect(await state(waiting)).toBe('waits');
  first.release();
  expect(await state(waiting)).toBe('now');
  const large = createMemory(4096 * MIB);
  const all = Array.from({ length: 8 }, () => large.open().need(4 * MIB, never));
  expect(await Promise.all(all.map(state))).toEqual(all.map(() => 'at once'));
});

test('the oldest always gets what it needs, so that two who want more than there is do not wait for each other', async () => {
  const memory = createMemory(64 * MIB);
  const [first, second] = [memory.open(), memory.open()];
  expect(await state(first.need(400_000, never))).toBe('at once');
  expect(await state(second.need(400_000, never))).toBe('at once');
  const waiting = second.need(64 * MIB, never);
  expect(await state(waiting)).toBe('waits');
  expect(await state(first.need(64 * MIB, never))).toBe('at once');
  first.release();
  expect(await state(waiting)).toBe('now');
});

test('who does not want it any more leaves the others what there is', async () => {
  const memory = createMemory(64 * MIB);
  const [first, second, third] = [memory.open(), memory.open(), memory.open()];
  first.need(MIB, never);
  const stop = new AbortController();
  const given = second.need(MIB, stop.signal)?.catch(() => 'given up');
  const waiting = third.need(MIB, never);
  stop.abort();
  expect(await given).toBe('given up');
  second.release();
  first.release();
  first.release(); // twice is once
  expect(await state(waiting)).toBe('now');
  expect(await state(memory.open().need(MIB, never))).toBe('waits');
});
