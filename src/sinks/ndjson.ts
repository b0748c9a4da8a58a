/**
 * Files with one JSON document per line. Exactly once: the length of the file is committed together with the cursor, and
 * what lies beyond it after a crash is cut off.
 *
 * Every walk writes its own chain of segments, `<path>/<source>/<stream>/<walk>-000001.ndjson`. The segment that is being
 * written ends in `.part`.
 */
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { Logger } from 'pino';
import { actionOf, messageOf, SluiceError } from '../errors.ts';
import { openNewFile, openOwnFile, ownFile } from '../private-files.ts';
import type { Batch, Json, Sink, StreamName } from '../types.ts';
import { checkFiles, openToOthers } from './ndjson-check.ts';
import { diskError } from './ndjson-errors.ts';
import { type Claim, claimFolder, removed, syncFolder } from './ndjson-folder.ts';
import { finishedName, segmentsIn } from './ndjson-names.ts';
import { type Owner, toReceipts } from './ndjson-owner.ts';
import { finishParts, giveName } from './ndjson-recover.ts';
import { encodeLines } from './serialize.ts';

export interface NdjsonSettings {
  path: string;
  /** The number of the group that may read. */
  group?: number;
  compression: 'none' | 'gzip' | 'zstd';
  rotateBytes: number;
  rotateMs: number;
  /** What `check` looks at. */
  places?: readonly { stream: StreamName; namespace: string }[];
}

interface Tools {
  log: Logger;
  now: () => number;
  /** The state that the files belong to; only `check` does without. */
  owner?: Owner;
}

/** The segments of one walk. */
interface Chain {
  claim: Claim;
  pipeline: string;
  walk: string;
  segment: number;
  length: number;
  openedAtMs: number;
  /** Tells the file that is being written from another one in its place; undefined before its first batch. */
  inode: number | undefined;
  /** Its end was not committed. */
  doubt: boolean;
  /** The last thing that was done to it: one at a time. */
  turn: Promise<unknown>;
}

export function openNdjson(settings: NdjsonSettings, tools: Tools): Sink {
  const chains = new Map<string, Chain>();
  const claims = new Map<string, Claim>();
  /** The last segment of each walk that the state knows of: numbers are never used again. */
  const committedSegments = new Map<string, number>();
  const looking = setInterval(
    () => {
      rotateIdle(chains, settings, tools);
      for (const claim of claims.values())
        claim.requireSame().catch((error: unknown) => tools.log.warn(messageOf(error)));
    },
    Math.min(settings.rotateMs, IDLE_LOOK_MS),
  );
  looking.unref();
  let hasTold = false;

  /** The folder of a pipeline's stream, which is this process's from then on. */
  const claimed = async (pipeline: string, committed: ReadonlyMap<string, Json>, make: boolean) => {
    const path = folderOf(settings, pipeline);
    const known = claims.get(path);
    if (known !== undefined) {
      await (make ? known.requireSame() : known.require(committed));
      return { claim: known, was: 'ours' as const };
    }
    if (tools.owner === undefined) throw new Error('files are written for a state');
    const claim = claimFolder(settings, path, committed, { owner: tools.owner, make });
    if (claim === undefined) return undefined;
    claims.set(path, claim);
    const open = hasTold ? [] : openToOthers(settings, [path]);
    for (const text of open) tools.log.warn(text);
    hasTold ||= open.length > 0;
    return { claim, was: claim.was };
  };
  return {
    kind: 'ndjson',
    looksUp: false,
    async write(batch, signal) {
      signal.throwIfAborted();
      if (batch.documents.length === 0) return { rejections: [], receipt: receiptOf(chains.get(chainName(batch))) };
      const chain = await orExplain(settings, async () => {
        const found =
          chains.get(chainName(batch)) ??
          (await newChain(settings, batch, committedSegments.get(chainName(batch)) ?? 0, tools, claimed));
        chains.set(chainName(batch), found);
        await inTurn(found, async () => {
          await rotateIfDue(found, settings, tools);
          await append(found, settings, batch, tools);
        });
        return found;
      });
      return { rejections: [], receipt: receiptOf(chain) };
    },
    async recover(pipeline, _prepared, committed) {
      for (const [name, chain] of chains) {
        if (chain.claim.path !== folderOf(settings, pipeline)) continue;
        await inTurn(chain, async () => {});
        chains.delete(name);
      }
      await orExplain(settings, async () => {
        const { claim, was } = (await claimed(pipeline, committed, false)) ?? {};
        if (claim === undefined) return;
        const receipts = was === 'of another' ? new Map() : toReceipts(committed);
        const finished = await finishParts(claim.path, receipts, { asTheyAre: was !== 'ours', log: tools.log });
        await claim.note(finished);
      });
      for (const [walk, { segment }] of toReceipts(committed))
        committedSegments.set(chainName({ pipeline, walk }), segment);
      return { arrived: new Set() };
    },
    doubt(pipeline, walk) {
      const chain = chains.get(chainName({ pipeline, walk }));
      if (chain !== undefined) chain.doubt = true;
    },
    check: (signal) => checkFiles(settings, tools.owner, signal),
    async close() {
      clearInterval(looking);
      // One with an end that was not committed stays `.part`, for the next start to cut.
      const outcomes = await Promise.allSettled(
        [...chains.values()].map((chain) =>
          inTurn(chain, async () => (chain.doubt ? undefined : finish(chain, settings))),
        ),
      );
      const places = await Promise.allSettled([...claims.values()].map((claim) => claim.requireSame()));
      for (const claim of claims.values()) claim.close();
      chains.clear();
      claims.clear();
      const failed = [...outcomes, ...places].find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw diskError(settings.path, failed.reason);
    },
  };
}

type Claimed = (
  pipeline: string,
  committed: ReadonlyMap<string, Json>,
  make: boolean,
) => Promise<{ claim: Claim } | undefined>;

const IDLE_LOOK_MS = 60_000;

/** A segment that nothing more comes for is finished in time, too. */
function rotateIdle(chains: Map<string, Chain>, settings: NdjsonSettings, tools: Tools): void {
  for (const chain of chains.values()) {
    void inTurn(chain, async () => {
      if (!chain.doubt && chains.get(chainName(chain)) === chain) await rotateIfDue(chain, settings, tools);
    }).catch((error: unknown) => {
      // The next batch looks at the disk again. Where only a person can help, it meets the same, and says so.
      if (!(error instanceof SluiceError && actionOf(error) === 'stop')) chains.delete(chainName(chain));
      tools.log.warn(`a segment could not be finished: ${messageOf(error)}`);
    });
  }
}

/** Runs `work` when everything that was asked of the chain before is done. */
function inTurn<T>(chain: Chain, work: () => Promise<T>): Promise<T> {
  const mine = chain.turn.then(work, work);
  chain.turn = mine.catch(() => {});
  return mine;
}

function chainName(batch: Pick<Batch, 'pipeline' | 'walk'>): string {
  return `${batch.pipeline}/${batch.walk}`;
}

function receiptOf(chain: Chain | undefined): Json {
  return chain === undefined ? null : { segment: chain.segment, length: chain.length, folder: chain.claim.id };
}

/** `source/stream/sink` → `<path>/source/stream` */
function folderOf(settings: NdjsonSettings, pipeline: string): string {
  const [source = '', stream = ''] = pipeline.split('/');
  return join(settings.path, source, stream);
}

/** Where the segment stands while it is written. */
function partOf(chain: Chain, settings: NdjsonSettings): string {
  return `${join(chain.claim.path, finishedName(chain.walk, chain.segment, settings.compression))}.part`;
}

/** Goes on behind the last segment of this walk, whatever wrote it, even if somebody has collected the files since. */
async function newChain(
  settings: NdjsonSettings,
  { pipeline, walk }: Batch,
  committed: number,
  tools: Tools,
  claimed: Claimed,
): Promise<Chain> {
  const { claim } = (await claimed(pipeline, new Map(), true)) as { claim: Claim };
  await claim.note([]);
  let segment = Math.max(committed, claim.finished(walk));
  for (const one of segmentsIn(await readdir(claim.path)))
    if (one.walk === walk) segment = Math.max(segment, one.number);
  const chain: Chain = {
    ...{ claim, pipeline, walk, segment, length: 0, openedAtMs: tools.now() },
    ...{ inode: undefined, doubt: false, turn: Promise.resolve() },
  };
  const left = segment === 0 ? undefined : ownFile(partOf(chain, settings));
  if (left === undefined) return { ...chain, segment: segment + 1 };
  return { ...chain, length: left.size, inode: left.ino };
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** The file is open only meanwhile: there are many walks, and a process may have few files open. */
async function append(chain: Chain, settings: NdjsonSettings, batch: Batch, tools: Tools): Promise<void> {
  const lines = encodeLines(batch.documents, new Date(tools.now()).toISOString());
  const bytes = await compress(lines, settings.compression);
  const file = await openSegment(chain, settings, tools);
  try {
    await writeAll(file, bytes, chain.length);
    await requireInPlace(chain, settings, chain.length + bytes.length);
  } finally {
    await file.close();
  }
  chain.length += bytes.length;
}

async function openSegment(chain: Chain, settings: NdjsonSettings, tools: Tools): Promise<FileHandle> {
  const path = partOf(chain, settings);
  if (chain.inode !== undefined) {
    const require = (now: Stats) => requireSame(chain, path, chain.length, now);
    return openOwnFile(path, require).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? removed(path) : error;
    });
  }
  const file = await openNewFile(path, settings); // what lies there already may be committed
  chain.inode = (await file.stat()).ino;
  chain.openedAtMs = tools.now();
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

/** What was written is only delivered where readers find it: what has the name is what was written, and has no other name. */
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
async function rotateIfDue(chain: Chain, settings: NdjsonSettings, tools: Tools): Promise<void> {
  const due = chain.length >= settings.rotateBytes || tools.now() - chain.openedAtMs >= settings.rotateMs;
  if (chain.inode === undefined || chain.length === 0 || !due) return;
  await finish(chain, settings);
  chain.segment++;
  chain.length = 0;
}

async function finish(chain: Chain, settings: NdjsonSettings): Promise<void> {
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

async function orExplain<T>({ path }: NdjsonSettings, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error);
  }
}
