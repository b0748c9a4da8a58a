/**
 * Makes files and folders for Sluice's user alone and, if the config names one, for a group that may read: whatever the
 * umask. State, sinks and commands make all their files here; `trust.ts` tells what others could do with them.
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
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { stopError } from '../api/errors.ts';
import { ownUser, showGroup, showUser } from './accounts.ts';
import { isWide, notOurs, ownFile, type Readers, requireOwnFile, showMode } from './trust.ts';

const SET_GROUP = 0o2000;

export function fileMode({ group }: Readers): number {
  return group === undefined ? 0o600 : 0o640;
}

/** With a group, files that other code makes in the folder (the logs of SQLite) get that group, too. */
export function folderMode({ group }: Readers): number {
  return group === undefined ? 0o700 : 0o750 | SET_GROUP;
}

/** Makes the folder and missing parent folders. An existing folder is opened to the group, but never narrowed. */
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

/** Lets the group read an existing folder. Only the owner may, and only when needed: its mode may have been chosen with care. */
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

/** Sets the group and then the mode, since setting the group clears bits of the mode. */
function give(fd: number, mode: number, { group }: Readers, path: string): void {
  const { uid, gid } = fstatSync(fd);
  if (group !== undefined && gid !== group) inGroup(path, group, () => fchownSync(fd, uid, group));
  if ((fstatSync(fd).mode & 0o7777) === mode) return;
  try {
    fchmodSync(fd, mode);
  } catch (error) {
    // Where the set-group bit is forbidden (`RestrictSUIDSGID` of systemd), only the logs of SQLite do without the group.
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

/** Makes an empty file if there is none. An existing file is not opened, since closing it would release its locks. */
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

/** Creates a new file and opens it for writing. */
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
 * Opens an existing file of Sluice: never a link, and nothing but a file. `require` throws unless it is the right file; by
 * default, each file that belongs to Sluice alone is right.
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

/** Gives a file of Sluice its proper mode. Returns the mode before, if it allowed others more. */
export function correctMode(path: string, mode: number, readers: Readers): string | undefined {
  const { group } = readers;
  const stats = ownFile(path);
  if (stats === undefined) return undefined;
  if (group !== undefined && stats.gid !== group) inGroup(path, group, () => chownSync(path, stats.uid, group));
  const had = stats.mode & 0o7777;
  if (had === mode) return undefined;
  try {
    chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // a log that another process has removed
  }
  return isWide(stats, readers) ? showMode(had) : undefined;
}

/** Nothing where there is no such folder, which may have been moved before. Throws where something else has the new name. */
export async function moveFolder(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  if (existsSync(to) && readdirSync(to).length > 0)
    throw stopError(`${from} cannot be called ${to}: that is there, and not empty`, 'Move one of the two away.');
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Makes the names of new files last, too. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
