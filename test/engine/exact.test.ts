/** What arrives is what was sent, digit by digit, whatever stands around it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { runWalk } from '../../src/engine/walk.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const MINUTE_MS = 60_000;
const NOW_MS = Date.UTC(2026, 10, 26);
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A vendor whose replies are texts, packed as some gateways pack them. */
async function vendor(detections: () => readonly string[]): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://vendor');
    const found = detections();
    const list = `{"page_number":1,"page_size":200,"total_pages":1,"total_number_of_items":${found.length},"page_items":[${found.join(',')}]}`;
    const id = decodeURIComponent(/v2\/([^/]+)\/details/.exec(pathname)?.[1] ?? '');
    const text = pathname.endsWith('/token')
      ? '{"access_token":"a-token"}'
      : id === ''
        ? list
        : found.find((one) => one.includes(`"Id":${id}`));
    const body = Buffer.concat([gzipSync(Buffer.from(`\ufeff${text ?? ''}`)), Buffer.from('\r\n')]);
    response.writeHead(text === undefined ? 404 : 200, { 'content-encoding': 'gzip' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)).then(() => server.closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('whole numbers beyond 2^53 and long decimals, in ids too, with a byte order mark and bytes behind the gzip', async () => {
  let counter = '9007199254740992';
  const detection = (id: string) =>
    `{"Id":${id},"Severity":"High","OccurrenceTime":"2026-11-25T23:50:00Z","Counter":${counter},"Ratio":0.12345678901234567890}`;
  const url = await vendor(() => [detection('9007199254740992'), detection('9007199254740993')]);
  const folder = scratch();
  const config = testConfig(url, folder.path, { source: { keep_original: true } });
  const sink = memorySink();
  const opened = openPipeline(config, { sink, now: () => NOW_MS });
  cleanUps.push(folder.remove, () => opened.close());
  for (counter of ['9007199254740992', '9007199254740993', '18446744073709551615']) {
    const range = { fromMs: NOW_MS - 30 * MINUTE_MS, toMs: NOW_MS };
    await runWalk(opened.pipeline, { id: 'live', kind: 'live', range }, new AbortController().signal);
  }
  const documents = sink.documents.map(documentOf);
  expect(documents.map(({ event }) => [event.id, event.sequence]).sort()).toEqual(
    ['9007199254740992', '9007199254740993'].flatMap((id) => [1, 2, 3].map((sequence) => [id, sequence])),
  );
  const other = documents.map((document) => {
    const { detection } = document.cylance as { detection: { other: Record<string, unknown> } };
    return `${detection.other.Counter} ${detection.other.Ratio}`;
  });
  expect([...new Set(other)]).toEqual(
    ['9007199254740992', '9007199254740993', '18446744073709551615'].map((one) => `${one} 0.12345678901234567890`),
  );
  expect(documents.at(-1)?.event.original).toContain('18446744073709551615');
});
