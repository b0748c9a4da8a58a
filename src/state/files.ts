/** The files of a state: made for Sluice's user alone, refused where others could have changed them, watched while they are used. */
import { lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type SluiceError, stopError } from '../api/errors.ts';
import { ownUser, showUser } from '../system/accounts.ts';
import { type Holder, holderOf, isLocked, type Lock, takeLock } from '../system/os-lock.ts';
import { correctMode, fileMode, folderMode, makeFile, makeFolder } from '../system/private-files.ts';
import {
  isWide,
  ownFile,
  type Readers,
  requireTrustedFolder,
  shellWord,
  showMode,
  whoMayReplace,
} from '../system/trust.ts';

export interface StatePlace extends Readers {
  /** The folder that holds the database and its lock. */
  path: string;
  /** Why there is no state in it that could be looked at: it is kept elsewhere. */
  elsewhere?: SluiceError;
  /** Called with what other users may do with the state. */
  tell?: (text: string) => void;
}

/** A user who may read the lock file could hold the lock, and so keep Sluice from starting: it is for Sluice's user alone. */
const LOCK_MODE = 0o600;
const DATABASE = ['state.db', 'state.db-wal', 'state.db-shm', 'state.db-journal'];

/** Makes the folder if there is none, and makes sure that the state is private to Sluice. Throws if that is impossible. */
export function secureFiles(place: StatePlace): void {
  const { path } = place;
  makeFolder(path, place);
  requireTrustedFolder(path, { ...place, may: ['be a link'] });
  makeFile(join(path, 'lock.db'), LOCK_MODE, place);
  removeSecondNames(path);
  const had = [
    ...DATABASE.map((name) => correctMode(join(path, name), fileMode(place), place)),
    correctMode(join(path, 'lock.db'), LOCK_MODE, place),
  ];
  const [first] = had.filter((mode) => mode !== undefined);
  if (first !== undefined)
    place.tell?.(`others could read the state in ${path} (mode ${first}): now only Sluice's user can`);
}

/** Removes the first name of a file that still has two, left by a process that died while it made the state. */
function removeSecondNames(path: string): void {
  const stats = lstatSync(join(path, 'state.db'), { throwIfNoEntry: false });
  if (stats === undefined || stats.nlink === 1) return;
  for (const name of readdirSync(path)) {
    const other = join(path, name);
    if (/^state\.db\..+\.new$/.test(name) && lstatSync(other).ino === stats.ino) rmSync(other);
  }
}

/** Tells what other users may do, where that is no reason to refuse the state. */
export function tellOfOthers(place: StatePlace): void {
  const { path, tell } = place;
  if (tell === undefined) return;
  const stats = statSync(path);
  if (isWide(stats, place))
    tell(
      `others may look into ${path} (mode ${showMode(stats.mode & 0o7777)}): \`chmod ${showMode(folderMode(place))} ${shellWord(path)}\``,
    );
  const who = whoMayReplace(path, place);
  if (who !== undefined) tell(who);
}

/** The lock must be held. */
export function removeDatabase(path: string): void {
  for (const name of [...DATABASE, 'state.seal']) rmSync(join(path, name), { force: true });
}

/** Locks the state for this process; undefined when another Sluice has it. Throws when the process of another user holds the lock. */
export function lockState(path: string, waitMs: number): Lock | undefined {
  const file = join(path, 'lock.db');
  const lock = takeLock(file, waitMs);
  if (lock !== undefined) return lock;
  const holder = holderOf(file);
  if (holder === undefined || holder.user === ownUser()) return undefined;
  const freed = takeLock(file, 0); // a process that cannot be seen may just have ended
  if (freed === undefined) throw heldByOther(file, holder);
  return freed;
}

export function inUse(path: string): SluiceError {
  const holder = holderOf(join(path, 'lock.db'));
  const process = holder === undefined ? '' : ` (process ${holder.pid})`;
  return stopError(
    `another Sluice process is using the state in ${path}`,
    `Stop that process first${process}. To run beside it, this one needs a state (\`state.path\`) and an output of its own (another \`path\` for files): it then ships everything once more, to that output.`,
  );
}

function heldByOther(file: string, { pid, user }: Holder): SluiceError {
  return stopError(
    `process ${pid} of ${user === undefined ? 'another user' : showUser(user)} holds a lock on ${file}, and so keeps Sluice from starting`,
    `That process is no Sluice of ${showUser(ownUser())}: end it. It opened the file while other users were allowed to, which they no longer are.`,
  );
}

/** A sentence about the folder's owner, if that is another user. */
export function whoseElse(path: string): string {
  try {
    const { uid } = statSync(path);
    const user = ownUser();
    return uid === user ? '' : ` It belongs to ${showUser(uid)}, and this Sluice runs as ${showUser(user)}.`;
  } catch {
    return '';
  }
}

/** The process of another user that keeps the database locked. */
export function lockedByOther(path: string, error: unknown): SluiceError | undefined {
  if (!isLocked(error)) return undefined;
  for (const name of DATABASE) {
    const holder = holderOf(join(path, name));
    if (holder !== undefined && holder.user !== ownUser()) return heldByOther(join(path, name), holder);
  }
  return undefined;
}

/**
 * Returns a check that throws once a file of the state was removed or replaced: SQLite would go on writing to a file without
 * a name. Each file is compared with the one that was seen first.
 */
export function watchFiles(path: string, isLocking: boolean): () => void {
  const seen = new Map<string, number>();
  const names = ['state.db', 'state.db-wal', 'state.db-shm', ...(isLocking ? ['lock.db'] : [])];
  const files = names.map((name) => join(path, name));
  return () => {
    for (const file of files) {
      const now = lstatSync(file, { throwIfNoEntry: false })?.ino;
      const before = seen.get(file);
      if (before === undefined && now !== undefined) seen.set(file, now);
      if (before === now || before === undefined) continue;
      throw stopError(
        `${file} was ${now === undefined ? 'removed' : 'replaced'} while Sluice was using it`,
        'Documents that are delivered from now on could not be recorded, so Sluice stops. Put the state back from a backup, together with the output that belongs to it. Without a backup, begin anew: move the rest of the state and of the output away, and everything in range is shipped again.',
      );
    }
  };
}

/** Whether there is a state. Throws when the file there cannot be one of Sluice. */
export function hasState(path: string): boolean {
  return ownFile(join(path, 'state.db')) !== undefined;
}
