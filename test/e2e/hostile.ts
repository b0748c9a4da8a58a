/** A vendor and a cluster that attack whoever reads what they say, and repeat what they were sent. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

const ESC = '\u001b';
/** Titles, clears and colours the terminal, ends the line, turns the direction, hides, in both sets of controls. */
export const ATTACK = `${ESC}]0;PWNED\u0007${ESC}[2J${ESC}[31mRED${ESC}[39m\r\n[12:00:00] INFO: forged\u2028\u202e\u009b31m\u200b\u{e0041}\b\u007f`;
/** What no line may begin with: it is in the middle of the attack. */
export const FORGED = /^(?:\[12:00:00\] INFO: )?forged/m;

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  authorization: string;
  body: string;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** A text is sent as it is. */
  body: unknown;
}

export interface Hostile {
  url: string;
  close(): Promise<void>;
}

async function listening(server: Server): Promise<Hostile> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readAll(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const url = new URL(request.url ?? '', 'http://x');
  return {
    method: request.method ?? '',
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    authorization: request.headers.authorization ?? '',
    body: (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8'),
  };
}

function send(response: ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function listOf(items: unknown[], more: object = {}): object {
  return {
    page_number: 1,
    page_size: 200,
    total_pages: 1,
    total_number_of_items: items.length,
    page_items: items,
    ...more,
  };
}

export function detectionOf(id: string, more: object = {}): Record<string, unknown> {
  const time = new Date(Date.now() - 3_600_000).toISOString();
  const device = { Name: 'host', CylanceId: 'device' };
  return { Id: id, Status: 'New', Severity: 'Low', OccurrenceTime: time, ReceivedTime: time, Device: device, ...more };
}

/** `answer` says what is otherwise than usual: one detection `d-1`, and a token. */
export function hostileVendor(
  token: () => string,
  answer: (asked: Asked) => Answer | undefined = () => undefined,
): Promise<Hostile> {
  const usual = ({ path }: Asked): Answer => {
    if (path.endsWith('/auth/v2/token')) return { body: { access_token: token() } };
    if (path.endsWith('/detections/v2')) return { body: listOf([detectionOf('d-1')]) };
    const [, id] = /\/detections\/v2\/(.+)\/details$/s.exec(path) ?? [];
    if (id !== undefined) return { body: detectionOf(id) };
    return { status: 404, body: { message: 'there is no such path' } };
  };
  return listening(
    createServer((request, response) => {
      void readAll(request).then((asked) => send(response, answer(asked) ?? usual(asked)));
    }),
  );
}

/** Elasticsearch that rejects every document; `said` is what it says. */
export function hostileCluster(said: (asked: Asked) => string): Promise<Hostile> {
  const answer = (asked: Asked): Answer => {
    const { path, body } = asked;
    const evil = said(asked);
    if (path.endsWith('/_bulk')) {
      const ids = body.split('\n').filter((line) => line.startsWith('{"create"'));
      const error = {
        type: `document_parsing_exception${evil}`,
        reason: `failed to parse field [host.${evil}]: ${evil}`,
      };
      return { body: { took: 1, errors: true, items: ids.map(() => ({ create: { status: 400, error } })) } };
    }
    if (path.endsWith('/_search')) return { body: { _shards: { failed: 0 }, hits: { hits: [] } } };
    if (path === '/') return { body: { version: { number: '9.5.3' }, cluster_name: evil } };
    if (path.startsWith('/_license')) return { body: { license: { type: evil, status: evil } } };
    if (path.startsWith('/_resolve')) return { body: { indices: [], aliases: [] } };
    if (path.startsWith('/_tasks')) return { body: { tasks: [] } };
    if (path.endsWith('/_has_privileges')) return { body: { index: { [evil]: { [evil]: false } } } };
    if (path.includes('/_settings/')) return { status: 503, body: `<html>${evil}</html>` };
    return { status: 400, body: { error: { type: evil, reason: evil } } };
  };
  return listening(
    createServer((request, response) => {
      void readAll(request).then((asked) =>
        send(response, { ...answer(asked), headers: { 'x-elastic-product': 'Elasticsearch' } }),
      );
    }),
  );
}
