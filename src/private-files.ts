/**
 * Who may read and change what Sluice makes: its own user alone, and, where the config names one, a group that reads. The
 * umask decides nothing. State, sinks and commands make their files and folders here, and refuse what others could change.
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
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isOnlyForUser, ownUser, showGroup, showUser } from './accounts.ts';
import { SluiceError } from './errors.ts';

export interface Readers {
  /** The number of the group that may read. */
  group?: number;
}

const SET_GROUP = 0o2000;
const MAY_WRITE = { group: 0o020, others: 0o002 };

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
    throw new SluiceError(`${path} cannot be given to the group ${showGroup(group)}`, {
      action: 'stop',
      advice: `Make ${showUser(ownUser())}, whom Sluice runs as, a member of that group, or name another \`group\` in the config.`,
      cause: error,
    });
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

/** Throws unless it is a plain file of Sluice's user with one name; undefined where there is none. */
export function ownFile(path: string): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined) requireOwnFile(path, stats);
  return stats;
}

export function requireOwnFile(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw notOurs(path, 'is a link');
  if (!stats.isFile()) throw notOurs(path, 'is no file');
  if (stats.nlink > 1) throw notOurs(path, 'has another name as well (a hard link)');
  const user = ownUser();
  if (stats.uid !== user) throw foreign(path, stats.uid, user);
}

function notOurs(path: string, what: string): SluiceError {
  return new SluiceError(`${path} ${what}: Sluice did not make it, and does not touch it`, {
    action: 'stop',
    advice: 'See who put it there, and move it away.',
  });
}

function foreign(path: string, owner: number, user: number, folder = dirname(path)): SluiceError {
  const advice = `Run Sluice as the user that it belongs to, or give it to this one: \`chown -R ${user} ${shellWord(folder)}\`.`;
  return new SluiceError(
    `${path} belongs to ${showUser(owner)}, who may change it; this Sluice runs as ${showUser(user)}`,
    { action: 'stop', advice },
  );
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

export interface FolderRules extends Readers {
  /** One whose path the config names may be a link, and, where Sluice makes nothing but folders in it, one like /tmp. */
  may?: readonly ('be a link' | 'be sticky')[];
}

/** Throws where somebody else may put, replace or remove what is in the folder. */
export function requireTrustedFolder(path: string, { group, may = [] }: FolderRules): void {
  const stats = may.includes('be a link') ? statSync(path) : lstatSync(path);
  if (stats.isSymbolicLink()) throw notOurs(path, 'is a link');
  if (!stats.isDirectory()) throw Object.assign(new Error(`ENOTDIR: not a directory, '${path}'`), { code: 'ENOTDIR' }); // as the system says it
  const user = ownUser();
  if (stats.uid !== user && stats.uid !== 0) throw foreign(path, stats.uid, user, path);
  const who = strangers(stats, group, user);
  if (who === undefined || (may.includes('be sticky') && isSticky(stats))) return;
  throw new SluiceError(
    `${who.text} may write into ${path} (mode ${showMode(stats.mode & 0o7777)}), and so replace what Sluice keeps there`,
    { action: 'stop', advice: adviceFor(path, stats, who.isGroup) },
  );
}

function adviceFor(path: string, { gid }: Stats, isGroup: boolean): string {
  const take = `Take that right away: \`chmod ${isGroup ? 'g-w' : 'go-w'} ${shellWord(path)}\`; or name a folder in it, which Sluice makes for itself`;
  return isGroup ? `${take}; or, where they may, name the group in the config: \`group: ${gid}\`.` : `${take}.`;
}

/** Who may write beside Sluice's user, root and the group of the config. */
function strangers(
  stats: Stats,
  group: number | undefined,
  user: number,
): { text: string; isGroup: boolean } | undefined {
  if ((stats.mode & MAY_WRITE.others) !== 0) return { text: 'everybody', isGroup: false };
  if ((stats.mode & MAY_WRITE.group) === 0 || stats.gid === group || isOnlyForUser(stats.gid, user)) return undefined;
  return { text: `the group ${showGroup(stats.gid)}`, isGroup: true };
}

function isSticky({ mode }: Stats): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFDIR && (mode & 0o1000) !== 0;
}

/**
 * Who may rename the folder, and put another one in its place: said, and not refused, since a folder of a home, or of a
 * volume, is often open to a group. Undefined where nobody may.
 */
export function whoMayReplace(path: string, { group }: Readers): string | undefined {
  const user = ownUser();
  for (let folder = dirname(realpathSync(path)); ; folder = dirname(folder)) {
    const stats = statSync(folder, { throwIfNoEntry: false });
    const isOurs = stats === undefined || stats.uid === user || stats.uid === 0;
    const who = stats === undefined || isSticky(stats) ? undefined : strangers(stats, group, user)?.text;
    if (!isOurs || who !== undefined) {
      const text = isOurs ? who : showUser(stats?.uid ?? 0);
      return `${text} may write into ${folder}, and so put another folder in the place of ${path}; keep it where only Sluice's user and root may write, or take that right away (\`chmod go-w ${shellWord(folder)}\`)`;
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** Whether others than Sluice's user and the group of the config may read or change it. */
export function isWide({ mode, gid, uid }: Stats, { group }: Readers): boolean {
  if ((mode & 0o007) !== 0) return true;
  return (mode & 0o070) !== 0 && gid !== group && !isOnlyForUser(gid, uid);
}

/** What narrows everything below a path. */
export function narrowing(path: string, { group }: Readers): string {
  if (group === undefined) return `chmod -R go= ${shellWord(path)}`;
  return `chgrp -R ${group} ${shellWord(path)} && chmod -R o= ${shellWord(path)}`;
}

export function showMode(mode: number): string {
  return `0${mode.toString(8)}`;
}

/** As it is typed into a shell. */
export function shellWord(text: string): string {
  return /^[\w./@%+:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
