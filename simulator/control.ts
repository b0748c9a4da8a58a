import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Counters, readStatus } from './counters.ts';
import type { Route } from './router.ts';
import { sendLines } from './send.ts';
import { readTime } from './times.ts';
import { type TruthRange, truthLine } from './truth.ts';
import type { World } from './world.ts';

/** The simulator's own pages under /_simulator/: what happened, and what a perfect connector would have delivered. */

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

function* truthLines(world: World, range: TruthRange): Generator<string> {
  for (const row of world.truth.rows(range)) yield truthLine(row);
}

function readRange(params: URLSearchParams): TruthRange {
  return { since: readTime(params.get('since') ?? ''), until: readTime(params.get('until') ?? '') };
}

/** Lines of `id ordinal`: revisions that the reader has kept for good. */
async function confirmAll(world: World, request: IncomingMessage): Promise<number> {
  let text = '';
  for await (const chunk of request) text += chunk;
  let confirmed = 0;
  for (const line of text.split('\n')) {
    const [id = '', ordinal] = line.trim().split(/\s+/);
    const serial = world.tenant.find(id);
    if (serial === undefined) continue;
    world.living.confirm(serial, Number(ordinal));
    confirmed++;
  }
  return confirmed;
}

function isLocal(request: IncomingMessage): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
}

export async function answerControl(
  world: World,
  counters: Counters,
  { argument, params }: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isLocal(request)) return json(response, { message: 'only from this machine' }, 403);
  const post = request.method === 'POST';
  if (argument === 'truth') return sendLines(response, 'application/x-ndjson', truthLines(world, readRange(params)));
  if (argument === 'status') return json(response, readStatus(world, counters));
  if (argument === 'summary') return json(response, world.truth.summary());
  if (post && argument === 'confirm') return json(response, { confirmed: await confirmAll(world, request) });
  if (post && argument === 'pause') world.living.pause();
  else if (post && argument === 'resume') world.living.resume();
  else return json(response, { message: 'known: truth, status, summary; POST confirm, pause, resume' }, 404);
  return json(response, { ok: true });
}
