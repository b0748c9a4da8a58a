/** Reads what is kept: for `remap`, and for whoever needs a record that its vendor does not have any more. */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamName } from '../../api/document.ts';
import { ifThere } from '../../system/reading.ts';
import { contentsOf } from './frames.ts';
import { damagedAt, dayEndMs, folderOf, type RawRecord, readLine } from './record.ts';

export interface RawQuery {
  /** The folder of the state. */
  path: string;
  source: string;
  stream: StreamName;
  /** Only what this sink got. */
  sink?: string;
  /** Only records whose time lies in this range: `fromMs` belongs to it, `toMs` does not. */
  fromMs?: number;
  toMs?: number;
  /** The last one first; by default in the order of their delivery. */
  newestFirst?: boolean;
}

/**
 * The records as they were delivered. A crash may leave records here that the state does not know: for one
 * key and ordinal, the last one counts, and none whose ordinal is above that of the state.
 */
export async function* rawRecords(query: RawQuery): AsyncGenerator<RawRecord> {
  const { path, source, stream, sink, newestFirst = false } = query;
  const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = query;
  const folder = folderOf(path, source, stream);
  const names = (await readdir(folder).catch(ifThere<string[]>([])))
    .filter((name) => dayEndMs(name) !== undefined)
    .sort();
  for (const name of newestFirst ? names.reverse() : names) {
    for await (const line of linesOf(join(folder, name), newestFirst)) {
      const record = readLine(line);
      const isMeant = record.timeMs >= fromMs && record.timeMs < toMs && (sink === undefined || record.sink === sink);
      if (isMeant) yield record;
    }
  }
}

async function* linesOf(path: string, newestFirst: boolean): AsyncGenerator<string> {
  const file = await open(path).catch(ifThere<FileHandle | undefined>(undefined)); // it became too old meanwhile
  if (file === undefined) return;
  try {
    for await (const content of contentsOf(file, { damaged: damagedAt(path), newestFirst })) {
      const lines = content.toString('utf8').split('\n');
      for (const line of newestFirst ? lines.reverse() : lines) if (line !== '') yield line;
    }
  } finally {
    await file.close();
  }
}
