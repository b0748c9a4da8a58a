/**
 * Keeps the records of vendors as they are delivered, by the day on which they were, beside the state. What a batch brings
 * is on the disk before the batch is sent: a crash leaves at most records that the state does not know.
 */
import { readdirSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamName } from '../../api/document.ts';
import { messageOf, SluiceError, stopError } from '../../api/errors.ts';
import { fileMode, makeFile, makeFolder, openOwnFile, syncFolder } from '../../system/private-files.ts';
import type { Readers } from '../../system/trust.ts';
import { toFrame, wholeEnd } from './frames.ts';
import { damagedAt, dayEndMs, fileName, folderOf, rawFolder } from './record.ts';

export interface RawPlace extends Readers {
  /** The folder of the state. */
  path: string;
  /** How long records are kept; days that ended longer ago are removed. */
  forMs: number;
  now: () => number;
}

export interface RawStore {
  /** Resolves when the lines, of records of this source and stream, are on the disk. */
  keep(source: string, stream: StreamName, lines: readonly Buffer[]): Promise<void>;
}

/** Only for a process that holds the lock of the state. Removes what is too old. */
export function openRawStore(place: RawPlace): RawStore {
  const { now } = place;
  const ends = new Map<string, number>();
  /** One append at a time. */
  let turn: Promise<unknown> = Promise.resolve();
  let today = fileName(now());
  try {
    removeOld(place);
  } catch (error) {
    throw notKept(rawFolder(place.path), error);
  }

  const append = async (folder: string, frame: Buffer): Promise<void> => {
    const name = fileName(now());
    const path = join(folder, name);
    try {
      if (name !== today) removeOld(place);
      today = name;
      ends.set(path, await appended(path, frame, ends.get(path), { folder, place }));
    } catch (error) {
      throw notKept(path, error);
    }
  };
  return {
    async keep(source, stream, lines) {
      const frame = await toFrame(Buffer.concat(lines));
      const mine = turn.then(() => append(folderOf(place.path, source, stream), frame));
      turn = mine.catch(() => {});
      await mine;
    },
  };
}

/** Returns where the file ends now. `end` is where it ended after the last append. */
async function appended(
  path: string,
  frame: Buffer,
  end: number | undefined,
  { folder, place }: { folder: string; place: RawPlace },
): Promise<number> {
  if (end === undefined) {
    makeFolder(folder, place);
    makeFile(path, fileMode(place), place);
  }
  const file = await openOwnFile(path);
  try {
    const { size } = await file.stat();
    const at = size === end ? end : await cut(file, path, size);
    for (let done = 0; done < frame.length; ) {
      const { bytesWritten } = await file.write(frame, done, frame.length - done, at + done);
      done += bytesWritten;
    }
    await file.datasync();
    if (at === 0) await syncFolder(folder);
    return at + frame.length;
  } finally {
    await file.close();
  }
}

/** Removes the end that a crash, or a full disk, has torn. */
async function cut(file: FileHandle, path: string, size: number): Promise<number> {
  const end = await wholeEnd(file, damagedAt(path));
  if (end < size) await file.truncate(end);
  return end;
}

function removeOld({ path, forMs, now }: RawPlace): void {
  for (const name of filesIn(rawFolder(path))) {
    const endMs = dayEndMs(name.slice(name.lastIndexOf('/') + 1));
    if (endMs !== undefined && endMs + forMs <= now()) rmSync(join(rawFolder(path), name), { force: true });
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function notKept(path: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC';
  return stopError(
    `the vendor's records cannot be kept in ${path}: ${isFull ? 'the disk is full' : messageOf(error)}`,
    isFull
      ? 'Free some space, or keep them for a shorter time (`raw.for`), and start again: nothing of the batch was sent.'
      : 'Check that Sluice may write to that folder, or set `raw.keep: false`. Nothing of the batch was sent.',
    error,
  );
}
