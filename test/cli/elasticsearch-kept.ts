/** An Elasticsearch for `setup` and `check`: keeps the templates that it is given, and says of itself what a test wants. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

interface Kept {
  version?: string;
  /** Answers every request with this status. */
  status?: number;
  /** Privileges that the key lacks. */
  lacks?: string[];
  /** Blocks of the index behind each data stream. */
  block?: string;
  /** The names of data streams stand for plain indices, or for aliases. */
  taken?: 'index' | 'alias';
  /** Changes a template as another tool, or an earlier version, might have left it. */
  alter?: (name: string, template: Template) => Template;
  /** A template of another tool that wins over ours. */
  foreign?: string;
}

type Template = Record<string, unknown> & { index_patterns?: string[]; priority?: number };

export async function elasticsearchThat(kept: Kept, servers: Server[]): Promise<string> {
  const stored = { component: new Map<string, Template>(), index: new Map<string, Template>() };
  if (kept.foreign !== undefined)
    stored.index.set(kept.foreign, { index_patterns: ['logs-*'], priority: 1_000_000, data_stream: {} });
  const server = createServer(async (request, response) => {
    const [status, body] = answerOf(kept, stored, request, await bodyOf(request));
    const headers = { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' };
    response.writeHead(status, headers).end(JSON.stringify(body));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, never>> {
  if (request.headers['content-encoding'] !== 'gzip') return json(request).catch(() => ({})) as never;
  return JSON.parse(gunzipSync(Buffer.concat(await request.toArray())).toString());
}

const UNKNOWN = { error: { type: 'illegal_argument_exception', reason: 'no handler found for uri' }, status: 400 };

function answerOf(
  kept: Kept,
  stored: { component: Map<string, Template>; index: Map<string, Template> },
  { method, url = '/' }: IncomingMessage,
  body: Record<string, never>,
): [number, unknown] {
  const path = decodeURIComponent(new URL(url, 'http://here').pathname);
  const [, first = '', second, third] = path.split('/');
  const reason = { type: 'security_exception', reason: 'unable to authenticate' };
  if (kept.status !== undefined) return [kept.status, { error: reason, status: kept.status }];
  if (path === '/') return [200, { version: { number: kept.version ?? '9.5.3' }, tagline: 'You Know, for Search' }];
  if (first === '_component_template' || first === '_index_template') {
    if (second === '_simulate') return [200, {}];
    if (second === '_simulate_index') return [200, { overlapping: overlapping(stored.index, third ?? '') }];
    const kind = first === '_component_template' ? 'component' : 'index';
    if (method === 'PUT' && second !== undefined) {
      stored[kind].set(second, kept.alter?.(second, body) ?? body);
      return [200, { acknowledged: true }];
    }
    const found = [...stored[kind]].filter(([name]) => second === undefined || fits(second, name));
    if (second !== undefined && found.length === 0) return [404, {}];
    return [200, { [`${kind}_templates`]: found.map(([name, each]) => ({ name, [`${kind}_template`]: each })) }];
  }
  if (path.startsWith('/_resolve/index/')) {
    const names = (third ?? '').split(',');
    return [
      200,
      {
        indices: kept.taken === 'index' ? names.map((name) => ({ name })) : [],
        aliases: kept.taken === 'alias' ? names.map((name) => ({ name, indices: ['older-1'] })) : [],
      },
    ];
  }
  if (path === '/_security/user/_has_privileges') {
    const [wanted] = body.index as unknown as { names: string[]; privileges: string[] }[];
    const has = (name: string) => [privilegesOf(name, wanted?.privileges ?? [], kept.lacks ?? [])];
    return [200, { index: Object.fromEntries((wanted?.names ?? []).map((name) => [name, has(name)[0]])) }];
  }
  if (second === '_settings' && kept.block !== undefined) {
    const index = `.ds-${first.split(',')[0]}-2026.01.01-000001`;
    return [200, { [index]: { settings: { [`index.blocks.${kept.block}`]: 'true' } } }];
  }
  if (second === '_settings') return [200, {}];
  return [400, UNKNOWN];
}

function privilegesOf(_name: string, wanted: readonly string[], lacks: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(wanted.map((privilege) => [privilege, !lacks.includes(privilege)]));
}

/** The templates that fit, without the winner. */
function overlapping(stored: ReadonlyMap<string, Template>, name: string): { name: string }[] {
  const fitting = [...stored].filter(([, { index_patterns: patterns = [] }]) =>
    patterns.some((one) => fits(one, name)),
  );
  const byRank = fitting.sort(([, a], [, b]) => (b.priority ?? 0) - (a.priority ?? 0));
  return byRank.slice(1).map(([each]) => ({ name: each }));
}

function fits(pattern: string, name: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  return rest.length === 0 ? pattern === name : name.startsWith(start) && name.endsWith(rest.at(-1) ?? '');
}
