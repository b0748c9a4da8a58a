/** Committed records are told from aborted ones, also where the transactions of two writers overlap in a partition. */
import { expect, test } from 'vitest';
import { withoutAborted } from '../../src/sinks/kafka/stored/aborted.ts';

const ABORT = Buffer.from([0, 0, 0, 0]);
const COMMIT = Buffer.from([0, 0, 0, 1]);

/** `a` and `b` are records of two writers, `A` and `B` the end of an aborted transaction, `+a` the end of a committed one. */
function log(text: string, from = 0) {
  return text.split(' ').map((what, index) => {
    const isControlRecord = what !== what.toLowerCase() || what.startsWith('+');
    const key = what.startsWith('+') ? COMMIT : isControlRecord ? ABORT : null;
    const producerId = what.replace('+', '').toLowerCase();
    return { offset: String(from + index), key, isControlRecord, batchContext: { producerId, inTransaction: true } };
  });
}

const aborted = (producerId: string, firstOffset: number) => ({ producerId, firstOffset: String(firstOffset) });

test.each([
  ['nothing was aborted', 'a b a +a b +b', [], [0, 1, 2, 4]],
  ['one of two', 'a b a A b +b', [aborted('a', 0)], [1, 4]],
  ['both, told in the order in which they ended', 'a b a b B a A b +b', [aborted('b', 1), aborted('a', 0)], [7]],
  [
    'the one that began later ends first, and its writer goes on',
    'a b B b +b a A',
    [aborted('b', 1), aborted('a', 0)],
    [3],
  ],
  ['two that began before the first record of the fetch', 'b a b B a A a +a', [aborted('b', 3), aborted('a', 5)], [6]],
  ['two of one writer', 'a A a +a a A', [aborted('a', 0), aborted('a', 4)], [2]],
])('%s', (what, records, transactions, left) => {
  const from = what.includes('before') ? 10 : 0;
  const kept = withoutAborted({ messages: log(records, from), abortedTransactions: transactions });
  expect(kept.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset) - from)).toEqual(
    left,
  );
});

test('a record outside of any transaction is committed, whoever wrote it', () => {
  const [record] = log('a');
  const plain = { ...(record as NonNullable<typeof record>), batchContext: { producerId: 'a', inTransaction: false } };
  expect(withoutAborted({ messages: [plain], abortedTransactions: [aborted('a', 0)] })).toEqual([plain]);
});
