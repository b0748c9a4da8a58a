/** The chain of segments that one walk writes: `<walk>-000001.ndjson`, `-000002` and so on, the last one `.part`. */
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { Json, StreamName } from '../../api/document.ts';
import type { Batch } from '../../api/sink.ts';
import { openNewFile, openOwnFile, syncFolder } from '../../system/private-files.ts';
import { ownFile } from '../../system/trust.ts';
import { encodeLines } from '../serialize.ts';
import { type FolderClaim, removed } from './folder.ts';
import { finishedName, segmentsIn } from './names.ts';
import { giveName } from './recover.ts';

export interface NdjsonSettings {
  path: string;
  /** The number of the group that may read. */
  group?: number;
  compression: 'none' | 'gzip' | 'zstd';
  rotateBytes: number;
  rotateMs: number;
  /** The streams that `check` looks at. */
  places?: readonly { stream: StreamName; namespace: string }[];
}

/** The segments of one walk. */
export interface Chain {
  claim: FolderClaim;
  pipeline: string;
  walk: string;
  segment: number;
  length: number;
  openedAtMs: number;
  /** Tells the file that is being written from another one in its place; undefined before its first batch. */
  inode: number | undefined;
  /** Its last batch was not committed, and may have arrived. */
  outcomeUnknown: boolean;
  /** Written to since the last look at idle segments, so that nobody may know yet whether its last batch was committed. */
  isFresh: boolean;
  /** The last operation on the chain: one at a time. */
  turn: Promise<unknown>;
}

/** Runs `work` when everything that was asked of the chain before is done. */
export function inTurn<T>(chain: Chain, work: () => Promise<T>): Promise<T> {
  const mine = chain.turn.then(work, work);
  chain.turn = mine.catch(() => {});
  return mine;
}

export function receiptOf(chain: Chain | undefined): Json {
  return chain === undefined ? null : { segment: chain.segment, length: chain.length, folder: chain.claim.id };
}

/** The path of the segment while it is written. */
function partOf(chain: Chain, settings: NdjsonSettings): string {
  return `${join(chain.claim.path, finishedName(chain.walk, chain.segment, settings.compression))}.part`;
}

/** Goes on behind the last segment of this walk, whichever process wrote it, even if the files have been collected since. */
export async function newChain(
  claim: FolderClaim,
  { pipeline, walk }: Pick<Batch, 'pipeline' | 'walk'>,
  { settings, now, committed }: { settings: NdjsonSettings; now: () => number; committed: number },
): Promise<Chain> {
  let segment = Math.max(committed, claim.finished(walk));
  for (const one of segmentsIn(await readdir(claim.path)))
    if (one.walk === walk) segment = Math.max(segment, one.number);
  const chain: Chain = {
    ...{ claim, pipeline, walk, segment, length: 0, openedAtMs: now() },
    ...{ inode: undefined, outcomeUnknown: false, isFresh: false },
    turn: Promise.resolve(),
  };
  const left = segment === 0 ? undefined : ownFile(partOf(chain, settings));
  if (left === undefined) return { ...chain, segment: segment + 1 };
  return { ...chain, length: left.size, inode: left.ino };
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** Writes a batch. The file is open only for so long: there are many walks, and a process may have few files open. */
export async function append(chain: Chain, settings: NdjsonSettings, batch: Batch, now: () => number): Promise<void> {
  const lines = encodeLines(batch.documents, new Date(now()).toISOString());
  const bytes = await compress(lines, settings.compression);
  const file = await openSegment(chain, settings, now);
  try {
    await writeAll(file, bytes, chain.length);
    await requireInPlace(chain, settings, chain.length + bytes.length);
  } finally {
    chain.isFresh = true;
    await file.close();
  }
  chain.length += bytes.length;
}

async function openSegment(chain: Chain, settings: NdjsonSettings, now: () => number): Promise<FileHandle> {
  const path = partOf(chain, settings);
  if (chain.inode !== undefined) {
    const require = (stats: Stats) => requireSame(chain, path, chain.length, stats);
    return openOwnFile(path, require).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? removed(path) : error;
    });
  }
  const file = await openNewFile(path, settings); // a file that lies there already may be committed
  chain.inode = (await file.stat()).ino;
  chain.openedAtMs = now();
  await syncFolder(chain.claim.path);
  return file;
}

async function writeAll(file: FileHandle, bytes: Buffer, from: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, from + done);
      done += bytesWritten;
    }
    await file.datasync();
  } catch (error) {
    await file.truncate(from).catch(() => {}); // recover() cuts it if this fails
    throw error;
  }
}

/** A batch is only delivered where readers find it: the name leads to the file that was written, and no other name does. */
async function requireInPlace(chain: Chain, settings: NdjsonSettings, size: number): Promise<void> {
  const path = partOf(chain, settings);
  requireSame(chain, path, size, await lstat(path).catch(unlessMissing));
}

function requireSame({ inode }: Chain, path: string, size: number, now: Stats | undefined): void {
  if (now?.ino !== inode || now?.nlink !== 1 || now.size !== size) throw removed(path);
}

const deflate = promisify(gzip);
const zstandard = promisify(zstdCompress);

/** A frame of its own per batch, so that a file cut at a committed length is a whole file. */
function compress(bytes: Buffer, compression: NdjsonSettings['compression']): Promise<Buffer> | Buffer {
  if (compression === 'gzip') return deflate(bytes);
  return compression === 'zstd' ? zstandard(bytes) : bytes;
}

/** Called before a write, when everything in the segment is committed: a finished segment never holds anything else. */
export async function rotateIfDue(chain: Chain, settings: NdjsonSettings, now: () => number): Promise<void> {
  const due = chain.length >= settings.rotateBytes || now() - chain.openedAtMs >= settings.rotateMs;
  if (chain.inode === undefined || chain.length === 0 || !due) return;
  await finish(chain, settings);
  chain.segment++;
  chain.length = 0;
}

export async function finish(chain: Chain, settings: NdjsonSettings): Promise<void> {
  const { claim, walk, segment } = chain;
  if (chain.inode === undefined) return;
  const path = partOf(chain, settings);
  await requireInPlace(chain, settings, chain.length);
  chain.inode = undefined;
  if (chain.length === 0) return rm(path, { force: true });
  await giveName(path, path.slice(0, -'.part'.length));
  await syncFolder(claim.path);
  await claim.note([{ walk, number: segment }]);
}
