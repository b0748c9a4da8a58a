/** The ledger of a pipeline, and what it proves: which ranges were read to an end, and which records lack their detail. */
import type { DatabaseSync } from 'node:sqlite';
import type { Range } from '../api/walk.ts';
import type { Incomplete, LedgerRow, PipelineState, Row, StoredLedgerRow } from './store.ts';

type Guard = <T>(work: () => T) => T;
type Raw = Record<string, string | number | null>;

/** The number of ledger rows of polls and sweeps that are kept; those of backfills are kept for good. */
const KEPT_LEDGER_ROWS = 20_000;

export type LedgerStatements = ReturnType<typeof prepareLedger>;

export function prepareLedger(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    insertLedger: sql(
      `INSERT INTO ledger (pipeline, walk, from_ms, to_ms, filter, total, "distinct", settled, delivered, unchanged, rejected,
         at_ms, owed, kind, attempts, given_up, deleted, documents, dropped)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    ledger: sql('SELECT * FROM ledger WHERE pipeline = ? AND to_ms > ? AND from_ms < ? ORDER BY id DESC LIMIT ?'),
    prune: sql(
      `DELETE FROM ledger WHERE pipeline = ?1 AND walk NOT LIKE 'backfill%'
       AND id < (SELECT max(id) FROM ledger WHERE pipeline = ?1) - ${KEPT_LEDGER_ROWS}`,
    ),
    covered: sql('SELECT from_ms AS "fromMs", to_ms AS "toMs" FROM covered WHERE pipeline = ? ORDER BY from_ms'),
    touching: sql(
      'SELECT min(from_ms) AS "fromMs", max(to_ms) AS "toMs" FROM covered WHERE pipeline = ? AND from_ms <= ? AND to_ms >= ?',
    ),
    uncoverWithin: sql('DELETE FROM covered WHERE pipeline = ? AND from_ms >= ? AND to_ms <= ?'),
    coverRange: sql('INSERT INTO covered VALUES (?, ?, ?)'),
    lacks: sql('INSERT INTO incomplete VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    lacksNothing: sql('DELETE FROM incomplete WHERE pipeline = ? AND key = ?'),
    incomplete: sql(
      `SELECT i.key, i.since_ms AS "sinceMs", r.time_ms AS "timeMs" FROM incomplete i
       JOIN revisions r ON r.pipeline = i.pipeline AND r.key = i.key AND NOT r.deleted
       WHERE i.pipeline = ? ORDER BY i.since_ms, i.key LIMIT ?`,
    ),
    countIncomplete: sql('SELECT count(*) AS count FROM incomplete WHERE pipeline = ?'),
  };
}

type LedgerState = Pick<PipelineState, 'ledger' | 'covered' | 'incomplete' | 'countIncomplete'>;

/** The part of the state that belongs to the pipeline with this id. */
export function ledgerOf(statements: LedgerStatements, id: number, guard: Guard): LedgerState {
  return {
    ledger: (limit, { fromMs, toMs } = { fromMs: Number.MIN_SAFE_INTEGER, toMs: Number.MAX_SAFE_INTEGER }) =>
      guard(() => (statements.ledger.all(id, fromMs, toMs, limit) as Raw[]).map(toLedger)),
    covered: () => guard(() => statements.covered.all(id) as unknown as Range[]),
    incomplete: (limit) => guard(() => statements.incomplete.all(id, limit) as unknown as Incomplete[]),
    countIncomplete: () => guard(() => (statements.countIncomplete.get(id) as { count: number }).count),
  };
}

/** Must be called within the transaction of a commit. */
export function insertLedger(statements: LedgerStatements, id: number, row: LedgerRow, nowMs: number): void {
  const { range, delivered, unchanged, rejected, owed, kind, attempts, givenUp, deleted, documents, dropped } = row;
  const counts = [row.total, row.distinct, row.settled ? 1 : 0, delivered, unchanged, rejected];
  const more = [nowMs, owed, kind, attempts, givenUp, deleted, documents, dropped];
  statements.insertLedger.run(id, row.walk, range.fromMs, range.toMs, row.filter ?? null, ...counts, ...more);
  if (row.settled && kind === 'window')
    cover(statements, id, range.fromMs, Math.min(range.toMs, row.readAtMs ?? nowMs));
}

/** Joins the range with those that it touches. */
function cover(statements: LedgerStatements, id: number, fromMs: number, toMs: number): void {
  if (fromMs >= toMs) return;
  const touching = statements.touching.get(id, toMs, fromMs) as { fromMs: number | null; toMs: number | null };
  const joined = { fromMs: Math.min(fromMs, touching.fromMs ?? fromMs), toMs: Math.max(toMs, touching.toMs ?? toMs) };
  if (touching.fromMs === joined.fromMs && touching.toMs === joined.toMs && isOne(statements, id, joined)) return;
  statements.uncoverWithin.run(id, joined.fromMs, joined.toMs);
  statements.coverRange.run(id, joined.fromMs, joined.toMs);
}

/** Whether the range is one that is stored, and not the span of several. */
function isOne(statements: LedgerStatements, id: number, { fromMs, toMs }: Range): boolean {
  const at = statements.touching.get(id, fromMs, fromMs) as { toMs: number | null };
  return at.toMs === toMs;
}

/** Notes whether the record's last document lacks its detail. A row without a document changes nothing, nor one of a stream without details. */
export function noteDetail(statements: LedgerStatements, id: number, row: Row, nowMs: number): void {
  if (row.id === undefined) return;
  if (row.isBare) statements.lacks.run(id, row.key, nowMs);
  else if (row.rowId !== undefined || row.seenMs !== null) statements.lacksNothing.run(id, row.key);
}

function toLedger(row: Raw): StoredLedgerRow {
  return {
    id: row.id as number,
    walk: row.walk as string,
    kind: row.kind as LedgerRow['kind'],
    range: { fromMs: row.from_ms, toMs: row.to_ms } as Range,
    filter: (row.filter as string | null) ?? undefined,
    total: row.total as number,
    distinct: row.distinct as number,
    settled: row.settled === 1,
    attempts: row.attempts as number,
    delivered: row.delivered as number,
    givenUp: row.given_up as number,
    unchanged: row.unchanged as number,
    rejected: row.rejected as number,
    owed: row.owed as number,
    deleted: row.deleted as number,
    documents: row.documents as number,
    dropped: row.dropped as number,
    atMs: row.at_ms as number,
  };
}
