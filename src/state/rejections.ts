/** The store of documents that a sink refused for good: looked at, measured, sent again or given up. */
import type { DatabaseSync } from 'node:sqlite';
import type { PipelineState, RejectionGroup, StoredRejection } from './store.ts';

type Guard = <T>(work: () => T) => T;
type Raw = Record<string, string | number | null>;

/** A dropped document leaves a fact of this name behind, with its id: for good, as proof of what was given up, and when. */
const DROPPED = 'dropped ';
/** The first name behind all of those. */
const BEHIND_DROPPED = 'dropped!';

export type RejectionStatements = ReturnType<typeof prepareRejections>;

export function prepareRejections(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  const cause = 'id, key, type, reason, field, at_ms AS "atMs"';
  return {
    reject: sql('INSERT OR REPLACE INTO rejections VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    accept: sql('DELETE FROM rejections WHERE pipeline = ? AND id = ?'),
    countRejected: sql('SELECT count(*) AS count FROM rejections WHERE pipeline = ?'),
    countDropped: sql(
      `SELECT count(*) AS count FROM facts WHERE pipeline = ? AND name >= '${DROPPED}' AND name < '${BEHIND_DROPPED}'`,
    ),
    rejected: sql(
      'SELECT id, key, type, reason, field, document FROM rejections WHERE pipeline = ? AND id > ? ORDER BY id LIMIT ?',
    ),
    causes: sql(`SELECT ${cause} FROM rejections WHERE pipeline = ? ORDER BY at_ms, id`),
    rejectionOf: sql(
      `SELECT ${cause}, document FROM rejections WHERE pipeline = ?1 AND (id = ?2 OR key = ?2) ORDER BY at_ms, id`,
    ),
    rejectedSize: sql(
      'SELECT count(*) AS documents, coalesce(sum(octet_length(document)), 0) AS bytes FROM rejections WHERE pipeline = ?',
    ),
    groups: sql(
      `SELECT type, field, count(*) AS documents, reason, max(at_ms) AS "atMs" FROM rejections WHERE pipeline = ?
       GROUP BY type, field ORDER BY documents DESC, type, field`,
    ),
    giveUp: sql(
      `INSERT OR REPLACE INTO facts SELECT pipeline, '${DROPPED}' || id,
       json_object('key', key, 'type', type, 'field', field, 'atMs', ?3) FROM rejections WHERE pipeline = ?1 AND id = ?2`,
    ),
  };
}

type Rejections = Pick<
  PipelineState,
  'rejected' | 'eachRejection' | 'rejectionsNamed' | 'rejectedSize' | 'rejectionGroups' | 'drop'
>;

/** The part of the state that belongs to the pipeline with this id. */
export function rejectionsOf(
  statements: RejectionStatements,
  id: number,
  { guard, transaction, now }: { guard: Guard; transaction: Guard; now: () => number },
): Rejections {
  return {
    rejected: (limit, afterId = '') =>
      guard(() => (statements.rejected.all(id, afterId, limit) as Raw[]).map((row) => withField<StoredRejection>(row))),
    eachRejection: (take) =>
      guard(() => {
        for (const row of statements.causes.iterate(id)) take(withField(row as Raw));
      }),
    rejectionsNamed: (name) =>
      guard(() => (statements.rejectionOf.all(id, name) as Raw[]).map((row) => withField(row))),
    rejectedSize: () => guard(() => statements.rejectedSize.get(id) as unknown as { documents: number; bytes: number }),
    rejectionGroups: () =>
      guard(() => (statements.groups.all(id) as Raw[]).map((row) => withField<RejectionGroup>(row))),
    drop: (ids) =>
      transaction(() => {
        let dropped = 0;
        for (const one of ids) {
          dropped += Number(statements.giveUp.run(id, one, now()).changes);
          statements.accept.run(id, one);
        }
        return dropped;
      }),
  };
}

function withField<Stored>(row: Raw): Stored {
  return { ...row, field: row.field ?? undefined } as Stored;
}
