/** A copy of the state in one file, made by SQLite itself while the state is in use. */
import { join } from 'node:path';
import { backup } from 'node:sqlite';
import { fileMode, makeFile } from '../system/private-files.ts';
import { guarded, quickCheck, requireWhole } from './damage.ts';
import { makeNewFile, withDatabase } from './database.ts';
import type { StatePlace } from './files.ts';

/**
 * Copies the state into a new file, which is a `state.db` to be put in its place, for Sluice's user alone. The schema stays
 * as it is, so that a copy made before an upgrade is one for the version before. Returns its size in bytes. Throws when there
 * is such a file, or when the state is damaged.
 */
export async function backupState(place: StatePlace, target: string): Promise<number> {
  requireWhole(place.path);
  return makeNewFile(target, async (fresh) => {
    makeFile(fresh, fileMode(place), place);
    await withDatabase(join(place.path, 'state.db'), (database) => backup(database, fresh));
    await withDatabase(fresh, async (copy) => {
      copy.exec('PRAGMA journal_mode = DELETE'); // one file, without a log beside it
      guarded(fresh, () => quickCheck(copy, fresh));
    });
  });
}
