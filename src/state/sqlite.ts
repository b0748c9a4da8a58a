import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../api/document.ts';
import type { Range } from '../api/walk.ts';
import type { Lock } from '../system/os-lock.ts';
import { guarded, quickCheck, requireWhole, torn } from './damage.ts';
import { idIn, makeDatabase, prepared, reading, versionOf } from './database.ts';
import {
  hasState,
  inUse,
  lockState,
  removeDatabase,
  type StatePlace,
  secureFiles,
  tellOfOthers,
  watchFiles,
} from './files.ts';
import { pausesOf } from './jobs/parts.ts';
import { openPipeline, saidBy } from './pipeline-state.ts';
import { SCHEMA_VERSION } from './schema.sql.ts';
import { seal, unseal } from './seal.ts';
import type { JobRow, Reading, RejectionRow, StateStore } from './store.ts';

export interface StateOptions extends StatePlace {
  now: () => number;
  /** Takes the lock that keeps a second process away. Commands that only read, or only add a job, do not need it. */
  exclusive: boolean;
  /** Takes secrets out of foreign texts (a sink's reasons, messages of errors): the one of the process's redactor. */
  scrub?: (text: string) => string;
  /**
   * For a state that is kept elsewhere: what is on the disk is a copy for this process, made anew by each opening. It is
   * written without waiting for the disk, and is given away to be filled and watched.
   */
  copy?: (database: DatabaseSync) => void;
}

/** Large pages and rare checkpoints, since keys are random and every batch touches pages all over their index. */
const PRAGMAS =
  'PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;';

/** Opens the state, and makes it if there is none. Throws when another process holds it. */
export function openState(options: StateOptions): StateStore {
  const { path, exclusive, elsewhere } = options;
  if (elsewhere !== undefined) throw elsewhere;
  return guarded(path, () => {
    secureFiles(options);
    const lock = exclusive ? lockState(path, LOCK_WAIT_MS) : undefined;
    if (exclusive && lock === undefined) throw inUse(path);
    try {
      if (options.copy !== undefined) removeDatabase(path);
      if (exclusive) tellOfOthers(options);
      return store(openDatabase(options), lock, options);
    } catch (error) {
      lock?.close();
      throw error;
    }
  });
}

function openDatabase(options: StateOptions): DatabaseSync {
  const { path, exclusive } = options;
  const file = join(path, 'state.db');
  if (!hasState(path)) {
    // SQLite would take the log for a part of the new file.
    if (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size) throw torn(path, 'its main file is missing');
    makeDatabase(file, options);
  }
  const isWhole = requireWhole(path);
  if (exclusive) unseal(path);
  const database = prepared(file, PRAGMAS, () => unseal(path));
  if (options.copy !== undefined) {
    database.exec('PRAGMA synchronous = OFF');
    options.copy(database);
  }
  if (isWhole || !exclusive) return database;
  try {
    quickCheck(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A process that only looks whether the lock is taken (`isStateInUse`) holds it for a moment: wait for that. */
const LOCK_WAIT_MS = 500;

/** How a state that can be used was found. */
export interface StateHealth {
  /** Of its schema, and of the one that this version knows. */
  version: number;
  known: number;
  /** It is known to be as Sluice left it, byte by byte; without that, SQLite's pages make sense. */
  isSealed: boolean;
}

/**
 * Opens an existing state as `run` does, and has SQLite check whether the file is whole. Throws an error with advice. A file
 * of an earlier version is left as it is. Undefined where there is no state yet.
 */
export function verifyState(options: Omit<StateOptions, 'exclusive'>): StateHealth | undefined {
  const { path } = options;
  return guarded(path, () => {
    accessSync(path, constants.W_OK | constants.X_OK);
    tellOfOthers(options);
    if (!hasState(path)) return undefined;
    const isSealed = requireWhole(path);
    const version = reading(join(path, 'state.db'), (database) => {
      quickCheck(database, path);
      return versionOf(database);
    });
    if (version >= SCHEMA_VERSION) openState({ ...options, exclusive: false }).close();
    return { version, known: SCHEMA_VERSION, isSealed };
  });
}

/** The identity of a state; undefined for one of an earlier version. */
export function idOfState(path: string): string | undefined {
  return reading(join(path, 'state.db'), (database) =>
    versionOf(database) === SCHEMA_VERSION ? idIn(database) : undefined,
  );
}

/** Whether a process holds the state: that process then does the jobs. */
export function isStateInUse(place: StatePlace): boolean {
  if (place.elsewhere !== undefined) throw place.elsewhere;
  return guarded(place.path, () => {
    secureFiles(place);
    const lock = lockState(place.path, 0);
    lock?.close();
    return lock === undefined;
  });
}

function store(database: DatabaseSync, lock: Lock | undefined, options: StateOptions): StateStore {
  const { path } = options;
  const guard = <T>(work: () => T) => guarded(path, work);
  const verify = watchFiles(path, lock !== undefined);
  verify();
  let mayHaveChanged = lock !== undefined;
  /** Checks that the files are still there; too slow for calls that every record makes. */
  const watched = <T>(work: () => T): T =>
    guard(() => {
      verify();
      return work();
    });
  const written = <T>(work: () => T): T =>
    watched(() => {
      if (!mayHaveChanged) unseal(path);
      mayHaveChanged = true;
      return work();
    });
  const run = (sql: string, ...values: (string | number | null)[]) =>
    written(() => database.prepare(sql).run(...values));
  const all = (sql: string, ...values: (string | number | null)[]) =>
    watched(() => database.prepare(sql).all(...values)) as Record<string, string | number | null>[];
  const id = options.copy === undefined ? idIn(database) : undefined; // a copy is still to be filled
  return {
    get id() {
      return id ?? idIn(database);
    },
    verify,
    pipeline(name) {
      const find = () => all('SELECT id FROM pipelines WHERE name = ?', name)[0];
      if (find() === undefined) run('INSERT INTO pipelines (name) VALUES (?) ON CONFLICT DO NOTHING', name);
      const row = find();
      const [source = ''] = name.split('/', 1);
      return openPipeline(database, { id: row?.id as number, source }, { guard, written }, options);
    },
    pipelines: () => all('SELECT name FROM pipelines ORDER BY name').map((row) => row.name as string),
    addJob(job) {
      const sql =
        'INSERT INTO jobs (kind, from_ms, to_ms, pipelines, "as", status, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)';
      const { fromMs, toMs } = job.range;
      const pipelines = JSON.stringify(job.pipelines);
      return Number(
        run(sql, job.kind, fromMs, toMs, pipelines, job.as ?? null, 'waiting', options.now()).lastInsertRowid,
      );
    },
    jobs: () => all('SELECT * FROM jobs ORDER BY id').map(toJob),
    setJob: (id, status, message) => {
      const said = message === undefined ? null : saidBy(options)(message);
      run(
        `UPDATE jobs SET status = ?1, message = ?2 WHERE id = ?3
         AND (status NOT IN ('paused', 'cancelled') OR (?1 = 'done' AND status = 'paused'))`,
        ...[status, said, id],
      );
    },
    turnJob: (id, status, message) => {
      const said = message === undefined ? null : saidBy(options)(message);
      const sql = "UPDATE jobs SET status = ?, message = ? WHERE id = ? AND status NOT IN ('done', 'cancelled')";
      return Number(run(sql, status, said, id).changes) > 0;
    },
    ...pausesOf(run, all, saidBy(options)),
    readings: (afterId, limit) =>
      all(
        `SELECT l.id, p.name AS pipeline, l.at_ms AS "atMs", l.documents + l.dropped AS documents FROM ledger l JOIN pipelines p ON p.id = l.pipeline
         WHERE l.id > ? AND l.walk NOT LIKE 'backfill%' ORDER BY l.id LIMIT ?`,
        afterId,
        limit,
      ) as unknown as Reading[],
    rejections: ({ pipeline, limit }) =>
      all(
        `SELECT p.name AS pipeline, r.id, r.key, r.type, r.reason, r.field, r.document, r.at_ms AS "atMs"
         FROM rejections r JOIN pipelines p ON p.id = r.pipeline
         WHERE ? IS NULL OR p.name = ? ORDER BY r.at_ms, r.id LIMIT ?`,
        pipeline ?? null,
        pipeline ?? null,
        limit,
      ).map((row) => ({ ...(row as unknown as RejectionRow), field: (row.field as string | null) ?? undefined })),
    message: (name) =>
      all('SELECT value FROM notes WHERE source = ? AND kind = ? AND id = ?', ...MESSAGE, name)[0]?.value as
        | string
        | undefined,
    setMessage: (name, text) => {
      run('INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)', ...MESSAGE, name, saidBy(options)(text));
    },
    renameSource: (from, to, beginsAnew) => written(() => renameSource(database, from, to, beginsAnew)),
    vacuum() {
      written(() => database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE);'));
    },
    close() {
      try {
        database.close();
        if (options.copy !== undefined) removeDatabase(path);
        else if (lock !== undefined) seal(path, options);
        else if (mayHaveChanged) unseal(path);
      } finally {
        lock?.close();
      }
    },
  };
}

/** Source and kind of the notes that are messages: no source has an empty name. */
const MESSAGE = ['', 'message'] as const;

function renameSource(database: DatabaseSync, from: string, to: string, beginsAnew: readonly string[]): string[] {
  const run = (sql: string, ...values: string[]) => database.prepare(sql).run(...values);
  const all = (sql: string, ...values: string[]) => database.prepare(sql).all(...values) as Record<string, string>[];
  const isMine = (name: string) => name.startsWith(`${from}/`);
  const renamed = (name: string) => (isMine(name) ? `${to}${name.slice(from.length)}` : name);
  database.exec('BEGIN IMMEDIATE');
  try {
    const mine = all('SELECT name FROM pipelines ORDER BY name').flatMap(({ name = '' }) =>
      isMine(name) ? [name] : [],
    );
    for (const name of mine) {
      const [, , sink = ''] = name.split('/');
      run('DELETE FROM pipelines WHERE name = ?', renamed(name)); // one that nothing is known of
      run('UPDATE pipelines SET name = ? WHERE name = ?', renamed(name), name);
      const ofPipeline = 'pipeline = (SELECT id FROM pipelines WHERE name = ?)';
      if (beginsAnew.includes(sink)) run(`UPDATE walks SET receipt = NULL WHERE ${ofPipeline}`, renamed(name));
      run(
        `UPDATE rejections SET document = json_set(document, '$.data_stream.namespace', ?)
         WHERE json_valid(document) AND json_type(document, '$.data_stream') = 'object' AND ${ofPipeline}`,
        ...[to, renamed(name)],
      );
    }
    for (const table of ['notes', 'pauses']) run(`UPDATE ${table} SET source = ? WHERE source = ?`, to, from);
    for (const { id, pipelines = '[]' } of all('SELECT CAST(id AS TEXT) AS id, pipelines FROM jobs'))
      run('UPDATE jobs SET pipelines = ? WHERE id = ?', JSON.stringify(JSON.parse(pipelines).map(renamed)), String(id));
    database.exec('COMMIT');
    return mine.map(renamed);
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function toJob(row: Record<string, Json>): JobRow {
  return {
    id: row.id as number,
    kind: row.kind as JobRow['kind'],
    range: { fromMs: row.from_ms, toMs: row.to_ms } as Range,
    pipelines: JSON.parse(row.pipelines as string) as string[],
    as: row.as === 'event' ? 'event' : undefined,
    status: row.status as JobRow['status'],
    message: (row.message as string | null) ?? undefined,
    createdAtMs: row.created_at_ms as number,
  };
}
