/** A clock that leaps is followed when somebody who knows agrees with it. */
import { expect, test } from 'vitest';
import { createClock } from '../src/system/clock.ts';

const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

function machine() {
  const passed = { ms: 0 };
  const wall = { aheadMs: 0 };
  const told: string[] = [];
  const clock = createClock({ wall: () => NOW + passed.ms + wall.aheadMs, steady: () => 5.25 + passed.ms });
  clock.listen((text) => told.push(text));
  const later = (ms: number) => {
    passed.ms += ms;
  };
  /** As a reply of somebody whose clock is right, or off by so much. */
  const heard = (offMs = 0) => clock.heard(new Date(NOW + passed.ms + offMs).toUTCString());
  return { clock, later, wall, told, heard, isRight: () => Math.abs(clock.now() - NOW - passed.ms) < 10 };
}

test('small corrections are followed without a word, whole milliseconds only', () => {
  const { clock, wall, later, told } = machine();
  for (const aheadMs of [3, -2000, 1500, -500]) {
    later(MINUTE);
    wall.aheadMs = aheadMs;
    expect(clock.now()).toBe(NOW + aheadMs + MINUTE * ([3, -2000, 1500, -500].indexOf(aheadMs) + 1));
  }
  expect(told).toEqual([]);
});

test.each([HOUR, -HOUR, 24 * HOUR, -24 * HOUR, YEAR, -YEAR])(
  'one that is set wrong by %d ms is not followed where replies contradict it',
  (aheadMs) => {
    const { clock, wall, later, heard, told, isRight } = machine();
    wall.aheadMs = aheadMs;
    expect(isRight()).toBe(true);
    for (let minute = 0; minute < 60; minute++) {
      later(MINUTE);
      heard();
      expect(isRight()).toBe(true);
    }
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^the clock of this machine was set (forward|back) by (60 min|24 h|365 d), which the vendor's/,
    );
    expect(clock.trouble()).toBe(told[0]);
    wall.aheadMs = 0;
    expect(isRight()).toBe(true);
    expect(clock.trouble()).toBeUndefined();
    expect(told[1]).toBe('the clock of this machine is right again');
  },
);

test.each([HOUR, -HOUR, YEAR, -YEAR])('one that was wrong by %d ms is followed at once when it is set right', (ms) => {
  const { clock, wall, heard, told, isRight, later } = machine();
  wall.aheadMs = ms;
  clock.heard(null);
  later(20 * MINUTE);
  expect(isRight()).toBe(false); // nobody said a word against it
  wall.aheadMs = 0;
  expect(isRight()).toBe(false);
  heard();
  expect(isRight()).toBe(true);
  expect(told.at(-1)).toMatch(/and is followed: a vendor's reply agrees with it$/);
});

test('after a sleep, in which the steady clock stood still, the first reply tells', () => {
  const { clock, wall, heard } = machine();
  const before = clock.now();
  wall.aheadMs = 10 * HOUR;
  expect(clock.now()).toBe(before);
  heard(10 * HOUR);
  expect(clock.now()).toBe(before + 10 * HOUR);
});

test('where nobody says anything that helps, it is followed after a while', () => {
  const { clock, wall, later, heard, told, isRight } = machine();
  wall.aheadMs = -HOUR;
  for (let minute = 0; minute < 10; minute++) {
    expect(isRight()).toBe(true);
    later(MINUTE);
    heard(40 * YEAR); // of somebody whose own clock is far off
    clock.heard(null);
    clock.heard('yesterday');
  }
  later(SECOND);
  expect(clock.now()).toBe(NOW + 10 * MINUTE + SECOND - HOUR);
  expect(told).toEqual(['the clock of this machine was set back by 60 min, and is followed: no reply contradicts it']);
});

test('a vendor whose own clock is off by less than the leap tells all the same', () => {
  const { wall, later, heard, isRight } = machine();
  wall.aheadMs = 24 * HOUR;
  for (let minute = 0; minute < 60; minute++) {
    later(MINUTE);
    heard(-2 * HOUR);
    expect(isRight()).toBe(true);
  }
});

test('what replies say counts for nothing while the clock does not leap', () => {
  const { heard, told, isRight, later } = machine();
  heard(YEAR);
  later(HOUR);
  heard(-YEAR);
  expect(isRight()).toBe(true);
  expect(told).toEqual([]);
});
