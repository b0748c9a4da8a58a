/** A lock that the operating system releases when the process ends, however it ends: that of SQLite, on a file that stays empty. */
import { readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../api/errors.ts';

export interface Lock {
  close(): void;
}

/** The process that holds a lock, as far as this machine tells. */
export interface Holder {
  pid: number;
  /** Undefined for a process that is hidden from this user; the user's own processes never are. */
  user: number | undefined;
}

/**
 * Takes the lock on an existing file, and waits so long if another process holds the lock. Undefined if the lock stays
 * taken. Nothing else in this process may open the file: closing it there would release the lock.
 */
export function takeLock(file: string, waitMs: number): Lock | undefined {
  const lock = new DatabaseSync(file, { timeout: waitMs });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
    return lock;
  } catch (error) {
    lock.close();
    if (isLocked(error)) return undefined;
    throw error;
  }
}

/** Whether an error of SQLite says that another process holds the lock. */
export function isLocked(error: unknown): boolean {
  return /locked|busy/i.test(messageOf(error));
}

/** The process that has locked a file, preferably for writing. Undefined if the system does not tell. */
export function holderOf(file: string): Holder | undefined {
  const holders = holdersOf(file);
  const { pid } = holders.find(({ writes }) => writes) ?? holders[0] ?? {};
  return pid === undefined ? undefined : { pid, user: userOf(pid) };
}

/** `1: POSIX  ADVISORY  WRITE 4711 08:01:123456 1073741824 1073742335`; a process with `->` behind the number only waits. */
const HELD = /^\d+: POSIX +\w+ +(READ|WRITE) +(\d+) +[\da-f]+:[\da-f]+:(\d+) /;

function holdersOf(file: string): { pid: number; writes: boolean }[] {
  try {
    const { ino } = statSync(file, { bigint: true });
    const lines = readFileSync('/proc/locks', 'utf8').split('\n');
    return lines.flatMap((line) => {
      const [, kind, pid, inode] = HELD.exec(line) ?? [];
      return inode === String(ino) && Number(pid) > 0 ? [{ pid: Number(pid), writes: kind === 'WRITE' }] : [];
    });
  } catch {
    return [];
  }
}

function userOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}
