/** `run --once` ends with 1 when it brought nothing through, and says why, once for each cause. */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { startProxy } from '../services/proxy.ts';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await place.close();
});

/** An Elasticsearch whose templates are wrong: it takes those documents only that `takes` lets through. */
async function fussyElasticsearch(takes: (nth: number) => boolean): Promise<string> {
  let asked = 0;
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    response.setHeader('x-elastic-product', 'Elasticsearch');
    response.setHeader('content-type', 'application/json');
    if (!request.url?.includes('_bulk')) return void response.end('{"hits":{"hits":[]},"_shards":{"failed":0}}');
    const body = Buffer.concat(parts);
    const lines = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString().split('\n');
    const items = lines.flatMap((line) => {
      if (!line.startsWith('{"create"')) return [];
      const { _id } = (JSON.parse(line) as { create: { _id: string } }).create;
      const field = asked % 2 === 0 ? 'host.ip' : 'file.size';
      const reason = `[1:1] failed to parse field [${field}] of type [ip]`;
      const error = { type: 'document_parsing_exception', reason };
      return [{ create: takes(asked++) ? { _id, status: 201 } : { _id, status: 400, error } }];
    });
    response.end(JSON.stringify({ took: 1, errors: true, items }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function withLookback(): void {
  const file = join(place.folder, 'sluice.yaml');
  const text = readFileSync(file, 'utf8').replace('    http:', '    reading: { lookback: 3650d }\n    http:');
  writeFileSync(file, text);
}

test.each([
  { all: true, code: 1 },
  { all: false, code: 0 },
])(
  'documents that the sink rejects, all of them: $all',
  async ({ all, code }) => {
    place = await workplace({ detections: 20 });
    const url = await fussyElasticsearch((nth) => !all && nth === 7);
    const sink = `{ name: es, type: elasticsearch, nodes: ["${url}"] }`;
    place.configure({ sink, extra: 'log: { format: pretty }\n' });
    withLookback();
    const ended = await place.sluice('run', '--once', '--json');
    expect(ended.stderr.match(/the sink rejects documents: document_parsing_exception in host\.ip/g)).toHaveLength(1);
    expect(ended.stderr.match(/the sink rejects documents: document_parsing_exception in file\.size/g)).toHaveLength(1);
    expect(/error: acme\/cylance\.detection\/es: all documents were rejected \(20\)/.test(ended.stderr)).toBe(all);
    expect(ended.code).toBe(code);
  },
  60_000,
);

test('children that cannot be read', async () => {
  place = await workplace({ detections: 0, instaQueries: 4, resultsPerQuery: 2 });
  const proxy = await startProxy(place.simulator.url, ({ path }) =>
    path.endsWith('/results') ? { status: 400, body: { message: 'no such results today' } } : 'forward',
  );
  cleanups.push(proxy.stop);
  place.configure({ url: proxy.url, extra: 'log: { format: pretty }\n' });
  const file = join(place.folder, 'sluice.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('[cylance.detection]', '[cylance.instaquery_result]'));
  const ended = await place.sluice('run', '--once');
  expect(ended.stderr).toMatch(
    /error: acme\/cylance\.instaquery_result\/files: \d+ could not be read, "\S+" among them/,
  );
  expect(ended.stderr).toMatch(/cannot be read for now: .*answered 400/);
  expect(ended.code).toBe(1);
}, 60_000);
