/** Counts what became of the records of one window, list or child: one row of the ledger. */

import type { Accepted } from '../api/walk.ts';
import type { LedgerRow } from '../state/store.ts';
import type { Change } from './change/change.ts';

type Became = 'delivered' | 'givenUp' | 'rejected' | 'owed' | 'dropped';

export interface WindowTally {
  /** By key, of records that are not as before: what their last revision became, and how the list calls them. */
  became: Map<string, { as: Became; listed: string }>;
  /** The same as numbers: the keys of a child need not fit into memory. */
  counts: Record<Became, number>;
  hasKeys: boolean;
  deleted: number;
  documents: number;
}

export function newTally(hasKeys: boolean): WindowTally {
  const counts = { delivered: 0, givenUp: 0, rejected: 0, owed: 0, dropped: 0 };
  return { became: new Map(), counts, hasKeys, deleted: 0, documents: 0 };
}

/** Counts a change whose batch was written. `listed` is the key by which the list knows the record. */
export function tallyChange(tally: WindowTally, change: Change, listed: string | undefined, isRejected: boolean): void {
  const { row, out, owed, claim, isDropped = false } = change;
  const isShipped = out !== undefined && !isRejected;
  if (isShipped) tally.documents++;
  if (row?.deleted && (isShipped || isDropped)) {
    if (isShipped) tally.deleted++;
  } else if (out !== undefined || owed !== undefined || isDropped) {
    const as = becameOf(change, isRejected);
    if (tally.hasKeys) tally.became.set(claim.key, { as, listed: listed ?? claim.key });
    else tally.counts[as]++;
  }
}

function becameOf({ row, owed, isDropped }: Change, isRejected: boolean): Became {
  if (isDropped) return 'dropped';
  if (owed !== undefined) return 'owed';
  if (isRejected) return 'rejected';
  return row?.isBare ? 'givenUp' : 'delivered';
}

/** Records that the accepted pass does not have are in `documents` only. */
export function ledgerRow(walk: string, kind: LedgerRow['kind'], accepted: Accepted, tally: WindowTally): LedgerRow {
  const { keys, attempts = 1, ...facts } = accepted;
  const counts = { ...tally.counts };
  for (const { as, listed } of tally.became.values()) if (keys === undefined || keys.has(listed)) counts[as]++;
  const changed = counts.delivered + counts.givenUp + counts.rejected + counts.owed + counts.dropped;
  const { deleted, documents } = tally;
  const unchanged = Math.max(0, facts.distinct - changed); // a child that is read again while it grows may tell more
  return { ...facts, walk, kind, attempts, ...counts, unchanged, deleted, documents };
}
