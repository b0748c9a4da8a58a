import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import pino from 'pino';
import type { EcsDocument } from '../../src/api/document.ts';
import type { Sink } from '../../src/api/sink.ts';
import { openElasticsearch } from '../../src/sinks/elasticsearch/index.ts';
import { openNdjson } from '../../src/sinks/ndjson/index.ts';
import { scratch } from '../engine/harness.ts';
import { startElastic } from '../torture/elastic.ts';
import { sinkContract } from './sink.ts';

const owner = { state: 'a'.repeat(32), path: '/the/state', adopt: false };
const tools = { log: pino({ level: 'silent' }), now: Date.now, owner };
const DECODERS = { none: (bytes: Buffer) => bytes, gzip: gunzipSync, zstd: unzstd };
const FRAME = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** All frames: node:zlib stops after the first, other than the command line tool. */
function unzstd(bytes: Buffer): Buffer {
  const starts: number[] = [];
  for (let at = bytes.indexOf(FRAME); at >= 0; at = bytes.indexOf(FRAME, at + 1)) starts.push(at);
  return Buffer.concat(starts.map((start, index) => zstdDecompressSync(bytes.subarray(start, starts[index + 1]))));
}

/** Every line of every segment; what was set aside as uncommitted does not count. */
function readAll(path: string, decode: (bytes: Buffer) => Buffer): EcsDocument[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.ndjson(\.gz|\.zst)?(\.part)?$/.test(name),
  );
  return names.sort().flatMap((name) => {
    const bytes = readFileSync(join(path, name));
    if (bytes.length === 0) return [];
    return decode(bytes)
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as EcsDocument);
  });
}

for (const compression of ['none', 'gzip', 'zstd'] as const) {
  for (const rotateBytes of [1, 2 ** 30]) {
    sinkContract(`ndjson, ${compression}, segments of ${rotateBytes} bytes`, async () => {
      const folder = scratch();
      const settings = { path: join(folder.path, 'out'), compression, rotateBytes, rotateMs: 3_600_000 };
      const sink = openNdjson(settings, tools);
      return {
        sink,
        // The system lets go of the locks of a process that dies; what it wrote last is not committed.
        reopen: async () => {
          sink.outcomeUnknown?.('acme/test.contract/sink', 'live');
          await sink.close();
          return openNdjson(settings, tools);
        },
        readAll: async () => readAll(folder.path, DECODERS[compression]),
        dispose: async () => folder.remove(),
      };
    });
  }
}

// The Elasticsearch in memory that the torture delivers to, behind the real sink.
sinkContract('elasticsearch in memory', async () => {
  const elastic = await startElastic({ rollover: 100 });
  const settings = { nodes: [elastic.url], auth: { kind: 'none' as const }, maxBulkDocuments: 50 };
  const opened = [openElasticsearch(settings, tools)];
  return {
    sink: opened[0] as Sink,
    reopen: () => {
      const next = openElasticsearch(settings, tools);
      opened.push(next);
      return next;
    },
    readAll: async () => elastic.documents().map(({ document }) => document),
    dispose: async () => {
      for (const sink of opened) await sink.close();
      await elastic.close();
    },
  };
});
