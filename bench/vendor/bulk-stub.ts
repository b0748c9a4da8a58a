/**
 * What stands where Elasticsearch would: it takes `_bulk` requests, reads nothing of them but where lines end, and answers
 * that every document was created, in the form that was asked for (`filter_path`).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BulkStub {
  url: string;
  /** Documents that came since it was asked last. */
  taken(): number;
  /** From now on bodies are kept, for who wants to see what came whole. */
  keep(): void;
  /** Those kept; they are kept no longer. */
  kept(): string[];
  close(): Promise<void>;
}

const NEWLINE = 0x0a;
const HEADERS = { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' };
const ROOT = '{"name":"stub","cluster_name":"stub","version":{"number":"9.5.3","build_flavor":"default"}}';

export async function startBulkStub(): Promise<BulkStub> {
  let documents = 0;
  let bodies: Buffer[] | undefined;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stub');
    if (!url.pathname.endsWith('/_bulk')) {
      request.resume();
      response.writeHead(url.pathname === '/' ? 200 : 404, HEADERS).end(url.pathname === '/' ? ROOT : '{}');
      return;
    }
    if (request.headers['content-encoding'] !== undefined) {
      request.resume();
      response.writeHead(415, HEADERS).end('{"error":"the stub reads no compressed bodies"}');
      return;
    }
    let lines = 0;
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) {
      lines += newlinesIn(part);
      if (bodies !== undefined) parts.push(part);
    }
    documents += lines / 2;
    bodies?.push(...parts); // at once: another request may come between the parts of this one
    const body = answerTo(lines / 2, url.searchParams.get('filter_path'));
    response.writeHead(200, { ...HEADERS, 'content-length': Buffer.byteLength(body) }).end(body);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken() {
      const count = documents;
      documents = 0;
      return count;
    },
    keep() {
      bodies = [];
    },
    kept() {
      const lines = Buffer.concat(bodies ?? []).toString();
      bodies = undefined;
      return lines.split('\n').filter((_, at) => at % 2 === 1);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function newlinesIn(part: Buffer): number {
  let count = 0;
  for (let at = part.indexOf(NEWLINE); at >= 0; at = part.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

const ITEM =
  '{"create":{"_index":".ds-logs-stub-000001","_id":"0123456789abcdef0123456789abcdef","_version":1,"result":"created",' +
  '"_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}}';
const FILTERED_ITEM = '{"create":{"status":201}}';

/** Whole, or the parts that a reader who names some gets. */
function answerTo(count: number, filter: string | null): string {
  const items = (item: string) => `[${Array.from({ length: count }, () => item).join(',')}]`;
  if (filter === null) return `{"errors":false,"took":1,"items":${items(ITEM)}}`;
  if (filter.includes('items')) return `{"items":${items(FILTERED_ITEM)}}`;
  return '{"errors":false}';
}
