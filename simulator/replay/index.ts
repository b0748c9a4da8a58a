/** Serves a recording as the vendor did: the same routes and queries. What was not recorded is a 404 that says so. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeEnvelope } from '../list-reply.ts';
import { readPaging } from '../query.ts';
import { readTime } from '../times.ts';
import { keyOf, loadRecording, type Recorded, type RecordedSource, sorted } from './load.ts';

export interface ReplayOptions {
  file: Buffer;
  port: number;
  host: string;
}

export interface Replay {
  url: string;
  at: string;
  sources: RecordedSource[];
  /** Times of the oldest record of a list with times, ISO; undefined without any. */
  oldest: string | undefined;
  /** What was asked for and is not in the recording. */
  missing(): string[];
  close(): Promise<void>;
}

const MAX_PAGE_SIZE = 1000;
const TOKEN_SECONDS = 1800;

export async function startReplay(
  { file, port, host }: ReplayOptions,
  out: { write(text: string): unknown },
): Promise<Replay> {
  const recorded = loadRecording(file);
  const missing = new Set<string>();
  const server = createServer((request, response) => {
    answer(recorded, missing, request).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => send(response, 500, JSON.stringify({ message: String(error) })),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  out.write(`sluice simulator ready ${url}\n`);
  return {
    url,
    at: recorded.at,
    sources: recorded.sources,
    oldest: oldestOf(recorded),
    missing: () => [...missing],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  status: number;
  body: string;
}

async function answer(recorded: Recorded, missing: Set<string>, request: IncomingMessage): Promise<Answer> {
  const { method = 'GET', url = '/' } = request;
  const { pathname, searchParams } = new URL(url, 'http://replay');
  const body = await bodyOf(request);
  if (method === 'POST' && pathname.endsWith('/auth/v2/token')) return { status: 200, body: tokenReply() };
  const reply = recorded.replies.get(keyOf(method, pathname, searchParams, body));
  if (reply !== undefined) return { status: reply.status, body: JSON.stringify(reply.reply) };
  const list = method === 'GET' ? listFor(recorded, pathname, searchParams) : undefined;
  if (list !== undefined) return pageOf(list.items, list.params);
  const asked = `${method} ${url}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`.slice(0, 500);
  missing.add(asked);
  return { status: 404, body: JSON.stringify({ message: `not recorded: ${asked}` }) };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (chunks.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Any credentials are right, and the token says nothing but how long it lives. */
function tokenReply(): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iat: now, exp: now + TOKEN_SECONDS };
  return JSON.stringify({
    access_token: `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${part({ replay: now })}`,
  });
}

const folded = (name: string) => name.replaceAll(/[_\s-]/g, '').toLowerCase();

/** Parameters that choose a part of a list, as they were left out of what the recording tells lists apart by. */
const CHOOSING = new Set(['start', 'end', 'since', 'page', 'pagesize', 'sort', 'severity', 'status', 'detectiontype']);

function listFor({ lists }: Recorded, path: string, params: URLSearchParams) {
  const telling = [...params].filter(([name]) => !CHOOSING.has(folded(name)));
  const items = lists.get(`${path}?${sorted(new URLSearchParams(telling))}`);
  return items && { items, params };
}

function pageOf(items: readonly unknown[], params: URLSearchParams): Answer {
  const paging = readPaging(params, MAX_PAGE_SIZE);
  if ('problem' in paging) return { status: 400, body: JSON.stringify({ message: paging.problem }) };
  const chosen = ordered(
    items.filter((item) => isChosen(item, params)),
    params,
  );
  const { page, pageSize } = paging;
  if (page > Math.max(1, Math.ceil(chosen.length / pageSize)))
    return { status: 404, body: JSON.stringify({ message: 'the requested page does not exist' }) };
  const shown = chosen.slice((page - 1) * pageSize, page * pageSize).map((item) => JSON.stringify(item));
  return { status: 200, body: writeEnvelope({ page, pageSize, total: chosen.length, items: shown }) };
}

/** By the time that the list is sorted by, and by members that are named as parameters are. */
function isChosen(item: unknown, params: URLSearchParams): boolean {
  const time = timeOf(item, sortOf(params));
  const [start, end] = [params.get('start') ?? params.get('since'), params.get('end')].map((text) =>
    readTime(text ?? ''),
  );
  if (time !== undefined && start !== undefined && time < start) return false;
  if (time !== undefined && end !== undefined && time > end) return false;
  for (const name of ['severity', 'status', 'detection_type']) {
    const wanted = params.getAll(name).map((value) => value.trim().toLowerCase());
    const value = memberOf(item, name);
    if (wanted.length > 0 && typeof value === 'string' && !wanted.includes(value.trim().toLowerCase())) return false;
  }
  return true;
}

function sortOf(params: URLSearchParams): string {
  return (params.get('sort') ?? '').replace(/^[-+ ]/, '');
}

function ordered(items: unknown[], params: URLSearchParams): unknown[] {
  const by = sortOf(params);
  if (by === '') return items;
  const sign = (params.get('sort') ?? '').startsWith('-') ? -1 : 1;
  return items.toSorted((one, other) => sign * ((timeOf(one, by) ?? 0) - (timeOf(other, by) ?? 0)));
}

function timeOf(item: unknown, member: string): number | undefined {
  const value = member === '' ? undefined : memberOf(item, member);
  return typeof value === 'string' ? readTime(value) : undefined;
}

function memberOf(item: unknown, member: string): unknown {
  if (item === null || typeof item !== 'object') return undefined;
  return Object.entries(item).find(([name]) => folded(name) === folded(member))?.[1];
}

/** Of lists that were read by time: those of detections. */
function oldestOf({ lists }: Recorded): string | undefined {
  const times = [...lists.values()].flat().flatMap((item) => timeOf(item, 'OccurrenceTime') ?? []);
  return times.length === 0 ? undefined : new Date(times.reduce((least, one) => Math.min(least, one))).toISOString();
}

function send(response: ServerResponse, status: number, body: string): void {
  response.sendDate = false;
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
}
