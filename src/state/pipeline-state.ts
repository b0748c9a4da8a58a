import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../api/document.ts';
import { bounded } from '../api/inert.ts';

import type { ChildRow, WalkKind } from '../api/walk.ts';
import { type HistoryStatements, historyOf, prepareHistory } from './history.ts';
import { type JobStatements, jobPartsOf, prepareJobs, writePart } from './jobs/parts.ts';
import { insertLedger, type LedgerStatements, ledgerOf, noteDetail, prepareLedger } from './ledger.ts';

import { commitOpenEnds, factOf, type OpenEndStatements, openEnds, prepareOpenEnds } from './open-ends.ts';
import { isPlain, readRows, writeRows } from './prepared/rows.ts';
import { prepareRejections, type RejectionStatements, rejectionsOf } from './rejections.ts';
import { prepareRepairs, type RepairStatements, repairsOf } from './repairs.ts';
import type { Commit, Due, Known, PipelineState, Row, WalkRow } from './store.ts';

type Guard = <T>(work: () => T) => T;
type Raw = Record<string, string | number | null>;

interface Foreign {
  scrub?: (text: string) => string;
}

/** The longest reason that is kept: a sink must not fill the state. */
const LONGEST_SAID = 2000;
/** The longest part of a text that is looked at. */
const LOOKED_AT = 65_536;

/** A foreign text as it is kept: without secrets, and bounded. */
export function saidBy({ scrub = (text) => text }: Foreign): (text: string) => string {
  return (text) => bounded(scrub(String(text).slice(0, LOOKED_AT)), LONGEST_SAID);
}

interface PreparedRow {
  walk: string;
  number: number;
  rows: string;
  atMs: number;
}

/**
 * The state of the pipeline with this id; notes are shared by the pipelines of its source. Statements are prepared once,
 * since they run for every record. `guard` explains errors; `written` also checks that the files are still there.
 */
export function openPipeline(
  database: DatabaseSync,
  { id, source }: { id: number; source: string },
  { guard, written }: { guard: Guard; written: Guard },
  { now, scrub }: Foreign & { now: () => number },
): PipelineState {
  const said = saidBy({ scrub });
  const statements = {
    ...prepareStatements(database),
    ...prepareOpenEnds(database),
    ...prepareLedger(database),
    ...prepareRejections(database),
    ...prepareRepairs(database),
    ...prepareHistory(database),
    ...prepareJobs(database),
  };
  const transaction = <T>(work: () => T): T =>
    written(() => {
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    });
  const remember = (row: Row): void => {
    rememberRow(statements, id, row);
    noteDetail(statements, id, row, now());
    for (const note of row.notes ?? []) statements.writeNote.run(source, note.kind, note.id, note.value);
  };

  return {
    tenant: (named) =>
      guard(() => {
        statements.nameTenant.run(named, id);
        return (statements.tenant.get(id) as { tenant: string }).tenant;
      }),
    known: (key) => guard(() => toKnown(statements.known.get(keyHash(id, key), id, key) as Raw | undefined)),
    knownAmong: (keys) =>
      guard(() => {
        const hashes = keys.map((key) => keyHash(id, key));
        const rows = statements.knownAmong.all(JSON.stringify(hashes), id) as Raw[];
        return new Map(rows.map((row) => [row.key as string, toKnown(row) as Known]));
      }),
    keysBetween: (range) =>
      guard(() => {
        const rows = range ? statements.between.all(id, range.fromMs, range.toMs) : statements.present.all(id);
        return rows.map((row) => (row as { key: string }).key);
      }),
    countBetween: ({ fromMs, toMs }) =>
      guard(() => (statements.countBetween.get(id, fromMs, toMs) as { count: number }).count),
    newestKeys: (limit) => guard(() => statements.newest.all(id, limit).map((row) => (row as { key: string }).key)),
    due: (nowMs, limit, after, beyondMs = Number.MAX_SAFE_INTEGER) =>
      guard(() => {
        const { atMs, rowId } = after ?? { atMs: 0, rowId: 0 };
        return statements.due.all(id, nowMs, atMs, rowId, beyondMs, limit) as unknown as Due[];
      }),
    coveredFromMs: () => guard(() => (statements.coveredFrom.get(id) as { at: number | null }).at ?? undefined),
    counts: () =>
      guard(() => {
        const ofRecords = statements.counts.get(id) as unknown as { records: number; deleted: number; due: number };
        const count = (of: keyof Statements) => (statements[of].get(id) as { count: number }).count;
        const open = { owed: count('countOwed'), gaps: count('countGaps') };
        return { ...ofRecords, rejections: count('countRejected'), dropped: count('countDropped'), ...open };
      }),
    ...openEnds(statements, id, guard, transaction),
    ...rejectionsOf(statements, id, { guard, transaction, now }),
    ...historyOf(statements, id, guard),
    ...jobPartsOf(statements, id, guard, written),
    ...repairsOf(statements, id, { transaction, hashOf: (key) => keyHash(id, key) }),
    noted: (kind) => guard(() => statements.noted.all(source, kind).map((row) => (row as { id: string }).id)),
    note: (kind, one) => guard(() => (statements.note.get(source, kind, one) as { value: string } | undefined)?.value),
    child: (key) => guard(() => statements.child.get(id, key) as unknown as ChildRow | undefined),
    openChildren: () => guard(() => statements.openChildren.all(id) as unknown as ChildRow[]),
    childCounts: () =>
      guard(() => {
        const rows = statements.childCounts.all(id) as { status: ChildRow['status']; count: number }[];
        return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
      }),
    walk: (walk) => guard(() => toWalk(statements.walk.get(id, walk) as Raw | undefined)),
    walks: () => guard(() => statements.walks.all(id).map((row) => toWalk(row as Raw) as WalkRow)),
    begin(walk, kind, range) {
      written(() => statements.begin.run(id, walk, kind, range.fromMs, range.toMs, now()));
      if (kind === 'live' || kind === 'backfill') guard(() => statements.cover.run(range.fromMs, id));
      guard(() => statements.prune.run(id));
      return this.walk(walk) as WalkRow;
    },
    finish: (walk, atMs, toMs = Number.MAX_SAFE_INTEGER) =>
      written(() => Number(statements.finish.run(atMs, id, walk, toMs).changes) > 0),
    cancel: (walk, atMs) => written(() => Number(statements.cancel.run(atMs, id, walk).changes) > 0),
    handOver: (from, to, kind, atMs) =>
      transaction(() => {
        statements.handOver.run(to, kind, atMs, id, from);
        statements.finish.run(atMs, id, from, Number.MAX_SAFE_INTEGER);
      }),
    prepare: (walk, number, rows) => {
      written(() => statements.prepare.run(id, walk, number, writeRows(rows), now()));
    },
    commit: (commit) =>
      transaction(() => {
        commit.rows.forEach(remember);
        commitWalk(statements, id, commit);
        for (const one of commit.accepted ?? []) statements.accept.run(id, one);
        for (const row of commit.children) rememberChild(statements, id, row);
        commitOpenEnds(statements, id, commit, said);
        for (const part of commit.progress?.parts ?? []) writePart(statements, id, commit.progress?.job ?? 0, part);
        for (const row of commit.ledger) insertLedger(statements, id, row, now());
        for (const { id: document, key, type, reason, field, document: body } of commit.rejections) {
          const blamed = field === undefined ? null : said(field);
          statements.reject.run(id, document, key, said(type), said(reason), blamed, body, now());
        }
      }),
    settled: () => SETTLED,
    prepared: (stream, namespace) =>
      guard(() => statements.prepared.all(id) as unknown as PreparedRow[]).map((row) => ({
        walk: row.walk,
        number: row.number,
        atMs: row.atMs,
        ids: readRows(row.rows).flatMap((one) => (one.id === undefined ? [] : [{ id: one.id, stream, namespace }])),
      })),
    resolve: (arrived) =>
      transaction(() => {
        for (const row of statements.prepared.all(id) as { rows: string }[]) {
          for (const one of readRows(row.rows)) {
            if (one.id === undefined || !arrived.has(one.id)) continue;
            statements.accept.run(id, one.id);
            const known = toKnown(statements.known.get(keyHash(id, one.key), id, one.key) as Raw | undefined);
            if (known !== undefined && known.ordinal >= one.ordinal) continue; // another walk committed it meanwhile
            remember({ ...one, rowId: known?.rowId });
          }
        }
        statements.passPrepared.run(id);
        statements.forgetPrepared.run(id);
      }),
    ...ledgerOf(statements, id, guard),
    rewind: (walk, toMs) => written(() => Number(statements.rewind.run(toMs, id, walk).changes) > 0),
    forget: (beforeMs) =>
      transaction(() => {
        const { at } = statements.oldestOpen.get(id) as { at: number | null };
        const untilMs = Math.min(beforeMs, at ?? beforeMs);
        const records = Number(statements.forget.run(id, untilMs).changes);
        statements.forgetLedger.run(id, untilMs);
        statements.uncover.run(untilMs, id);
        const { untilMs: before = untilMs } = (factOf(statements, id, FORGOTTEN) ?? {}) as { untilMs?: number };
        statements.setFact.run(id, FORGOTTEN, JSON.stringify({ untilMs: Math.max(before, untilMs) }));
        return { records, untilMs };
      }),
    forgottenUntilMs: () =>
      guard(() => (factOf(statements, id, FORGOTTEN) as { untilMs: number } | undefined)?.untilMs),
    reset: () =>
      transaction(() => {
        for (const table of TABLES_OF_A_PIPELINE) {
          database.prepare(`DELETE FROM ${table} WHERE pipeline = ?`).run(id);
        }
        database.prepare('UPDATE pipelines SET covered_from_ms = NULL, tenant = NULL WHERE id = ?').run(id);
      }),
  };
}

/** SQLite's own files: whatever returned is durable, and the lock keeps others away. */
const SETTLED = Promise.resolve();

/** The fact until when records were forgotten. */
const FORGOTTEN = 'forgotten';

const TABLES_OF_A_PIPELINE = [
  ...['revisions', 'walks', 'children', 'prepared', 'ledger', 'rejections'],
  ...['facts', 'gaps', 'owed', 'missing', 'covered', 'incomplete', 'job_progress'],
];

type Statements = ReturnType<typeof prepareStatements> &
  OpenEndStatements &
  LedgerStatements &
  RejectionStatements &
  RepairStatements &
  JobStatements &
  HistoryStatements;

const CHILD = 'child, version, status, since_ms AS "sinceMs", next_at_ms AS "nextAtMs", records, failures';

const DUE =
  'SELECT key, refresh_at_ms AS "atMs", id AS "rowId" FROM revisions INDEXED BY revisions_due WHERE pipeline = ?1 AND';

function prepareStatements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    known: sql('SELECT * FROM revisions INDEXED BY revisions_by_key WHERE key_hash = ? AND pipeline = ? AND key = ?'),
    knownAmong: sql(
      `SELECT revisions.* FROM json_each(?) AS wanted
       CROSS JOIN revisions INDEXED BY revisions_by_key ON revisions.key_hash = wanted.value WHERE revisions.pipeline = ?`,
    ),
    between: sql('SELECT key FROM revisions WHERE pipeline = ? AND time_ms >= ? AND time_ms < ? AND NOT deleted'),
    countBetween: sql('SELECT count(*) AS count FROM revisions WHERE pipeline = ? AND time_ms >= ? AND time_ms < ?'),
    present: sql('SELECT key FROM revisions WHERE pipeline = ? AND NOT deleted'),
    newest: sql('SELECT key FROM revisions WHERE pipeline = ? AND NOT deleted ORDER BY time_ms DESC LIMIT ?'),
    noted: sql('SELECT id FROM notes WHERE source = ? AND kind = ?'),
    note: sql('SELECT value FROM notes WHERE source = ? AND kind = ? AND id = ?'),
    writeNote: sql('INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)'),
    child: sql(`SELECT ${CHILD} FROM children WHERE pipeline = ? AND child = ?`),
    openChildren: sql(`SELECT ${CHILD} FROM children WHERE pipeline = ? AND status = 'open'`),
    childCounts: sql('SELECT status, count(*) AS count FROM children WHERE pipeline = ? GROUP BY status'),
    rememberChild: sql('INSERT OR REPLACE INTO children VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    due: sql(
      `${DUE} refresh_at_ms <= ?2 AND (refresh_at_ms, id) > (?3, ?4)
       UNION ALL ${DUE} refresh_at_ms > ?5 AND (refresh_at_ms, id) > (?3, ?4) ORDER BY 2, 3 LIMIT ?6`,
    ),
    nameTenant: sql('UPDATE pipelines SET tenant = ? WHERE id = ? AND tenant IS NULL'),
    tenant: sql('SELECT tenant FROM pipelines WHERE id = ?'),
    coveredFrom: sql('SELECT covered_from_ms AS at FROM pipelines WHERE id = ?'),
    cover: sql('UPDATE pipelines SET covered_from_ms = min(coalesce(covered_from_ms, ?1), ?1) WHERE id = ?2'),
    oldestOpen: sql(
      `SELECT min(at) AS at FROM (
         SELECT min(from_ms) AS at FROM gaps WHERE pipeline = ?1
         UNION ALL SELECT min(from_ms) FROM walks WHERE pipeline = ?1 AND finished_at_ms IS NULL AND kind <> 'refresh'
         UNION ALL SELECT min(from_ms) FROM jobs WHERE status NOT IN ('done', 'cancelled'))`,
    ),
    // What the engine is still to do something about stays known.
    forget: sql(
      `DELETE FROM revisions WHERE pipeline = ?1 AND time_ms < ?2 AND refresh_at_ms IS NULL
       AND key NOT IN (SELECT key FROM owed WHERE pipeline = ?1) AND key NOT IN (SELECT key FROM missing WHERE pipeline = ?1)`,
    ),
    forgetLedger: sql('DELETE FROM ledger WHERE pipeline = ? AND to_ms <= ?'),
    uncover: sql('UPDATE pipelines SET covered_from_ms = max(covered_from_ms, ?) WHERE id = ?'),
    counts: sql(
      `SELECT count(*) AS records, coalesce(sum(deleted), 0) AS deleted, count(refresh_at_ms) AS due FROM revisions WHERE pipeline = ?`,
    ),
    rememberPlain: sql(
      `INSERT INTO revisions (pipeline, key_hash, key, fingerprint, revision, ordinal, time_ms, digests, deleted, refresh_ms)
       VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6, 0, 0)`,
    ),
    remember: sql('INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    walk: sql('SELECT * FROM walks WHERE pipeline = ? AND walk = ?'),
    walks: sql('SELECT * FROM walks WHERE pipeline = ? ORDER BY walk'),
    begin: sql(
      `INSERT INTO walks (pipeline, walk, kind, from_ms, to_ms, batch) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET from_ms = excluded.from_ms, to_ms = excluded.to_ms, cursor = NULL, finished_at_ms = NULL, cancelled = 0`,
    ),
    finish: sql('UPDATE walks SET finished_at_ms = ?, cursor = NULL WHERE pipeline = ? AND walk = ? AND to_ms <= ?'),
    cancel: sql(
      'UPDATE walks SET finished_at_ms = ?, cursor = NULL, cancelled = 1 WHERE pipeline = ? AND walk = ? AND finished_at_ms IS NULL',
    ),
    // A walk under way keeps its place, and reads the range that it takes over behind its own.
    handOver: sql(
      `INSERT INTO walks (pipeline, walk, kind, from_ms, to_ms, cursor, batch)
       SELECT pipeline, ?1, ?2, from_ms, to_ms, cursor, ?3 FROM walks WHERE pipeline = ?4 AND walk = ?5
       ON CONFLICT DO UPDATE SET
         from_ms = CASE WHEN finished_at_ms IS NULL THEN min(from_ms, excluded.from_ms) ELSE excluded.from_ms END,
         to_ms = CASE WHEN finished_at_ms IS NULL THEN max(to_ms, excluded.to_ms) ELSE excluded.to_ms END,
         cursor = CASE WHEN finished_at_ms IS NULL THEN cursor ELSE excluded.cursor END,
         finished_at_ms = NULL`,
    ),
    commitWalk: sql(
      'UPDATE walks SET cursor = coalesce(?, cursor), receipt = ?, batch = ? WHERE pipeline = ? AND walk = ?',
    ),
    prepare: sql('INSERT OR REPLACE INTO prepared (pipeline, walk, number, rows, at_ms) VALUES (?, ?, ?, ?, ?)'),
    prepared: sql('SELECT walk, number, rows, at_ms AS "atMs" FROM prepared WHERE pipeline = ? ORDER BY walk, number'),
    committed: sql('DELETE FROM prepared WHERE pipeline = ? AND walk = ? AND number = ?'),
    // The number of a batch that may have arrived is never given to another batch.
    passPrepared: sql(
      `UPDATE walks SET batch = max(batch, coalesce((SELECT max(number) FROM prepared
         WHERE prepared.pipeline = walks.pipeline AND prepared.walk = walks.walk), 0)) WHERE pipeline = ?`,
    ),
    forgetPrepared: sql('DELETE FROM prepared WHERE pipeline = ?'),
    // Never forward: a range that the walk has not read yet is not left out.
    rewind: sql(
      `UPDATE walks SET from_ms = min(from_ms, ?1), to_ms = min(?1, CASE WHEN finished_at_ms IS NULL THEN from_ms ELSE to_ms END),
       cursor = NULL, finished_at_ms = 0 WHERE pipeline = ?2 AND walk = ?3`,
    ),
  };
}

/** One column: what is remembered of a document lives and dies with the row. Neither a digest nor JSON has a tabulator. */
function withLast({ digests, last }: Row): string {
  return last === undefined ? digests : `${digests}\t${last}`;
}

function withoutLast(stored: string): Pick<Known, 'digests' | 'last'> {
  const at = stored.indexOf('\t');
  return at < 0 ? { digests: stored } : { digests: stored.slice(0, at), last: stored.slice(at + 1) };
}

function rememberRow(statements: Statements, id: number, row: Row): void {
  // The usual case in a backfill of list records, which needs half of the values.
  if (isPlain(row)) {
    statements.rememberPlain.run(id, keyHash(id, row.key), row.key, row.revision, row.timeMs, withLast(row));
    return;
  }
  statements.remember.run(
    row.rowId ?? null,
    id,
    keyHash(id, row.key),
    row.key,
    row.fingerprint,
    row.revision,
    row.ordinal,
    row.timeMs,
    withLast(row),
    row.deleted ? 1 : 0,
    row.refreshAtMs,
    row.refreshMs,
    row.seenMs,
  );
}

/** A hash of 52 bits of a key, for the index. It need not be secure: equal hashes only cost a comparison. */
function keyHash(id: number, key: string): number {
  let high = 0x9e3779b9 ^ id;
  let low = 0x85ebca6b;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    high = Math.imul(high ^ code, 0x85ebca77);
    low = Math.imul(low ^ code, 0xc2b2ae3d);
  }
  high ^= Math.imul(high ^ (high >>> 15), low | 1);
  low ^= Math.imul(low ^ (low >>> 13), high | 1);
  return (high & 0xfffff) * 2 ** 32 + (low >>> 0);
}

function commitWalk(statements: Statements, id: number, commit: Commit): void {
  const cursor = commit.cursor === undefined ? null : JSON.stringify(commit.cursor);
  statements.commitWalk.run(cursor, JSON.stringify(commit.receipt), commit.number, id, commit.walk);
  statements.committed.run(id, commit.walk, commit.number);
}

function rememberChild(statements: Statements, id: number, row: ChildRow): void {
  const { child, version, status, sinceMs, nextAtMs, records, failures } = row;
  statements.rememberChild.run(id, child, version, status, sinceMs, nextAtMs, records, failures);
}

function toKnown(row: Raw | undefined): Known | undefined {
  if (row === undefined) return undefined;
  return {
    rowId: row.id as number,
    fingerprint: row.fingerprint as string | null,
    revision: row.revision as string,
    ordinal: row.ordinal as number,
    timeMs: row.time_ms as number | null,
    ...withoutLast(row.digests as string),
    deleted: row.deleted === 1,
    refreshAtMs: row.refresh_at_ms as number | null,
    refreshMs: row.refresh_ms as number,
    seenMs: row.seen_ms as number | null,
  };
}

function toWalk(row: Raw | undefined): WalkRow | undefined {
  if (row === undefined) return undefined;
  const json = (text: string | number | null | undefined) =>
    typeof text === 'string' ? (JSON.parse(text) as Json) : undefined;
  return {
    walk: row.walk as string,
    kind: row.kind as WalkKind,
    range: { fromMs: row.from_ms as number, toMs: row.to_ms as number },
    cursor: json(row.cursor),
    receipt: json(row.receipt),
    batch: row.batch as number,
    finishedAtMs: (row.finished_at_ms as number | null) ?? undefined,
    isCancelled: row.cancelled === 1,
  };
}
