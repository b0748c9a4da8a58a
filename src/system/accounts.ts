/** Users and groups of this machine, as far as its own files name them: nobody else is asked. */
import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';

interface Entry {
  name: string;
  id: number;
  /** The user's first group; of a group, itself. */
  group: number;
  members: string[];
}

/** The number above it stands for none. */
const LARGEST = 2 ** 32 - 2;

/** The user that this process acts as. */
export function ownUser(): number {
  try {
    return userInfo().uid;
  } catch {
    return statSync('/proc/self').uid; // one without a name, as a container may be given
  }
}

/** `root (uid 0)`, or `uid 4711` where it has no name here. */
export function showUser(uid: number): string {
  return show('uid', uid, users());
}

export function showGroup(gid: number): string {
  return show('gid', gid, groups());
}

function show(kind: string, id: number, entries: readonly Entry[]): string {
  const name = entries.find((entry) => entry.id === id)?.name;
  return name === undefined ? `${kind} ${id}` : `${name} (${kind} ${id})`;
}

/** The number of a group that is given by number or by name; undefined for a name that nobody here has. */
export function groupNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= LARGEST ? Number(text) : undefined;
  return groups().find(({ name }) => name === text)?.id;
}

/**
 * Whether a group is there for its one user alone, as many systems make one for each: it has the user's name, and nobody
 * else in it. What it may do, nobody else may.
 */
export function isOnlyForUser(gid: number, uid: number): boolean {
  const all = users();
  const user = all.find(({ id }) => id === uid);
  const group = groups().find(({ id }) => id === gid);
  if (user === undefined || group === undefined || group.name !== user.name) return false;
  return group.members.every((name) => name === user.name) && !all.some((one) => one.group === gid && one.id !== uid);
}

function users(): Entry[] {
  return lines('/etc/passwd').map(([name = '', , id, group]) => ({
    ...{ name, id: Number(id), group: Number(group), members: [] },
  }));
}

function groups(): Entry[] {
  return lines('/etc/group').map(([name = '', , id, members = '']) => ({
    ...{ name, id: Number(id), group: Number(id), members: members.split(',').filter(Boolean) },
  }));
}

function lines(file: string): string[][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .filter((line) => /^[^#:+-][^:]*:[^:]*:\d+:/.test(line))
    .map((line) => line.split(':'));
}
