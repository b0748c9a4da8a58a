/** A copy of the state in one file, made by SQLite itself while the state is in use. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { backup } from 'node:sqlite';
import { usageError } from '../api/errors.ts';
import { fileMode, makeFile } from '../system/private-files.ts';
import { guarded, quickCheck, requireWhole } from './damage.ts';
import { giveName, removeFresh, withDatabase } from './database.ts';
import type { StatePlace } from './files.ts';

/**
 * Copies the state into a new file, which is a `state.db` to be put in its place, for Sluice's user alone. The schema stays
 * as it is, so that a copy made before an upgrade is one for the version before. Returns its size in bytes. Throws when there
 * is such a file, or when the state is damaged.
 */
export async function backupState(place: StatePlace, target: string): Promise<number> {
  const { path } = place;
  const fresh = `${target}.new`;
  requireWhole(path);
  try {
    removeFresh(fresh);
    makeFile(fresh, fileMode(place), place);
    await withDatabase(join(path, 'state.db'), (database) => backup(database, fresh));
    await withDatabase(fresh, async (copy) => {
      copy.exec('PRAGMA journal_mode = DELETE'); // one file, without a log beside it
      guarded(fresh, () => quickCheck(copy, fresh));
    });
    if (!giveName(fresh, target)) throw usageError(`there is a file ${target} already`, 'Name another one.');
    return statSync(target).size;
  } finally {
    removeFresh(fresh);
  }
}
