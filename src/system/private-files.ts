/**
 * Makes files and folders for Sluice's user alone, and, where the config names one, for a group that reads: the umask decides
 * nothing. State, sinks and commands make everything here; what others could do with it, `trust.ts` says.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { stopError } from '../api/errors.ts';
import { ownUser, showGroup, showUser } from './accounts.ts';
import { isWide, notOurs, ownFile, type Readers, requireOwnFile, showMode } from './trust.ts';

const SET_GROUP = 0o2000;

export function fileMode({ group }: Readers): number {
  return group === undefined ? 0o600 : 0o640;
}

/** With a group, what others make in it (SQLite its logs) gets that group, too. */
export function folderMode({ group }: Readers): number {
  return group === undefined ? 0o700 : 0o750 | SET_GROUP;
}

/** Makes the folder, and those above it that are missing. One that is there is opened to the group, and not narrowed. */
export function makeFolder(path: string, readers: Readers): void {
  if (existsSync(path)) {
    letGroupRead(path, readers);
    return;
  }
  const above = dirname(resolve(path));
  if (!existsSync(above)) makeFolder(above, readers);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return; // another process was faster
    throw error;
  }
  withFolder(path, (fd) => give(fd, folderMode(readers), readers, path));
}

/** Only the owner may, and only where it takes something: its modes may have been chosen with care. */
function letGroupRead(path: string, readers: Readers): void {
  const { group } = readers;
  const stats = statSync(path);
  if (group === undefined || !stats.isDirectory() || stats.uid !== ownUser()) return;
  const mayRead = stats.gid === group ? (stats.mode & 0o050) === 0o050 : (stats.mode & 0o005) === 0o005;
  if (!mayRead) withFolder(path, (fd) => give(fd, (stats.mode & 0o705) | 0o050 | SET_GROUP, readers, path), 0);
}

function withFolder(path: string, work: (fd: number) => void, links: number = constants.O_NOFOLLOW): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | links);
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}

/** The owner's choice of group first: it takes bits of the mode away. */
function give(fd: number, mode: number, { group }: Readers, path: string): void {
  const { uid, gid } = fstatSync(fd);
  if (group !== undefined && gid !== group) inGroup(path, group, () => fchownSync(fd, uid, group));
  if ((fstatSync(fd).mode & 0o7777) === mode) return;
  try {
    fchmodSync(fd, mode);
  } catch (error) {
    // Where nobody may set that bit (`RestrictSUIDSGID` of systemd), only the logs of SQLite do without the group.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM' || (mode & SET_GROUP) === 0) throw error;
    fchmodSync(fd, mode & ~SET_GROUP);
  }
}

function inGroup(path: string, group: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    throw stopError(
      `${path} cannot be given to the group ${showGroup(group)}`,
      `Make ${showUser(ownUser())}, whom Sluice runs as, a member of that group, or name another \`group\` in the config.`,
      error,
    );
  }
}

/** Makes an empty file where there is none. Nothing is opened that is there: closing it would let go of its locks. */
export function makeFile(path: string, mode: number, readers: Readers): void {
  let fd: number;
  try {
    fd = openSync(path, 'wx', mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  try {
    give(fd, mode, readers, path);
  } finally {
    closeSync(fd);
  }
}

/** Opens a file that was not there, for writing. */
export async function openNewFile(path: string, readers: Readers): Promise<FileHandle> {
  const file = await open(path, 'wx', fileMode(readers));
  try {
    give(file.fd, fileMode(readers), readers, path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Opens a file of ours that is there: never by a link, and nothing but a file. `require` says whether it is the right one;
 * without it, any will do that is ours alone.
 */
export async function openOwnFile(
  path: string,
  require = (stats: Stats): void => requireOwnFile(path, stats),
): Promise<FileHandle> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ELOOP' ? notOurs(path, 'is a link') : error;
    },
  );
  try {
    require(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Gives a file of ours the mode that it should have, and says what it had where others could do more. */
export function settleFile(path: string, mode: number, readers: Readers): string | undefined {
  const { group } = readers;
  const stats = ownFile(path);
  if (stats === undefined) return undefined;
  if (group !== undefined && stats.gid !== group) inGroup(path, group, () => chownSync(path, stats.uid, group));
  const had = stats.mode & 0o7777;
  if (had === mode) return undefined;
  try {
    chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // a log that another process has done with
  }
  return isWide(stats, readers) ? showMode(had) : undefined;
}
