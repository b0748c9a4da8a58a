/** Holds every row of the ledger to what it says. */
import { expect } from 'vitest';
import type { PipelineState, StoredLedgerRow } from '../../src/state/store.ts';

/** Each distinct record of an accepted pass became one thing, and a settled pass has as many as the vendor counts. */
export function expectToAddUp(state: PipelineState): StoredLedgerRow[] {
  const rows = state.ledger(100_000);
  for (const row of rows) {
    const { distinct, delivered, givenUp, unchanged, rejected, owed, dropped } = row;
    expect(delivered + givenUp + unchanged + rejected + owed + dropped, JSON.stringify(row)).toBe(distinct);
    expect(
      Math.min(delivered, givenUp, unchanged, rejected, owed, dropped),
      JSON.stringify(row),
    ).toBeGreaterThanOrEqual(0);
    if (row.settled) expect(row.total, JSON.stringify(row)).toBe(distinct);
    if (row.settled && row.kind !== 'child') expect(row.attempts, JSON.stringify(row)).toBeGreaterThan(1);
  }
  return rows;
}
