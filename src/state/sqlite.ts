import { randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, SluiceError } from '../errors.ts';
import type { Json, Range } from '../types.ts';
import { openPipeline } from './pipeline-state.ts';
import { MIGRATIONS, SCHEMA, SCHEMA_VERSION } from './schema.sql.ts';
import type { JobRow, RejectionRow, StateStore } from './store.ts';

export interface StateOptions {
  /** The folder that holds the database and its lock. */
  path: string;
  now: () => number;
  /** Take the lock that keeps a second process away. Commands that only look, or only add a job, do without. */
  exclusive: boolean;
}

/** Large pages and seldom checkpoints, since keys are random and every batch touches pages all over their index. */
const PRAGMAS =
  'PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;';

/** Opens (and makes, if need be) the state. Throws a clear error when another process holds it. */
export function openState(options: StateOptions): StateStore {
  return guarded(options.path, () => {
    mkdirSync(options.path, { recursive: true });
    const lock = options.exclusive ? takeLock(options.path, LOCK_PATIENCE_MS) : undefined;
    try {
      return store(openDatabase(options.path), lock, options);
    } catch (error) {
      lock?.close();
      throw error;
    }
  });
}

function openDatabase(path: string): DatabaseSync {
  const file = join(path, 'state.db');
  if (!existsSync(file)) {
    // It would be taken for a part of the new file.
    if (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size) throw torn(path, 'its main file is missing');
    makeDatabase(file);
  }
  if (statSync(file).size === 0) throw torn(path, 'it is empty');
  return prepared(file);
}

/** Whole from its first moment, however the process ends: an empty file is one that lost what it had. */
function makeDatabase(file: string): void {
  const fresh = `${file}.${randomUUID()}.new`;
  try {
    // Without a log beside it: what stands there would not be part of the file that gets the name.
    prepared(fresh, 'PRAGMA page_size = 8192; PRAGMA synchronous = FULL;').close();
    giveName(fresh, file);
  } finally {
    for (const end of ['', '-journal']) rmSync(fresh + end, { force: true });
  }
}

/** Leaves a file alone that another process has made meanwhile. */
function giveName(fresh: string, file: string): void {
  try {
    linkSync(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') renameSync(fresh, file); // a file system without links
  }
}

function prepared(file: string, pragmas = PRAGMAS): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    database.exec(pragmas);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Somebody who only looks whether the lock is taken (`isStateInUse`) holds it for a moment: wait for that. */
const LOCK_PATIENCE_MS = 500;

/** A lock that the operating system lets go of when the process dies, however it dies. */
function takeLock(path: string, patienceMs: number): DatabaseSync {
  const lock = new DatabaseSync(join(path, 'lock.db'), { timeout: patienceMs });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    return lock;
  } catch (error) {
    lock.close();
    if (!/locked|busy/i.test(messageOf(error))) throw error;
    throw new SluiceError(`another Sluice process is using the state in ${path}`, {
      action: 'stop',
      advice: 'Stop that process first, or give this one a state.path of its own (it would ship everything again).',
    });
  }
}

/**
 * Opens the state as `run` does, where there is one, and asks SQLite whether the file is whole. Throws with what to do. A
 * file of an earlier version is left as it is.
 */
export function verifyState(path: string, now: () => number): void {
  const file = join(path, 'state.db');
  guarded(path, () => {
    accessSync(path, constants.W_OK | constants.X_OK);
    if (!existsSync(file)) return;
    if (statSync(file).size === 0) throw torn(path, 'it is empty');
    const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
    try {
      const [row] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check?: string }[];
      if (row?.quick_check !== 'ok') throw torn(path, row?.quick_check ?? 'it cannot be read');
      const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
      if (version < SCHEMA_VERSION) return;
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      throw torn(path, messageOf(error));
    } finally {
      database.close();
    }
    openState({ path, now, exclusive: false }).close();
  });
}

function torn(path: string, why: string): SluiceError {
  return new SluiceError(`the state in ${path} is damaged: ${why}`, {
    action: 'stop',
    advice:
      'Restore it from a backup, together with the output that belongs to it. Without one, reset it by moving the folder away: everything in range is shipped again.',
  });
}

/** Whether a process holds the state: then jobs are left to it. */
export function isStateInUse(path: string): boolean {
  return guarded(path, () => {
    mkdirSync(path, { recursive: true });
    try {
      takeLock(path, 0).close();
      return false;
    } catch (error) {
      if (error instanceof SluiceError) return true;
      throw error;
    }
  });
}

function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > SCHEMA_VERSION) {
    throw new SluiceError(
      `the state was written by another version of Sluice (schema ${version}, this one knows ${SCHEMA_VERSION})`,
      {
        action: 'stop',
        advice: 'Run the version that wrote it, or a newer one.',
      },
    );
  }
  if (version === 0) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
  for (let from = version; from > 0 && from < SCHEMA_VERSION; from++) {
    database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[from]} PRAGMA user_version = ${from + 1}; COMMIT;`);
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const TORN = new Set([11, 26]);

/** SQLite does not always say that a disk is full: it may need room for what two processes share. */
function hasNoRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize < NEEDED_BYTES;
  } catch {
    return false;
  }
}

const NEEDED_BYTES = 256 * 1024;

/** Runs `work` and says what a failure of the database means. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const message = messageOf(error);
    if (TORN.has((error as { errcode?: number }).errcode ?? 0)) throw torn(path, message);
    const full = /full|ENOSPC/i.test(message) || (message === 'disk I/O error' && hasNoRoom(path));
    throw new SluiceError(`the state in ${path} cannot be ${full ? 'written: the disk is full' : `used: ${message}`}`, {
      action: 'stop',
      advice: full
        ? 'Free some space and start again: everything up to the last checkpoint is safe, and the rest is read again.'
        : 'Check that state.path is a folder on a local disk that this user may write to.',
      cause: error,
    });
  }
}

function store(database: DatabaseSync, lock: DatabaseSync | undefined, options: StateOptions): StateStore {
  const guard = <T>(work: () => T) => guarded(options.path, work);
  const run = (sql: string, ...values: (string | number | null)[]) => guard(() => database.prepare(sql).run(...values));
  const all = (sql: string, ...values: (string | number | null)[]) =>
    guard(() => database.prepare(sql).all(...values)) as Record<string, string | number | null>[];
  return {
    pipeline(name) {
      run('INSERT INTO pipelines (name) VALUES (?) ON CONFLICT DO NOTHING', name);
      const [row] = all('SELECT id FROM pipelines WHERE name = ?', name);
      const [source = ''] = name.split('/', 1);
      return openPipeline(database, { id: row?.id as number, source }, guard, options.now);
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
      run('UPDATE jobs SET status = ?, message = ? WHERE id = ?', status, message ?? null, id);
    },
    rejections: ({ pipeline, limit }) =>
      all(
        `SELECT p.name AS pipeline, r.id, r.key, r.type, r.reason, r.field, r.document, r.at_ms AS "atMs"
         FROM rejections r JOIN pipelines p ON p.id = r.pipeline
         WHERE ? IS NULL OR p.name = ? ORDER BY r.at_ms, r.id LIMIT ?`,
        pipeline ?? null,
        pipeline ?? null,
        limit,
      ).map((row) => ({ ...(row as unknown as RejectionRow), field: (row.field as string | null) ?? undefined })),
    close() {
      database.close();
      lock?.close();
    },
  };
}

function toJob(row: Record<string, Json>): JobRow {
  return {
    id: row.id as number,
    kind: 'backfill',
    range: { fromMs: row.from_ms, toMs: row.to_ms } as Range,
    pipelines: JSON.parse(row.pipelines as string) as string[],
    as: row.as === 'event' ? 'event' : undefined,
    status: row.status as JobRow['status'],
    message: (row.message as string | null) ?? undefined,
    createdAtMs: row.created_at_ms as number,
  };
}
