/** An Elasticsearch that answers what a test scripted, in order; what is unexpected or left over fails the test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface MockRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** `hang`: no answer at all. `cut`: the connection is reset. `text`: sent as it is, as HTML. */
export type MockReply =
  | { status: number; json: unknown; headers?: Record<string, string> }
  | { status: number; text: string; type?: string }
  | { status: number; bytes: Buffer; headers: Record<string, string> }
  | 'hang'
  | 'cut';

/** A request line such as `POST /logs-x-y/_bulk`, and the answer to it. */
export type Step = [line: string, reply: MockReply | ((request: MockRequest) => MockReply)];

export interface Mock {
  url: string;
  requests: MockRequest[];
  /** Throws when a request was not expected, or an expected one did not come. */
  done(): void;
  stop(): Promise<void>;
}

export async function mockElasticsearch(steps: Step[]): Promise<Mock> {
  const left = [...steps];
  const requests: MockRequest[] = [];
  const unexpected: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const request = await read(incoming).catch(() => undefined);
    if (request === undefined) return;
    requests.push(request);
    const line = `${request.method} ${request.path}`;
    if (left[0]?.[0] !== line) {
      unexpected.push(`${line} (expected: ${left[0]?.[0] ?? 'nothing'})`);
      outgoing.writeHead(418).end();
      return;
    }
    const [, reply] = left.shift() as Step;
    send(outgoing, typeof reply === 'function' ? reply(request) : reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    done() {
      if (unexpected.length > 0) throw new Error(`unexpected requests: ${unexpected.join(', ')}`);
      if (left.length > 0) throw new Error(`these requests never came: ${left.map(([line]) => line).join(', ')}`);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function read(incoming: IncomingMessage): Promise<MockRequest> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part);
  const bytes = Buffer.concat(parts);
  const body = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
  const url = new URL(incoming.url ?? '/', 'http://mock');
  const { method = 'GET', headers } = incoming;
  return { method, path: url.pathname, query: url.searchParams, headers, body: body.toString() };
}

function send(outgoing: ServerResponse, reply: MockReply): void {
  if (reply === 'hang') return;
  if (reply === 'cut') {
    outgoing.socket?.resetAndDestroy();
  } else if ('json' in reply) {
    const headers = { 'content-type': 'application/json', ...reply.headers };
    outgoing.writeHead(reply.status, headers).end(JSON.stringify(reply.json));
  } else if ('bytes' in reply) {
    const headers = { 'content-type': 'application/json', ...reply.headers };
    outgoing.writeHead(reply.status, headers).end(reply.bytes);
  } else {
    outgoing.writeHead(reply.status, { 'content-type': reply.type ?? 'text/html' }).end(reply.text);
  }
}
