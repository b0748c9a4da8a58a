/** Deadlines add up lived time. */
import { expect, test } from 'vitest';
import { livedTime } from '../src/system/lived-time.ts';

test('time in which the process did not run counts for nothing', () => {
  let clock = 0;
  const lived = livedTime(() => clock);
  try {
    clock += 1500;
    expect(lived.now()).toBe(1500);
    clock += 7_200_000; // the machine slept
    expect(lived.now()).toBe(6500);
    clock -= 3_600_000; // set back
    expect(lived.now()).toBe(6500);
    clock += 10;
    expect(lived.now()).toBe(6510);
  } finally {
    lived.close();
  }
});
