/** Database files of a state: made whole, brought to this version's schema, read as they are. */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { usageError } from '../api/errors.ts';
import { fileMode, makeFile } from '../system/private-files.ts';
import { newer } from './damage.ts';
import type { StatePlace } from './files.ts';
import { MIGRATIONS, SCHEMA, SCHEMA_VERSION } from './schema.sql.ts';

/** Makes a database that is whole from its first moment, however the process ends: an empty file counts as one that was damaged. */
export function makeDatabase(file: string, place: StatePlace): void {
  const fresh = `${file}.${randomUUID()}.new`;
  try {
    newDatabase(fresh, place).close();
    giveName(fresh, file); // one that another process has made meanwhile is as good
  } finally {
    removeFresh(fresh);
  }
}

/** Without a log beside it, which would not be part of the file once it gets its name. */
export function newDatabase(fresh: string, place: StatePlace): DatabaseSync {
  makeFile(fresh, fileMode(place), place);
  return prepared(fresh, 'PRAGMA page_size = 8192; PRAGMA synchronous = FULL;');
}

/** Gives a whole file its name; false, and nothing done, where there is a file with that name. */
export function giveName(fresh: string, file: string): boolean {
  try {
    linkSync(fresh, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    if (existsSync(file)) return false; // a file system without links
    renameSync(fresh, file);
    return true;
  }
}

/**
 * Makes a new file for people, whole or not at all: `make` is given another name until it is. Returns its size in bytes.
 * Throws where there is such a file.
 */
export async function makeNewFile(target: string, make: (fresh: string) => Promise<void>): Promise<number> {
  const fresh = `${target}.new`;
  requireNew(target);
  try {
    removeFresh(fresh);
    await make(fresh);
    if (!giveName(fresh, target)) requireNew(target);
    return statSync(target).size;
  } finally {
    removeFresh(fresh);
  }
}

function requireNew(target: string): void {
  if (existsSync(target)) throw usageError(`there is a file ${target} already`, 'Name another one.');
}

export function removeFresh(fresh: string): void {
  for (const end of ['', '-journal', '-wal', '-shm']) rmSync(fresh + end, { force: true });
}

export function prepared(file: string, pragmas: string, beforeMigration = () => {}): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    database.exec(pragmas);
    migrate(database, beforeMigration);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, before: () => void): void {
  const version = versionOf(database);
  if (version > SCHEMA_VERSION) throw newer(version);
  if (version !== SCHEMA_VERSION) before();
  if (version === 0) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
  for (let from = version; from > 0 && from < SCHEMA_VERSION; from++) {
    database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[from]} PRAGMA user_version = ${from + 1}; COMMIT;`);
  }
}

/** Not read-only: a read-only connection leaves a log behind, as if the file were in use. */
export function reading<T>(file: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** The same for work that takes its time. */
export async function withDatabase<T>(file: string, work: (database: DatabaseSync) => Promise<T>): Promise<T> {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

export function versionOf(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

export function idIn(database: DatabaseSync): string {
  return (database.prepare('SELECT id FROM self').get() as { id: string }).id;
}
