/** The facts of a pipeline, and everything known to be undelivered: gaps, owed records, records that their list misses. */
import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../api/document.ts';
import type { Gap, Range } from '../api/walk.ts';
import type { Commit, Owed, PipelineState } from './store.ts';

type Guard = <T>(work: () => T) => T;
type Raw = Record<string, string | number | null>;

/** No `Retry-After` is longer (`retry.ts`): a later time was set by a wrong clock. */
const LONGEST_OWED_MS = 2 * 3_600_000;

export type OpenEndStatements = ReturnType<typeof prepareOpenEnds>;

export function prepareOpenEnds(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    fact: sql('SELECT value FROM facts WHERE pipeline = ? AND name = ?'),
    setFact: sql('INSERT OR REPLACE INTO facts VALUES (?, ?, ?)'),
    gaps: sql('SELECT * FROM gaps WHERE pipeline = ? ORDER BY since_ms, id'),
    countGaps: sql('SELECT count(*) AS count FROM gaps WHERE pipeline = ?'),
    setGap: sql(
      `INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind,
       from_ms = min(from_ms, excluded.from_ms), to_ms = max(to_ms, excluded.to_ms), place = excluded.place,
       reason = excluded.reason, next_at_ms = excluded.next_at_ms, attempts = excluded.attempts`,
    ),
    // A gap that grew while it was read again is not closed.
    closeGap: sql(
      `DELETE FROM gaps WHERE pipeline = ?1 AND id = ?2 AND NOT EXISTS (SELECT 1 FROM walks WHERE pipeline = ?1
       AND walk = ?3 AND walk = 'gaps' AND (from_ms > gaps.from_ms OR to_ms < gaps.to_ms))`,
    ),
    owed: sql(
      `SELECT * FROM owed WHERE pipeline = ?1 AND (next_at_ms <= ?2 OR next_at_ms > ?2 + ${LONGEST_OWED_MS})
       ORDER BY next_at_ms, key LIMIT ?3`,
    ),
    allOwed: sql('SELECT * FROM owed WHERE pipeline = ? ORDER BY key LIMIT ?'),
    owedOf: sql('SELECT * FROM owed WHERE pipeline = ? AND key = ?'),
    countOwed: sql('SELECT count(*) AS count FROM owed WHERE pipeline = ?'),
    owe: sql('INSERT OR REPLACE INTO owed VALUES (?, ?, ?, ?, ?, ?, ?)'),
    pay: sql('DELETE FROM owed WHERE pipeline = ? AND key = ?'),
    missing: sql('SELECT key, since_ms AS "sinceMs" FROM missing WHERE pipeline = ?'),
    setMissing: sql('INSERT INTO missing VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    clearMissing: sql('DELETE FROM missing WHERE pipeline = ? AND key = ?'),
  };
}

type OpenEnds = Pick<
  PipelineState,
  'fact' | 'setFact' | 'gaps' | 'owed' | 'allOwed' | 'owedOf' | 'missing' | 'setMissing' | 'clearMissing'
>;

/** The part of the state that belongs to the pipeline with this id. */
export function openEnds(statements: OpenEndStatements, id: number, guard: Guard, transaction: Guard): OpenEnds {
  return {
    fact: (name) => guard(() => factOf(statements, id, name)),
    setFact: (name, value) => {
      transaction(() => statements.setFact.run(id, name, JSON.stringify(value)));
    },
    gaps: () => guard(() => (statements.gaps.all(id) as Raw[]).map(toGap)),
    owed: (dueMs, limit) => guard(() => (statements.owed.all(id, dueMs, limit) as Raw[]).map(toOwed)),
    allOwed: (limit) => guard(() => (statements.allOwed.all(id, limit) as Raw[]).map(toOwed)),
    owedOf: (key) =>
      guard(() => {
        const row = statements.owedOf.get(id, key) as Raw | undefined;
        return row === undefined ? undefined : toOwed(row);
      }),
    missing: () =>
      guard(() => {
        const rows = statements.missing.all(id) as { key: string; sinceMs: number }[];
        return new Map(rows.map(({ key, sinceMs }) => [key, sinceMs]));
      }),
    setMissing: (keys, sinceMs) =>
      transaction(() => {
        for (const key of keys) statements.setMissing.run(id, key, sinceMs);
      }),
    clearMissing: (keys) =>
      transaction(() => {
        for (const key of keys) statements.clearMissing.run(id, key);
      }),
  };
}

export function factOf(statements: OpenEndStatements, id: number, name: string): Json | undefined {
  const row = statements.fact.get(id, name) as { value: string } | undefined;
  return row === undefined ? undefined : (JSON.parse(row.value) as Json);
}

/** Must be called within the transaction of a commit. */
export function commitOpenEnds(
  statements: OpenEndStatements,
  id: number,
  commit: Commit,
  said: (text: string) => string,
): void {
  for (const gap of commit.gaps ?? []) setGap(statements, id, { ...gap, reason: said(gap.reason) });
  for (const gap of commit.closedGaps ?? []) statements.closeGap.run(id, gap, commit.walk);
  for (const [name, value] of Object.entries(commit.facts ?? {}))
    statements.setFact.run(id, name, JSON.stringify(value));
  for (const key of commit.paid ?? []) statements.pay.run(id, key);
  for (const { key, record, as, sinceMs, nextAtMs, attempts } of commit.owed ?? []) {
    statements.owe.run(id, key, JSON.stringify(record), as ?? null, sinceMs, nextAtMs, attempts);
  }
}

function setGap(statements: OpenEndStatements, id: number, gap: Gap): void {
  const { range, kind, reason, sinceMs, nextAtMs, attempts } = gap;
  const place = JSON.stringify(gap.place);
  statements.setGap.run(id, gap.id, kind, range.fromMs, range.toMs, place, reason, sinceMs, nextAtMs, attempts);
}

function toGap(row: Raw): Gap {
  return {
    id: row.id as string,
    kind: row.kind as Gap['kind'],
    range: { fromMs: row.from_ms, toMs: row.to_ms } as Range,
    place: JSON.parse(row.place as string) as Json,
    reason: row.reason as string,
    sinceMs: row.since_ms as number,
    nextAtMs: row.next_at_ms as number,
    attempts: row.attempts as number,
  };
}

function toOwed(row: Raw): Owed {
  return {
    key: row.key as string,
    record: JSON.parse(row.record as string) as Json,
    as: row.as === 'event' ? 'event' : undefined,
    sinceMs: row.since_ms as number,
    nextAtMs: row.next_at_ms as number,
    attempts: row.attempts as number,
  };
}
