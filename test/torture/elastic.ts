/**
 * An Elasticsearch in memory, as far as the sink needs it, with what makes it hard: an id is unique in a backing index only,
 * and those roll over; a search sees what was refreshed; a request goes on when its connection is gone. And it fails as told.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { EcsDocument } from '../../src/api/document.ts';

/** What goes wrong with a bulk request. */
export const BULK_FAULTS = [
  'overloaded',
  'unavailable',
  'unavailable but done',
  'some overloaded',
  'cut before',
  'cut after',
  'cut half-way',
  'silent',
  'silent but done',
  'late',
  'rejects some',
  'read-only',
  'garbage',
] as const;
export type BulkFault = (typeof BULK_FAULTS)[number];

export interface ElasticOptions {
  /** Documents of a backing index. */
  rollover: number;
  fault?: () => BulkFault | undefined;
  /** Asked at each refresh and search: whether it fails. */
  lookUpFails?: () => boolean;
}

export interface Elastic {
  url: string;
  port: number;
  /** Documents that were accepted, in the order of their arrival; an id may be there more than once. */
  documents(): { id: string; document: EcsDocument }[];
  close(): Promise<void>;
}

interface Stored {
  id: string;
  source: string;
  dataStream: string;
  index: string;
  isVisible: boolean;
}

/** A backing index. */
interface Index {
  name: string;
  ids: Set<string>;
}

/** Longer than the client waits. */
const LATE_MS = 1200;

export async function startElastic({ rollover, fault, lookUpFails }: ElasticOptions): Promise<Elastic> {
  const stored: Stored[] = [];
  /** The one that is written to, of each data stream. */
  const indices = new Map<string, Index>();
  const tasks = new Map<number, string>();
  let taskIds = 0;

  const rolledOver = (dataStream: string): Index => {
    const before = Number(indices.get(dataStream)?.name.split('-').at(-1) ?? 0);
    const index = { name: `.ds-${dataStream}-${before + 1}`, ids: new Set<string>() };
    indices.set(dataStream, index);
    return index;
  };
  const createIn = (dataStream: string, { id, source }: Line): object => {
    let index = indices.get(dataStream) ?? rolledOver(dataStream);
    if (index.ids.has(id)) return problem(409, 'version_conflict_engine_exception', 'document already exists');
    if (index.ids.size >= rollover) index = rolledOver(dataStream);
    index.ids.add(id);
    stored.push({ id, source, dataStream, index: index.name, isVisible: false });
    return { create: { status: 201 } };
  };

  const bulk = async (dataStream: string, lines: Line[], response: ServerResponse): Promise<void> => {
    const create = (line: Line) => createIn(dataStream, line);
    const kind = fault?.();
    const half = Math.ceil(lines.length / 2);
    switch (kind) {
      case 'overloaded':
        return reply(response, 429, {
          error: { type: 'circuit_breaking_exception', reason: 'too large' },
          status: 429,
        });
      case 'read-only': {
        const error = { type: 'cluster_block_exception', reason: 'index [x] blocked by: [FORBIDDEN/8/read-only];' };
        return reply(response, 403, { error, status: 403 });
      }
      case 'unavailable but done':
      case 'unavailable':
        if (kind !== 'unavailable') lines.forEach(create);
        return reply(response, 503, { error: { type: 'unavailable_shards_exception', reason: 'none' }, status: 503 });
      case 'cut before':
      case 'cut after':
      case 'cut half-way':
        lines.slice(0, { 'cut before': 0, 'cut after': lines.length, 'cut half-way': half }[kind]).forEach(create);
        response.socket?.resetAndDestroy();
        return;
      case 'silent':
        return;
      case 'silent but done':
        lines.forEach(create);
        return;
      case 'late':
        await sleep(LATE_MS);
        break;
      case 'garbage':
        lines.forEach(create);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"items":[{"create":{"stat');
        return;
    }
    const items = lines.map((line, nth) => {
      if (kind === 'some overloaded' && nth >= half) return problem(429, 'es_rejected_execution_exception', 'full');
      if (kind === 'rejects some' && nth % 7 === 3)
        return problem(400, 'document_parsing_exception', 'failed to parse');
      return create(line);
    });
    reply(response, 200, { items });
  };

  /** What was visible when the point in time was opened; nothing is ever removed. */
  const pageOf = ({ size, search_after: after = [0], _source: wanted }: Search, pit: string): object => {
    const [dataStream, visible] = JSON.parse(pit) as [string, number];
    const [from = 0] = after;
    const there = stored.filter((one) => one.isVisible && one.dataStream === dataStream).slice(0, visible);
    const hits = there.slice(from, from + size).map(({ id, index, source }, nth) => ({
      ...{ _id: id, _index: index, _source: membersOf(JSON.parse(source), wanted), sort: [from + nth + 1] },
    }));
    return { _shards: { failed: 0 }, pit_id: pit, hits: { hits } };
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const path = new URL(request.url ?? '/', 'http://elastic').pathname;
    const [, dataStream = '', action = dataStream] = path.split('/');
    if (action === '_tasks') {
      const running = [...tasks].map(([id, opaqueId]) => ({ node: 'n', id, headers: { 'X-Opaque-Id': opaqueId } }));
      return reply(response, 200, { tasks: running });
    }
    if (action === '_bulk') {
      const id = ++taskIds;
      tasks.set(id, String(request.headers['x-opaque-id']));
      await bulk(dataStream, linesOf(body), response).finally(() => tasks.delete(id));
      return;
    }
    if (request.method === 'DELETE') return reply(response, 200, {}); // the point in time
    if (lookUpFails?.())
      return reply(response, 503, { error: { type: 'no_shard_available', reason: '' }, status: 503 });
    if (action !== dataStream && !indices.has(dataStream))
      return reply(response, 404, { error: { type: 'index_not_found_exception', reason: dataStream }, status: 404 });
    const visible = stored.filter((one) => one.isVisible && one.dataStream === dataStream);
    switch (action) {
      case '_refresh':
        for (const one of stored) if (one.dataStream === dataStream) one.isVisible = true;
        return reply(response, 200, { _shards: { failed: 0 } });
      case '_pit':
        return reply(response, 200, { _shards: { failed: 0 }, id: JSON.stringify([dataStream, visible.length]) });
      case '_search': {
        const asked = JSON.parse(body) as Search;
        if (asked.pit !== undefined) return reply(response, 200, pageOf(asked, asked.pit.id));
        const wanted = new Set(asked.query?.ids.values);
        const hits = visible.filter(({ id }) => wanted.has(id)).slice(0, asked.size);
        return reply(response, 200, { _shards: { failed: 0 }, hits: { hits: hits.map(({ id }) => ({ _id: id })) } });
      }
    }
    reply(response, 400, { error: { type: 'illegal_argument_exception', reason: `what is ${path}?` }, status: 400 });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ port, url: `http://127.0.0.1:${port}` },
    documents: () => stored.map(({ id, source }) => ({ id, document: JSON.parse(source) as EcsDocument })),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Search {
  size: number;
  pit?: { id: string };
  search_after?: number[];
  _source?: string[];
  query?: { ids: { values: string[] } };
}

interface Line {
  id: string;
  source: string;
}

/** The members that were asked for, by their dotted names. */
function membersOf(source: Record<string, unknown>, wanted: readonly string[] = Object.keys(source)): object {
  const found: Record<string, unknown> = {};
  for (const [first, names] of Map.groupBy(wanted, (name) => name.split('.', 1)[0] as string)) {
    const value = source[first];
    if (value === undefined) continue;
    const inner = names.filter((name) => name !== first).map((name) => name.slice(first.length + 1));
    const isPart = inner.length === names.length && typeof value === 'object' && value !== null;
    found[first] = isPart ? membersOf(value as Record<string, unknown>, inner) : value;
  }
  return found;
}

function linesOf(body: string): Line[] {
  const lines = body.trimEnd().split('\n');
  return Array.from({ length: lines.length / 2 }, (_, nth) => {
    const head = JSON.parse(lines[2 * nth] ?? '') as { create: { _id: string } };
    return { id: head.create._id, source: lines[2 * nth + 1] ?? '' };
  });
}

function problem(status: number, type: string, reason: string): object {
  return { create: { status, error: { type, reason } } };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
