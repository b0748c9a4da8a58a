import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Counters, readStatus } from './counters.ts';
import type { Revision, TruthRange } from './resource.ts';
import { STREAMS } from './resources.ts';
import type { Target } from './router.ts';
import { sendLines } from './send.ts';
import { readTime } from './times.ts';
import { confirmRevision, MAIN_STREAM, mainSummary, pauseAll, summaryOf, type World } from './world.ts';

/** The simulator's own pages under /_simulator/: its counters, and the revisions that a perfect connector delivers. */

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

/** The truth as NDJSON. */
function* truthLines(rows: Iterable<Revision>): Generator<string> {
  for (const { id, ordinal, kind, json } of rows)
    yield `{"id":${JSON.stringify(id)},"ordinal":${ordinal},"kind":"${kind}","record":${json}}\n`;
}

function readRange(params: URLSearchParams): TruthRange {
  return { since: readTime(params.get('since') ?? ''), until: readTime(params.get('until') ?? '') };
}

/** Confirms revisions that the reader has stored, from a body with lines of `id ordinal`. */
async function confirmAll(world: World, request: IncomingMessage): Promise<number> {
  let text = '';
  for await (const chunk of request) text += chunk;
  let confirmed = 0;
  for (const line of text.split('\n')) {
    // The id of a retrieved file holds a path, which may have blanks.
    const [, id, ordinal] = /^(.*\S)\s+(\d+)\s*$/.exec(line) ?? [];
    if (id !== undefined && confirmRevision(world, id.trimStart(), Number(ordinal))) confirmed++;
  }
  return confirmed;
}

function isLocal(request: IncomingMessage): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
}

export async function answerControl(
  world: World,
  counters: Counters,
  { argument, params }: Target,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isLocal(request)) return json(response, { message: 'only from this machine' }, 403);
  const post = request.method === 'POST';
  const stream = params.get('stream') ?? MAIN_STREAM;
  if (!STREAMS.includes(stream)) return json(response, { message: `known: ${STREAMS.join(', ')}` }, 400);
  if (argument === 'truth') {
    const rows = world.truthOf(stream).rows(readRange(params));
    return sendLines(response, 'application/x-ndjson', truthLines(rows));
  }
  if (argument === 'status') return json(response, readStatus(world, counters));
  if (argument === 'summary')
    return json(response, params.has('stream') ? summaryOf(world, stream) : mainSummary(world));
  if (post && argument === 'confirm') return json(response, { confirmed: await confirmAll(world, request) });
  if (post && argument === 'pause') pauseAll(world, 'pause');
  else if (post && argument === 'resume') pauseAll(world, 'resume');
  else return json(response, { message: 'known: truth, status, summary; POST confirm, pause, resume' }, 404);
  return json(response, { ok: true });
}
