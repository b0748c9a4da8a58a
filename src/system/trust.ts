/** Finds out which other users could change a file or folder, and refuses it or warns. */
import { constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type SluiceError, stopError } from '../api/errors.ts';
import { isOnlyForUser, ownUser, showGroup, showUser } from './accounts.ts';

export interface Readers {
  /** The number of the group that may read. */
  group?: number;
}

const MAY_WRITE = { group: 0o020, others: 0o002 };

/** Throws unless the path is a plain file of Sluice's user with one name; undefined if there is none. */
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

export function notOurs(path: string, what: string): SluiceError {
  return stopError(
    `${path} ${what}: Sluice did not make it, and does not touch it`,
    'See who put it there, and move it away.',
  );
}

function foreign(path: string, owner: number, user: number, folder = dirname(path)): SluiceError {
  const advice = `Run Sluice as the user that it belongs to, or give it to this one: \`chown -R ${user} ${shellWord(folder)}\`.`;
  return stopError(
    `${path} belongs to ${showUser(owner)}, who may change it; this Sluice runs as ${showUser(user)}`,
    advice,
  );
}

interface FolderRules extends Readers {
  /** A folder that the config names may be a link; one in which Sluice only makes folders may be like /tmp. */
  may?: readonly ('be a link' | 'be sticky')[];
}

/** Throws if another user may add, replace or remove files in the folder. */
export function requireTrustedFolder(path: string, { group, may = [] }: FolderRules): void {
  const stats = may.includes('be a link') ? statSync(path) : lstatSync(path);
  if (stats.isSymbolicLink()) throw notOurs(path, 'is a link');
  if (!stats.isDirectory()) throw Object.assign(new Error(`ENOTDIR: not a directory, '${path}'`), { code: 'ENOTDIR' }); // in the words of the system
  const user = ownUser();
  if (stats.uid !== user && stats.uid !== 0) throw foreign(path, stats.uid, user, path);
  const who = strangers(stats, group, user);
  if (who === undefined || (may.includes('be sticky') && isSticky(stats))) return;
  throw stopError(
    `${who.text} may write into ${path} (mode ${showMode(stats.mode & 0o7777)}), and so replace what Sluice keeps there`,
    adviceFor(path, stats, who.isGroup),
  );
}

function adviceFor(path: string, { gid }: Stats, isGroup: boolean): string {
  const take = `Take that right away: \`chmod ${isGroup ? 'g-w' : 'go-w'} ${shellWord(path)}\`; or name a folder in it, which Sluice makes for itself`;
  return isGroup ? `${take}; or, where they may, name the group in the config: \`group: ${gid}\`.` : `${take}.`;
}

/** The users who may write, beside Sluice's user, root and the group of the config. */
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
 * A warning about users who may rename the folder and put another one in its place; undefined if nobody may. This is not
 * refused, since a folder in a home directory or on a volume is often open to a group.
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

/** Whether others than Sluice's user and the group of the config may read or change a file. */
export function isWide({ mode, gid, uid }: Stats, { group }: Readers): boolean {
  if ((mode & 0o007) !== 0) return true;
  return (mode & 0o070) !== 0 && gid !== group && !isOnlyForUser(gid, uid);
}

/** The shell command that takes the rights of others away from everything below a path. */
export function narrowing(path: string, { group }: Readers): string {
  if (group === undefined) return `chmod -R go= ${shellWord(path)}`;
  return `chgrp -R ${group} ${shellWord(path)} && chmod -R o= ${shellWord(path)}`;
}

export function showMode(mode: number): string {
  return `0${mode.toString(8)}`;
}

/** The text as a word of a shell command. */
export function shellWord(text: string): string {
  return /^[\w./@%+:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
