/** What arrived, compared with what a perfect connector has delivered: by document id, so by key, ordinal and revision. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Simulator } from '../../simulator/index.ts';
import type { EcsDocument, StreamName } from '../../src/api/document.ts';
import { documentId } from '../../src/api/records/identity.ts';
import { expectedDocuments } from '../engine/harness.ts';

interface Identity {
  dataset: StreamName;
  id: string;
  sequence: number;
  hash: string;
}

/** The id of a document, computed from what it says of itself. */
export function idOf(document: EcsDocument): string {
  const { dataset, id, sequence, hash } = document.event as Identity;
  return documentId(dataset, id, sequence, hash);
}

const SEGMENT = /\.ndjson(?:\.gz|\.zst)?(?:\.part)?$/;

/** Documents of every segment, finished or not; what was never committed is set aside by Sluice and does not count. */
export function documentsIn(folder: string): EcsDocument[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => SEGMENT.test(name));
  return names.flatMap((name) =>
    plain(name, readFileSync(join(folder, name)))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as EcsDocument),
  );
}

function plain(name: string, bytes: Buffer): string {
  if (bytes.length === 0) return '';
  if (name.includes('.gz')) return gunzipSync(bytes).toString();
  if (name.includes('.zst')) return unzstd(bytes);
  return bytes.toString();
}

/** Node reads the first frame only; `zstd -d` reads all of them. */
function unzstd(bytes: Buffer): string {
  let text = '';
  for (let rest = bytes; rest.length > 0; ) {
    const { buffer, engine } = zstdDecompressSync(rest, { info: true }) as unknown as Inflated;
    text += buffer.toString();
    rest = rest.subarray(engine.bytesWritten);
  }
  return text;
}

interface Inflated {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

/** Missing, doubled and surplus documents, in words; nothing is the only right answer. */
export function differences(
  simulator: Simulator,
  ids: readonly string[],
  expected: ReadonlyMap<string, string> = expectedDocuments(simulator),
): string[] {
  return differencesFrom(expected, ids);
}

/** The same, where it is known what each expected id is. */
export function differencesFrom(expected: ReadonlyMap<string, string>, ids: readonly string[]): string[] {
  const found = new Map<string, number>();
  for (const id of ids) found.set(id, (found.get(id) ?? 0) + 1);
  return [
    ...[...expected].filter(([id]) => !found.has(id)).map(([, what]) => `missing ${what}`),
    ...[...found].filter(([, times]) => times > 1).map(([id, times]) => `${times} times ${expected.get(id) ?? id}`),
    ...[...found.keys()].filter((id) => !expected.has(id)).map((id) => `not expected ${id}`),
  ];
}
