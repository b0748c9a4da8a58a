/** What was delivered of a range of time, for reports. */
import type { DatabaseSync } from 'node:sqlite';
import type { AcceptedCount, PartOfHistory, PipelineState } from './store.ts';

type Guard = <T>(work: () => T) => T;

export type HistoryStatements = ReturnType<typeof prepareHistory>;

export function prepareHistory(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    recordsPer: sql(
      `SELECT CAST((time_ms - ?2) / ?4 AS INTEGER) AS part, count(*) AS records, sum(deleted) AS deleted, sum(ordinal) AS documents
       FROM revisions WHERE pipeline = ?1 AND time_ms >= ?2 AND time_ms < ?3 GROUP BY part`,
    ),
    recordsInAll: sql(
      'SELECT count(*) AS records, sum(deleted) AS deleted, sum(ordinal) AS documents FROM revisions WHERE pipeline = ?',
    ),
    deliveredPer: sql(
      `SELECT CAST((at_ms - ?2) / ?4 AS INTEGER) AS part, sum(documents) AS documents FROM ledger
       WHERE pipeline = ?1 AND at_ms >= ?2 AND at_ms < ?3 GROUP BY part`,
    ),
    rejectedPer: sql(
      `SELECT type, count(*) AS documents FROM rejections WHERE pipeline = ?1 AND at_ms >= ?2 AND at_ms < ?3
       GROUP BY type ORDER BY documents DESC`,
    ),
    ofChildren: sql(
      `SELECT coalesce(sum(records), 0) AS total, count(*) AS children,
         (SELECT max(at_ms) FROM ledger WHERE pipeline = ?1) AS "atMs" FROM children WHERE pipeline = ?1`,
    ),
    accepted: sql(
      `SELECT from_ms AS "fromMs", to_ms AS "toMs", total, at_ms AS "atMs" FROM ledger
       WHERE pipeline = ?1 AND settled AND kind <> 'child' AND filter IS NULL AND to_ms > ?2 AND from_ms < ?3 ORDER BY id DESC LIMIT 20000`,
    ),
  };
}

type History = Pick<
  PipelineState,
  'recordsPer' | 'recordsInAll' | 'deliveredPer' | 'rejectedPer' | 'acceptedIn' | 'countOfChildren'
>;

export function historyOf(statements: HistoryStatements, id: number, guard: Guard): History {
  const { recordsPer, recordsInAll, deliveredPer, rejectedPer, accepted, ofChildren } = statements;
  return {
    recordsPer: ({ fromMs, toMs }, partMs) =>
      guard(() => recordsPer.all(id, fromMs, toMs, partMs) as unknown as PartOfHistory[]),
    recordsInAll: () =>
      guard(() => {
        const row = recordsInAll.get(id) as Record<'records' | 'deleted' | 'documents', number | null>;
        return { records: row.records ?? 0, deleted: row.deleted ?? 0, documents: row.documents ?? 0 };
      }),
    deliveredPer: ({ fromMs, toMs }, partMs) =>
      guard(() => deliveredPer.all(id, fromMs, toMs, partMs) as unknown as { part: number; documents: number }[]),
    rejectedPer: ({ fromMs, toMs }) =>
      guard(() => rejectedPer.all(id, fromMs, toMs) as unknown as { type: string; documents: number }[]),
    countOfChildren: () =>
      guard(() => {
        const { total, children, atMs } = ofChildren.get(id) as Record<'total' | 'children' | 'atMs', number | null>;
        return { total: total ?? 0, children: children ?? 0, atMs: atMs ?? undefined };
      }),
    acceptedIn: ({ fromMs, toMs }) => guard(() => accepted.all(id, fromMs, toMs) as unknown as AcceptedCount[]),
  };
}
