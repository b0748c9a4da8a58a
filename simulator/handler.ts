import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerControl } from './control.ts';
import type { Counters } from './counters.ts';
import type { Due } from './fault-engine.ts';
import { errorReply, type Reply, type Sending } from './reply.ts';
import { FORBIDDEN, OWN, type Target, targetOf, UNKNOWN } from './router.ts';
import { refusalOf, reset, sendLines, sendReply, sendSpoiled } from './send.ts';
import type { World } from './world.ts';

const MAX_BODY = 65_536;

/** The body as bytes, since a signature may cover them. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY) break;
  }
  return Buffer.concat(chunks);
}

async function replyTo({ answers }: World, target: Target, request: IncomingMessage): Promise<Reply> {
  const { endpoint, argument, params } = target;
  const answer = answers[endpoint];
  if (answer === undefined) throw new Error(`the simulator has no answer for ${endpoint}`);
  const { method = '', url = '', headers } = request;
  const body = method === 'GET' ? Buffer.alloc(0) : await readBody(request);
  return answer({ argument, params, method, url, headers, body });
}

function refusedReply(world: World, target: Target, request: IncomingMessage, counters: Counters): Reply | undefined {
  if (target.endpoint === UNKNOWN) return errorReply(404, 'no such resource');
  if (target.endpoint === FORBIDDEN) {
    counters.forbiddenCalls++;
    return errorReply(405, 'the simulator is only read', { Allow: 'GET' });
  }
  if (target.scope === undefined) return undefined;
  const refusal = world.tokens.check(request.headers.authorization, target.scope, world.faults.now());
  return refusal && errorReply(refusal.status, refusal.message);
}

function failEarly(due: Due, sending: Sending): void {
  const refusal = refusalOf(due, sending.now);
  if (refusal) sendReply(sending, refusal);
  // A hanging reply stays open until the client gives up or the simulator closes.
  else if (due.rule.fault === 'reset') reset(sending.request);
}

async function serve(
  world: World,
  counters: Counters,
  target: Target,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults, settings } = world;
  if (settings.latencyMs > 0) await sleep(settings.latencyMs, undefined, { ref: false });
  const sending: Sending = { request, response, now: faults.now(), gzip: settings.gzip, validate: world.validate };
  const early = faults.due('request', target.endpoint);
  if (early) return failEarly(early, sending);
  const refused = refusedReply(world, target, request, counters);
  if (refused) return sendReply(sending, refused);
  const reply = await replyTo(world, target, request);
  if (reply.lines) return sendLines(response, reply.type, reply.lines);
  const spoil = reply.status === 200 ? faults.due('body', target.endpoint) : undefined;
  if (reply.write && spoil?.rule.fault !== 'html-page') return reply.write(sending, spoil);
  return spoil ? sendSpoiled(sending, reply, spoil) : sendReply(sending, reply);
}

function crash(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`simulator error: ${String(error)}`);
}

function count(counters: Counters, endpoint: string): void {
  counters.requests++;
  counters.byEndpoint[endpoint] = (counters.byEndpoint[endpoint] ?? 0) + 1;
  counters.inFlight++;
  counters.maxInFlight = Math.max(counters.maxInFlight, counters.inFlight);
}

/** The listener for both HTTP and HTTPS. Requests to the simulator's own pages are not counted. */
export function createHandler(world: World, counters: Counters) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    response.sendDate = false;
    const target = targetOf(request);
    if (target.endpoint === OWN) {
      answerControl(world, counters, target, request, response).catch((error) => crash(response, error));
      return;
    }
    count(counters, target.endpoint);
    response.once('close', () => {
      counters.inFlight--;
      counters.byStatus[response.statusCode] = (counters.byStatus[response.statusCode] ?? 0) + 1;
      for (const lifecycle of world.lifecycles) lifecycle.requestDone();
    });
    serve(world, counters, target, request, response).catch((error) => crash(response, error));
  };
}
