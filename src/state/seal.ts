/**
 * Tells whether a state is as Sluice left it: when Sluice closes a state that no other process has open, it writes a digest
 * of the whole file beside it. SQLite only finds invalid pages, not a flipped bit in a number.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { correctMode, fileMode } from '../system/private-files.ts';
import type { Readers } from '../system/trust.ts';

/** A larger file is not sealed: that would take longer than a second at each start and end. */
const LARGEST = 512 * 2 ** 20;
const CHUNK = 2 ** 20;

/** Writes the seal, only while the state is locked and closed. Without a seal nothing is compared, which does no harm. */
export function seal(path: string, readers: Readers): void {
  const { file, sealFile } = filesOf(path);
  const fresh = `${sealFile}.new`;
  try {
    const before = versionOf(file);
    const digest = digestOf(file);
    if (digest === undefined) return;
    rmSync(fresh, { force: true });
    writeFileSync(fresh, `${digest} ${sum(digest)}\n`, { flag: 'wx', mode: fileMode(readers) });
    correctMode(fresh, fileMode(readers), readers);
    if (versionOf(file) === before) renameSync(fresh, sealFile);
    else rmSync(fresh);
  } catch {
    rmSync(fresh, { force: true });
  }
}

/** Removes the seal, before anything is changed. */
export function unseal(path: string): void {
  rmSync(filesOf(path).sealFile, { force: true });
}

/** False when the file is not the one that was sealed; undefined when there is no seal, or it cannot be told. */
export function isAsSealed(path: string): boolean | undefined {
  const { file, sealFile } = filesOf(path);
  const sealed = sealIn(sealFile);
  if (sealed === undefined) return undefined;
  const digest = digestOf(file);
  if (digest === undefined) return undefined;
  if (digest === sealed) return true;
  return sealIn(sealFile) === sealed && !isOpen(path) ? false : undefined; // a process has begun to write meanwhile
}

function filesOf(path: string): { file: string; sealFile: string } {
  return { file: join(path, 'state.db'), sealFile: join(path, 'state.seal') };
}

/** A damaged seal says nothing. */
function sealIn(file: string): string | undefined {
  try {
    const [digest = '', check] = readFileSync(file, 'utf8').trim().split(' ');
    return check === sum(digest) ? digest : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for a database that is in use, or too large: closing a file of an open database would let go of its locks. */
function digestOf(file: string): string | undefined {
  if (isOpen(join(file, '..'))) return undefined;
  const fd = openSync(file, 'r');
  try {
    if (fstatSync(fd).size > LARGEST) return undefined;
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) hash.update(chunk.subarray(0, read));
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}

/** A database that is open, or was not closed, has a log beside it. */
function isOpen(path: string): boolean {
  return lstatSync(join(path, 'state.db-wal'), { throwIfNoEntry: false }) !== undefined;
}

function versionOf(file: string): string {
  const { mtimeNs, size } = lstatSync(file, { bigint: true });
  return `${mtimeNs} ${size}`;
}

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
