/** Tells how a state is damaged, and what to do about it. */
import { closeSync, openSync, readSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf, SluiceError, stopError } from '../api/errors.ts';
import { HANDLES_ADVICE, hasNoHandles } from '../system/handles.ts';
import { ownFile } from '../system/trust.ts';
import { lockedByOther, whoseElse } from './files.ts';
import { SCHEMA_VERSION } from './schema.sql.ts';
import { isAsSealed } from './seal.ts';

/** Whether the state is known to be as Sluice left it; throws when it is known not to be. */
export function requireWhole(path: string): boolean {
  if (ownFile(join(path, 'state.db'))?.size === 0) throw torn(path, 'it is empty');
  const isSealed = isAsSealed(path);
  if (isSealed !== false) return isSealed ?? false;
  const version = versionIn(join(path, 'state.db'));
  if (version > SCHEMA_VERSION) throw newer(version); // a newer version may leave a state in another way
  throw torn(
    path,
    'the file is not as Sluice left it when it ended (where a person changed it on purpose: remove state.seal beside it)',
  );
}

/** The position of the schema's version in SQLite's file format, and what every such file begins with. */
const VERSION_AT = 60;
const MAGIC = 'SQLite format 3\0';

/** Reads the file without SQLite, which would leave a log beside it; 0 for one that is no database. To be used only while no process has it open. */
function versionIn(file: string): number {
  const fd = openSync(file, 'r');
  try {
    const header = Buffer.alloc(VERSION_AT + 4);
    const isDatabase = readSync(fd, header, 0, header.length, 0) === header.length && header.indexOf(MAGIC) === 0;
    return isDatabase ? header.readInt32BE(VERSION_AT) : 0;
  } finally {
    closeSync(fd);
  }
}

/** Lets SQLite look for pages that make no sense. */
export function quickCheck(database: DatabaseSync, path: string): void {
  const row = database.prepare('PRAGMA quick_check(1)').get() as { quick_check?: string } | undefined;
  if (row?.quick_check !== 'ok') throw torn(path, row?.quick_check ?? 'it cannot be read');
}

export function newer(version: number): SluiceError {
  return stopError(
    `the state was written by another version of Sluice (schema ${version}, this one knows ${SCHEMA_VERSION})`,
    'Run the version that wrote it, or a newer one.',
  );
}

export function torn(path: string, why: string): SluiceError {
  return stopError(
    `the state in ${path} is damaged: ${why}`,
    'Restore it from a backup, together with the output that belongs to it. Without one, reset it by moving the folder away, and the output of files too (`sluice run --adopt` takes that over instead): everything in range is shipped again.',
  );
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const TORN = new Set([11, 26]);

/** Whether the disk is full. SQLite does not always say so: it may need room for the memory that two processes share. */
function hasNoRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize < NEEDED_BYTES;
  } catch {
    return false;
  }
}

const NEEDED_BYTES = 256 * 1024;

/** Runs `work` and turns a failure of the database into an error with advice. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const message = messageOf(error);
    const locked = lockedByOther(path, error);
    if (locked !== undefined) throw locked;
    if (TORN.has((error as { errcode?: number }).errcode ?? 0)) throw torn(path, message);
    const full = /full|ENOSPC/i.test(message) || (message === 'disk I/O error' && hasNoRoom(path));
    const usable = hasNoHandles()
      ? HANDLES_ADVICE
      : `Check that state.path is a folder on a local disk that this user may write to.${whoseElse(path)}`;
    throw stopError(
      `the state in ${path} cannot be ${full ? 'written: the disk is full' : `used: ${message}`}`,
      full
        ? 'Free some space and start again: everything up to the last checkpoint is safe, and the rest is read again.'
        : usable,
      error,
    );
  }
}
