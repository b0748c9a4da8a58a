/** Reads the segments of a stream: the finished ones, and of those that are being written all whole lines. */
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, stopError } from '../../api/errors.ts';
import type { StoredDocument, StoredQuery } from '../../api/sink.ts';
import { ifThere, wholeLines } from '../../system/reading.ts';
import { parsedDocument, toStored } from '../stored.ts';
import { lookInto } from './folder.ts';
import { type Segment, segmentsIn } from './names.ts';
import { unpackedFrames } from './zstd-frames.ts';

/** The documents of a folder, segment by segment. What a collector takes meanwhile is left out. */
export async function* storedIn(
  folder: string,
  query: StoredQuery,
  signal: AbortSignal,
): AsyncGenerator<StoredDocument> {
  const names = await readdir(folder).catch(ifThere<string[]>([]));
  const segments = segmentsIn(names).filter(({ standing }) => standing !== 'uncommitted');
  for (const segment of segments.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    let line = 0;
    for await (const text of linesOf(join(folder, segment.name), segment)) {
      signal.throwIfAborted();
      line++;
      if (text !== '') yield toStored(query, undefined, parsedDocument(text), `${segment.name}:${line}`);
    }
  }
}

/** Segments that were finished and are not there any more: a collector has them. */
export function collectedFrom(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const { segments, file } = lookInto(folder);
  const there = new Set(segments.map(({ walk, number }) => `${walk} ${number}`));
  let gone = 0;
  for (const [walk, last] of file?.finished ?? []) {
    for (let number = 1; number <= last; number++) if (!there.has(`${walk} ${number}`)) gone++;
  }
  return gone === 0 ? undefined : `${gone} finished segments of ${folder} are not there any more`;
}

/** A last line without its end is one that is being written. */
async function* linesOf(path: string, segment: Segment): AsyncGenerator<string> {
  try {
    yield* wholeLines(bytesOf(nameNow(path)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return; // a collector has it
    if (segment.standing === 'part' && segment.isCompressed && /^(Z_|ERR_|ZSTD)/.test(code ?? '')) return; // its end is being written
    throw stopError(
      `${path} cannot be read: ${messageOf(error)}`,
      'Is the file as Sluice wrote it? Put it back as it was.',
    );
  }
}

/** A segment that was being written when the folder was listed may have got its name since. */
function nameNow(path: string): string {
  return existsSync(path) ? path : path.replace(/\.part$/, '');
}

function bytesOf(path: string): AsyncIterable<Buffer> {
  const file = createReadStream(path);
  if (/\.zst(\.part)?$/.test(path)) return unpackedFrames(file);
  // What goes wrong in either ends the other, and is thrown to whoever reads.
  return /\.gz(\.part)?$/.test(path) ? pipeline(file, createGunzip(), () => {}) : file;
}
