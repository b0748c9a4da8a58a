/** A row of the ledger counts each record of the accepted pass once, by its last revision. */
import { expect, test } from 'vitest';
import type { Change } from '../../src/engine/change/change.ts';
import { ledgerRow, newTally, tallyChange } from '../../src/engine/tally.ts';

const change = (key: string, more: object = {}) => ({ claim: { key }, out: { id: key }, row: {}, ...more }) as Change;

test('what is gone or changed again in the accepted pass is in `documents` only', () => {
  const tally = newTally(true);
  tallyChange(tally, change('a'), undefined, false);
  tallyChange(tally, change('a'), undefined, true); // its second revision is rejected
  tallyChange(tally, change('b', { row: { isBare: true } }), undefined, false);
  tallyChange(tally, change('c'), undefined, false); // not in the accepted pass
  tallyChange(tally, change('d', { row: { deleted: true } }), undefined, false);
  tallyChange(tally, change('e', { out: undefined, owed: {} }), undefined, false);
  tallyChange(tally, change('f without a secret'), 'f', false);
  const accepted = { range: { fromMs: 0, toMs: 1 }, total: 5, distinct: 5, settled: true };
  const row = ledgerRow('w', 'window', { ...accepted, keys: new Set(['a', 'b', 'e', 'f', 'g']) }, tally);
  expect(row).toMatchObject({ delivered: 1, givenUp: 1, rejected: 1, owed: 1, unchanged: 1, deleted: 1, documents: 5 });
});
