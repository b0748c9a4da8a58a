/** The rows of a prepared batch as text: what is written is read again, also what earlier versions wrote. */
import { expect, test } from 'vitest';
import { readRows, writeRows } from '../src/state/prepared/rows.ts';
import type { Row } from '../src/state/store.ts';

const PLAIN: Row = {
  ...{
    key: 'a',
    id: 'id-a',
    rowId: undefined,
    fingerprint: 'r',
    revision: 'r',
    ordinal: 1,
    timeMs: 5,
    digests: 'x\ny',
  },
  ...{ last: '{"s":"New"}', deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null },
};
const OTHERS: Row[] = [
  { ...PLAIN, id: undefined, last: undefined, timeMs: null },
  { ...PLAIN, fingerprint: 'f' },
  { ...PLAIN, fingerprint: null },
  { ...PLAIN, ordinal: 2 },
  { ...PLAIN, deleted: true },
  { ...PLAIN, refreshAtMs: 8 },
  { ...PLAIN, refreshAtMs: 8, refreshMs: 3 },
  { ...PLAIN, seenMs: 1 },
  { ...PLAIN, rowId: 4 },
  { ...PLAIN, isBare: true },
  { ...PLAIN, notes: [{ kind: 'k', id: 'i', value: 'v' }] },
];

test('every row is read as it was written', () => {
  expect(readRows(writeRows([PLAIN, ...OTHERS]))).toEqual([PLAIN, ...OTHERS]);
});

test('a plain row takes half of the place', () => {
  expect(writeRows([PLAIN]).length).toBeLessThan(JSON.stringify([PLAIN]).length / 2);
});

test('rows that an earlier version has prepared are read', () => {
  expect(readRows(JSON.stringify([PLAIN, ...OTHERS]))).toEqual([PLAIN, ...OTHERS]);
});
