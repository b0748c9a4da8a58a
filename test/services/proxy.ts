/** A proxy in front of a test service: for what the service itself lacks (security, TLS) and for replies that get lost. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  /** How many requests of this method and path (without its query) came before. */
  earlier: number;
}

/**
 * `lose`: the service does what it was asked, then `lose` happens, and the client only sees its connection die. `swallow`:
 * the service does it, and the client never hears of it. `garbage`: it does it, and the answer is nonsense.
 */
export type Verdict =
  | 'forward'
  | 'swallow'
  | 'garbage'
  | { lose: () => Promise<void> }
  | { status: number; body: unknown };

const GARBAGE = [
  '',
  'null',
  '{}',
  '<html>busy</html>',
  '{"items":[{}]}',
  '{"hits":"none"}',
  '{"items":[{"create":{"st',
];

export interface Proxy {
  url: string;
  seen: Seen[];
  /** Ends the connections that there are. */
  drop(): void;
  stop(): Promise<void>;
}

export async function startProxy(
  target: string,
  judge: (seen: Seen) => Verdict,
  tls?: { key: string; cert: string },
): Promise<Proxy> {
  const seen: Seen[] = [];
  const listener: RequestListener = async (incoming, outgoing) => {
    const body: Buffer[] = [];
    for await (const part of incoming) body.push(part);
    const { method = 'GET', url = '/', headers } = incoming;
    const [path = '', query = ''] = url.split('?');
    const earlier = seen.filter((other) => other.method === method && other.path === path).length;
    const entry = { method, path, query: new URLSearchParams(query), headers, earlier };
    seen.push(entry);
    const verdict = judge(entry);
    if (typeof verdict === 'object' && 'status' in verdict) {
      outgoing.writeHead(verdict.status, { 'content-type': 'application/json' }).end(JSON.stringify(verdict.body));
      return;
    }
    const reply = await forward(target + url, method, headers, Buffer.concat(body)).catch(() => undefined);
    if (verdict === 'swallow') return;
    if (verdict === 'garbage')
      return void outgoing
        .writeHead(200, { 'content-type': 'application/json' })
        .end(GARBAGE[seen.length % GARBAGE.length]);
    if (typeof verdict === 'object') await verdict.lose();
    if (reply === undefined || typeof verdict === 'object') outgoing.destroy();
    else outgoing.writeHead(reply.status, reply.headers).end(reply.body);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    seen,
    drop: () => server.closeAllConnections(),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Forwarded {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

function forward(url: string, method: string, headers: IncomingMessage['headers'], body: Buffer): Promise<Forwarded> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...headers, host: new URL(url).host } }, async (reply) => {
      const parts: Buffer[] = [];
      for await (const part of reply) parts.push(part);
      resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: Buffer.concat(parts) });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
