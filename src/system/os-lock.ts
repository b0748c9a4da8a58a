/** A lock that the operating system lets go of when the process dies, however it dies: SQLite's, on a file that stays empty. */
import { readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../api/errors.ts';

export interface Lock {
  close(): void;
}

/** Who holds a lock, as far as this machine tells. */
export interface Holder {
  pid: number;
  /** Undefined for a process that cannot be seen: this user's own always can. */
  user: number | undefined;
}

/**
 * Takes the lock on a file that is there, and waits so long for somebody who holds it. Undefined when it is taken. The file
 * must not be opened by anything else in this process: closing that would let go of the lock.
 */
export function takeLock(file: string, patienceMs: number): Lock | undefined {
  const lock = new DatabaseSync(file, { timeout: patienceMs });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
    return lock;
  } catch (error) {
    lock.close();
    if (isLocked(error)) return undefined;
    throw error;
  }
}

/** Whether an error of SQLite says that somebody else has what is wanted. */
export function isLocked(error: unknown): boolean {
  return /locked|busy/i.test(messageOf(error));
}

/** Who has locked a file: the one who writes it, where there is one. Undefined where the system does not tell. */
export function holderOf(file: string): Holder | undefined {
  const holders = holdersOf(file);
  const { pid } = holders.find(({ writes }) => writes) ?? holders[0] ?? {};
  return pid === undefined ? undefined : { pid, user: userOf(pid) };
}

/** `1: POSIX  ADVISORY  WRITE 4711 08:01:123456 1073741824 1073742335`; with `->` behind the number, it only waits. */
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
