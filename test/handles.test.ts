/** Few open files: what is left for requests, and what is said. */
import { expect, test } from 'vitest';
import { diskError } from '../src/sinks/ndjson/errors.ts';
import { isOutOfHandles, mostHandles, sharedHandles } from '../src/system/handles.ts';

test.each<[wanted: number[], most: number, shared: number[]]>([
  [[8, 8], 980, [8, 8]],
  [[8], Number.POSITIVE_INFINITY, [8]],
  [[100], 63, [27]],
  [[30, 10], 56, [15, 5]],
  [[30, 1], 44, [7, 1]],
  [[8, 8], 32, [1, 1]],
])('%j requests wanted, %d open files: %j', (wanted, most, shared) => {
  expect(sharedHandles(wanted, most)).toEqual(shared);
});

test('the system says how many there are', () => {
  const most = mostHandles();
  expect(most === undefined || (Number.isInteger(most) && most > 20)).toBe(true);
});

test.each(['EMFILE', 'ENFILE'])('%s is waited for, with what to do', (code) => {
  const error = diskError('out', Object.assign(new Error(`${code}: too many open files, open 'out'`), { code }));
  expect(error).toMatchObject({ action: 'retry', advice: expect.stringMatching(/more open files .*goes on where/) });
  expect([isOutOfHandles(`connect ${code} 127.0.0.1:9`), isOutOfHandles('SEEMFILED')]).toEqual([true, false]);
});
