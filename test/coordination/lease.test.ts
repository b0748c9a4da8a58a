import { expect, test } from 'vitest';
import { createLease } from '../../src/coordination/lease.ts';

function clocks() {
  let steady = 1000;
  let clock = 50_000;
  const lease = createLease(
    6000,
    () => steady,
    () => clock,
  );
  const pass = (ms: number, more = 0) => {
    steady += ms;
    clock += ms + more;
  };
  return { lease, pass };
}

test('it holds from the sending of what was answered, not from the answer', () => {
  const { lease, pass } = clocks();
  expect(lease.holds()).toBe(false);
  const sentAt = lease.now();
  pass(4000);
  lease.renew(sentAt);
  expect(lease.leftMs()).toBe(2000);
  pass(1999);
  expect(lease.holds()).toBe(true);
  pass(1);
  expect(lease.holds()).toBe(false);
});

test('an answer that comes late does not take back what a later one has said', () => {
  const { lease, pass } = clocks();
  const early = lease.now();
  pass(3000);
  lease.renew(lease.now());
  lease.renew(early);
  expect(lease.leftMs()).toBe(6000);
});

test('the time that a machine slept counts, which only the clock has seen', () => {
  const { lease, pass } = clocks();
  lease.renew(lease.now());
  pass(10, 60_000);
  expect(lease.holds()).toBe(false);
});

test('who is told that it is out holds nothing', () => {
  const { lease } = clocks();
  lease.renew(lease.now());
  lease.end();
  expect(lease.holds()).toBe(false);
});
