/** What a process that died has left in a folder: cut to what was committed, finished, or set aside. */
import { lstatSync } from 'node:fs';
import { type FileHandle, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { stopError } from '../../api/errors.ts';
import { openOwnFile, syncFolder } from '../../system/private-files.ts';
import { type Segment, segmentsIn } from './names.ts';
import type { Receipt, Receipts } from './owner.ts';

/**
 * Cuts every unfinished segment to its committed length and gives it its name, since its walk may never write again. A
 * segment that no commit knows is set aside, never deleted; `asTheyAre` keeps all of them. Returns the finished ones.
 */
export async function finishParts(
  folder: string,
  receipts: Receipts,
  { asTheyAre, log }: { asTheyAre: boolean; log: Logger },
): Promise<Segment[]> {
  const parts = segmentsIn(await readdir(folder)).filter(({ standing }) => standing === 'part');
  const finishedParts: Segment[] = [];
  for (const segment of parts) {
    const receipt = receipts.get(segment.walk);
    const path = join(folder, segment.name);
    const finished = path.slice(0, -'.part'.length);
    const file = await openOwnFile(path);
    try {
      if (receipt?.segment === segment.number) await cut(file, path, receipt, { asTheyAre, log });
      else if (asTheyAre) await cutToLines(file, segment, log);
    } finally {
      await file.close();
    }
    // Segments before the last one are committed as a whole.
    const isKept = segment.number <= (receipt?.segment ?? 0) || asTheyAre;
    await giveName(path, isKept ? finished : `${finished}.uncommitted`);
    if (isKept) finishedParts.push(segment);
  }
  if (parts.length > 0) await syncFolder(folder);
  return finishedParts;
}

/** Renames a file, but never over another one. */
export async function giveName(from: string, to: string): Promise<void> {
  if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) {
    throw stopError(
      `${from} cannot get its name: there is ${to} already`,
      'Sluice never gives a number twice: see where that file comes from, and move it away.',
    );
  }
  await rename(from, to);
}

async function cut(
  file: FileHandle,
  path: string,
  { length }: Receipt,
  { asTheyAre, log }: { asTheyAre: boolean; log: Logger },
): Promise<void> {
  const { size } = await file.stat();
  if (size < length && !asTheyAre) {
    throw stopError(
      `${path} has ${size} bytes, but ${length} were committed: somebody shortened it`,
      'Put the whole file back from a backup. Without one, `sluice state reset --pipeline …`: everything in range is shipped again.',
    );
  }
  if (size <= length) return;
  log.info(`${path}: cut from ${size} to its committed ${length} bytes`);
  await file.truncate(length);
  await file.sync();
}

/** Keeps all whole lines, since it is not known what was committed. */
async function cutToLines(file: FileHandle, { name, isCompressed }: Segment, log: Logger): Promise<void> {
  log.warn(`${name} was not finished by the Sluice that wrote it; it is kept${isCompressed ? ' as it is' : ''}`);
  if (isCompressed) return;
  const { size } = await file.stat();
  const end = await endOfLines(file, size);
  if (end === size) return;
  await file.truncate(end);
  await file.sync();
}

const STEP = 2 ** 16;

/** The offset behind the last line feed. */
async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.alloc(STEP);
  for (let end = size; end > 0; end -= STEP) {
    const start = Math.max(0, end - STEP);
    const { bytesRead } = await file.read(chunk, 0, end - start, start);
    const at = chunk.subarray(0, bytesRead).lastIndexOf(10);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}
