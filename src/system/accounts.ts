/** Users and groups of this machine, as its own files name them: no directory service is asked. */
import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';

interface Entry {
  name: string;
  id: number;
  /** The user's primary group; for a group, its own number. */
  group: number;
  members: string[];
}

/** The largest number of a user or group; the number above it stands for "none". */
const LARGEST = 2 ** 32 - 2;

/** The user that this process acts as. */
export function ownUser(): number {
  try {
    return userInfo().uid;
  } catch {
    return statSync('/proc/self').uid; // a user without a name, as in some containers
  }
}

/** `root (uid 0)`, or `uid 4711` for a user without a name here. */
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

/** The number of a group that is given by number or name; undefined for an unknown name. */
export function groupNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= LARGEST ? Number(text) : undefined;
  return groups().find(({ name }) => name === text)?.id;
}

/**
 * Whether a group is the private group of one user, as many systems make for each user: it has the user's name and no other
 * member, so that rights of the group are rights of the user alone.
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
