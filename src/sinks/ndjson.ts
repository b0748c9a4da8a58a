/**
 * Files with one JSON document per line. Exactly once: the length of the file is committed together with the cursor, and
 * what lies beyond it after a crash is cut off.
 *
 * Every walk writes its own chain of segments, `<path>/<source>/<stream>/<walk>-000001.ndjson`. The segment that is being
 * written ends in `.part`.
 */
import { randomUUID } from 'node:crypto';
import { access, constants, type FileHandle, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { Logger } from 'pino';
import { messageOf, SluiceError } from '../errors.ts';
import type { Batch, CheckLine, Json, Sink, StreamName } from '../types.ts';
import { diskError } from './ndjson-errors.ts';
import { encodeLines } from './serialize.ts';

export interface NdjsonSettings {
  path: string;
  compression: 'none' | 'gzip' | 'zstd';
  rotateBytes: number;
  rotateMs: number;
  /** What `check` looks at. */
  places?: readonly { stream: StreamName; namespace: string }[];
}

interface Tools {
  log: Logger;
  now: () => number;
}

/** The segments of one walk. */
interface Chain {
  folder: string;
  pipeline: string;
  walk: string;
  segment: number;
  length: number;
  openedAtMs: number;
  file: FileHandle | undefined;
  /** Its end was not committed. */
  doubt: boolean;
  /** The last thing that was done to it: one at a time. */
  turn: Promise<unknown>;
}

const ENDINGS = { none: '.ndjson', gzip: '.ndjson.gz', zstd: '.ndjson.zst' } as const;
const SEGMENT = /^(.+)-(\d{6,})(\.ndjson(?:\.gz|\.zst)?)(\.part)?$/;

export function openNdjson(settings: NdjsonSettings, tools: Tools): Sink {
  const chains = new Map<string, Chain>();
  /** The last segment of each walk that the state knows of: numbers are never used again. */
  const committedSegments = new Map<string, number>();
  const rotating = setInterval(() => rotateIdle(chains, settings, tools), Math.min(settings.rotateMs, IDLE_LOOK_MS));
  rotating.unref();
  return {
    kind: 'ndjson',
    looksUp: false,
    async write(batch, signal) {
      signal.throwIfAborted();
      if (batch.documents.length === 0) return { rejections: [], receipt: receiptOf(chains.get(chainName(batch))) };
      const chain = await orExplain(settings, async () => {
        const found =
          chains.get(chainName(batch)) ??
          (await newChain(settings, batch, committedSegments.get(chainName(batch)) ?? 0, tools));
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
      const folder = folderOf(settings, pipeline);
      for (const [name, chain] of chains) {
        if (chain.folder !== folder) continue;
        await inTurn(chain, async () => chain.file?.close());
        chains.delete(name);
      }
      await orExplain(settings, () => cutUncommitted(folder, committed, tools.log));
      for (const [walk, receipt] of committed) {
        const { segment = 0 } = (receipt ?? {}) as { segment?: number };
        committedSegments.set(chainName({ pipeline, walk }), segment);
      }
      return { arrived: new Set() };
    },
    doubt(pipeline, walk) {
      const chain = chains.get(chainName({ pipeline, walk }));
      if (chain !== undefined) chain.doubt = true;
    },
    check: (signal) => check(settings, signal),
    async close() {
      clearInterval(rotating);
      // One with an end that was not committed stays `.part`, for the next start to cut.
      for (const chain of chains.values()) {
        await inTurn(chain, async () => (chain.doubt ? chain.file?.close() : finish(chain, settings)));
      }
      chains.clear();
    },
  };
}

const IDLE_LOOK_MS = 60_000;

/** A segment that nothing more comes for is finished in time, too. */
function rotateIdle(chains: Map<string, Chain>, settings: NdjsonSettings, tools: Tools): void {
  for (const chain of chains.values()) {
    void inTurn(chain, async () => {
      if (!chain.doubt && chains.get(chainName(chain)) === chain) await rotateIfDue(chain, settings, tools);
    }).catch((error: unknown) => {
      chains.delete(chainName(chain)); // the next batch looks at the disk again
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
  return chain === undefined ? null : { segment: chain.segment, length: chain.length };
}

/** `source/stream/sink` → `<path>/source/stream` */
function folderOf(settings: NdjsonSettings, pipeline: string): string {
  const [source = '', stream = ''] = pipeline.split('/');
  return join(settings.path, source, stream);
}

function fileName(chain: Chain, settings: NdjsonSettings): string {
  return join(chain.folder, `${chain.walk}-${String(chain.segment).padStart(6, '0')}${ENDINGS[settings.compression]}`);
}

/** Goes on behind the last segment of this walk, whatever wrote it, even if somebody has collected the files since. */
async function newChain(settings: NdjsonSettings, batch: Batch, committed: number, tools: Tools): Promise<Chain> {
  const folder = folderOf(settings, batch.pipeline);
  await mkdir(folder, { recursive: true });
  let segment = committed;
  for (const name of await readdir(folder)) {
    const [, walk, number] = SEGMENT.exec(name.replace(/\.uncommitted$/, '')) ?? [];
    if (walk === batch.walk) segment = Math.max(segment, Number(number));
  }
  const chain: Chain = {
    folder,
    pipeline: batch.pipeline,
    walk: batch.walk,
    segment,
    length: 0,
    openedAtMs: tools.now(),
    file: undefined,
    doubt: false,
    turn: Promise.resolve(),
  };
  const left = `${fileName(chain, settings)}.part`;
  const file = segment === 0 ? undefined : await open(left, 'r+').catch(() => undefined);
  if (file !== undefined) return { ...chain, file, length: (await file.stat()).size };
  return { ...chain, segment: segment + 1 };
}

async function append(chain: Chain, settings: NdjsonSettings, batch: Batch, tools: Tools): Promise<void> {
  const lines = encodeLines(batch.documents, new Date(tools.now()).toISOString());
  const bytes = await compress(lines, settings.compression);
  if (chain.file === undefined) {
    chain.file = await open(`${fileName(chain, settings)}.part`, 'wx'); // what lies there already may be committed
    chain.openedAtMs = tools.now();
    await syncFolder(chain.folder);
  }
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await chain.file.write(bytes, done, bytes.length - done, chain.length + done);
      done += bytesWritten;
    }
    await chain.file.datasync();
  } catch (error) {
    await chain.file.truncate(chain.length).catch(() => {}); // recover() cuts it if this fails
    throw error;
  }
  chain.length += bytes.length;
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
  if (chain.file === undefined || chain.length === 0 || !due) return;
  await finish(chain, settings);
  chain.segment++;
  chain.length = 0;
}

async function finish(chain: Chain, settings: NdjsonSettings): Promise<void> {
  if (chain.file === undefined) return;
  await chain.file.close();
  chain.file = undefined;
  const name = fileName(chain, settings);
  if (chain.length === 0) await rm(`${name}.part`, { force: true });
  else await rename(`${name}.part`, name);
  await syncFolder(chain.folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/**
 * Cuts every unfinished segment to its committed length and gives it its name, since its walk may never write again. One
 * that no commit knows of is set aside, never deleted.
 */
async function cutUncommitted(folder: string, committed: ReadonlyMap<string, Json>, log: Logger): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const [, walk = '', segment, , part] = SEGMENT.exec(name) ?? [];
    if (part === undefined) continue;
    const receipt = committed.get(walk) as { segment?: number; length?: number } | null | undefined;
    const path = join(folder, name);
    const finished = path.slice(0, -part.length);
    if (receipt?.segment === Number(segment)) await cut(path, receipt.length ?? 0, log);
    // Those before the last one are committed as a whole.
    await rename(path, Number(segment) <= (receipt?.segment ?? 0) ? finished : `${finished}.uncommitted`);
  }
}

async function cut(path: string, length: number, log: Logger): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    if (size < length) {
      throw new SluiceError(`${path} has ${size} bytes, but ${length} were committed: somebody shortened it`, {
        action: 'stop',
        advice:
          'Put the whole file back from a backup. Without one, move it away and run `sluice state reset`: everything in range is shipped again.',
      });
    }
    if (size === length) return;
    log.info(`${path}: cut from ${size} to its committed ${length} bytes`);
    await file.truncate(length);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function orExplain<T>({ path }: NdjsonSettings, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error);
  }
}

async function check(settings: NdjsonSettings, signal: AbortSignal): Promise<CheckLine[]> {
  signal.throwIfAborted();
  try {
    await orExplain(settings, async () => {
      await mkdir(settings.path, { recursive: true });
      const probe = join(settings.path, `.sluice-check-${randomUUID()}`);
      const file = await open(probe, 'w');
      await file.write('x').finally(() => file.close());
      await rm(probe);
      for (const { namespace, stream } of settings.places ?? []) await mayContinue(settings, namespace, stream);
    });
    const { bavail, bsize } = await statfs(settings.path);
    return [
      { what: `write to ${settings.path}`, ok: true, detail: `${Math.floor((bavail * bsize) / 2 ** 20)} MiB free` },
    ];
  } catch (error) {
    const advice = error instanceof SluiceError ? error.advice : undefined;
    return [{ what: `write to ${settings.path}`, ok: false, detail: messageOf(error), advice }];
  }
}

/** Folders and open segments may be those of another user: of root, who tried it first. */
async function mayContinue({ path }: NdjsonSettings, source: string, stream: string): Promise<void> {
  const folder = join(path, source, stream);
  for (const each of [join(path, source), folder])
    await access(each, constants.W_OK | constants.X_OK).catch(unlessMissing);
  const names = (await readdir(folder).catch(unlessMissing)) ?? [];
  for (const name of names.filter((each) => each.endsWith('.part'))) await access(join(folder, name), constants.W_OK);
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
