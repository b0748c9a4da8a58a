import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerControl } from './control.ts';
import type { Counters } from './counters.ts';
import { csvLines, detectionDetail, listDetections, recentDetections } from './detections/answers.ts';
import { EXTRAS } from './extras/index.ts';
import type { Due } from './fault-engine.ts';
import type { FaultEndpoint } from './fault-plan.ts';
import { listQueries, oneQuery, queryOf, queryResults, servedLater } from './instaqueries/index.ts';
import { PART } from './instaqueries/queries.ts';
import { sendGiant } from './instaqueries/send-giant.ts';
import { answerThing } from './listed/answers.ts';
import { readListQuery } from './query.ts';
import { errorReply, jsonReply, type Reply } from './reply.ts';
import { listFiles } from './retrieved-files/index.ts';
import { type Route, routeOf } from './router.ts';
import { refusalOf, reset, type Sending, sendLines, sendReply, sendSpoiled } from './send.ts';
import type { World } from './world.ts';

const MAX_BODY = 65_536;

export async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY) break;
  }
  return text;
}

async function issueToken(world: World, request: IncomingMessage): Promise<Reply> {
  const body = await readBody(request);
  const due = world.faults.due('token', 'token');
  const early = due && {
    uses: due.rule.afterUses ?? Number.POSITIVE_INFINITY,
    ms: due.rule.afterMs ?? Number.POSITIVE_INFINITY,
  };
  const outcome = world.tokens.issue(body, world.faults.now(), early);
  if ('accessToken' in outcome) return jsonReply(JSON.stringify({ access_token: outcome.accessToken }));
  return errorReply(outcome.status, outcome.message);
}

/** Its signature covers the bytes of the body, so they are taken as they come. */
async function askApex(world: World, request: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
    if (chunks.length > MAX_BODY) break;
  }
  const { method = '', url = '', headers } = request;
  return world.apex.answer({ method, url, headers, body: Buffer.concat(chunks) }, world.faults.now());
}

function answer(world: World, { endpoint, argument, params }: Route, body: string): Reply {
  if (endpoint === 'list') return listDetections(world, params);
  if (endpoint === 'detail') return detectionDetail(world, argument);
  if (endpoint === 'recent') return recentDetections(world, params);
  if (endpoint === 'instaqueries') return listQueries(world, params);
  if (endpoint === 'instaquery') return oneQuery(world, argument);
  if (endpoint === 'results') return queryResults(world, argument);
  if (endpoint === 'files') return listFiles(world, params);
  const ofThings = answerThing(world, endpoint, argument, params);
  if (ofThings) return ofThings;
  const extra = EXTRAS.find(({ name }) => name === endpoint);
  if (extra) return extra.answer(world, { argument, params, body });
  throw new Error(`the simulator has no answer for ${endpoint}`);
}

function strangerReply(world: World, route: Route, request: IncomingMessage, counters: Counters): Reply | undefined {
  if (route.endpoint === 'unknown') return errorReply(404, 'no such resource');
  if (route.endpoint === 'forbidden') {
    counters.forbiddenCalls++;
    return errorReply(405, 'the simulator is only read', { Allow: 'GET' });
  }
  if (route.endpoint === 'token' || route.endpoint === 'apex') return undefined; // they judge for themselves
  const refusal = world.tokens.check(request.headers.authorization, route.scope, world.faults.now());
  return refusal && errorReply(refusal.status, refusal.message);
}

async function csv(world: World, params: URLSearchParams, sending: Sending): Promise<void> {
  const query = readListQuery(params, world.settings.maxPageSize);
  if ('problem' in query) return sendReply(sending, errorReply(400, query.problem));
  return sendLines(sending.response, 'text/csv; charset=utf-8', csvLines(world, query));
}

/** Sends the results of the giant query, if those are asked for. */
function giant(world: World, { endpoint, argument }: Route, sending: Sending): Promise<void> | undefined {
  const index = endpoint === 'results' ? queryOf(world, argument) : undefined;
  const { queries, faults, settings } = world;
  if (!queries.giant || typeof index !== 'number' || !queries.isGiant(index)) return undefined;
  const due = faults.due('body', 'results');
  if (due?.rule.fault === 'html-page') return sendSpoiled(sending, jsonReply(''), due);
  return sendGiant(sending, queries.giant, { seed: settings.seed, due, sent: servedLater(world, index, PART.results) });
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
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults, settings } = world;
  if (settings.latencyMs > 0) await sleep(settings.latencyMs, undefined, { ref: false });
  const sending: Sending = { request, response, now: faults.now(), gzip: settings.gzip };
  const endpoint = route.endpoint as FaultEndpoint;
  const early = faults.due('request', endpoint);
  if (early) return failEarly(early, sending);
  const refused = strangerReply(world, route, request, counters);
  if (refused) return sendReply(sending, refused);
  if (route.endpoint === 'csv') return csv(world, route.params, sending);
  const streamed = giant(world, route, sending);
  if (streamed) return streamed;
  const reply = await replyTo(world, route, request);
  const spoil = reply.status === 200 ? faults.due('body', endpoint) : undefined;
  return spoil ? sendSpoiled(sending, reply, spoil) : sendReply(sending, reply);
}

async function replyTo(world: World, route: Route, request: IncomingMessage): Promise<Reply> {
  if (route.endpoint === 'token') return issueToken(world, request);
  if (route.endpoint === 'apex') return askApex(world, request);
  return answer(world, route, request.method === 'POST' ? await readBody(request) : '');
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

/** The listener for both HTTP and HTTPS. Requests about the simulator itself are answered beside the counting. */
export function createHandler(world: World, counters: Counters) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    response.sendDate = false;
    const route = routeOf(request);
    if (route.endpoint === 'simulator') {
      answerControl(world, counters, route, request, response).catch((error) => crash(response, error));
      return;
    }
    count(counters, route.endpoint);
    response.once('close', () => {
      counters.inFlight--;
      counters.byStatus[response.statusCode] = (counters.byStatus[response.statusCode] ?? 0) + 1;
      world.living.requestDone();
      for (const courses of world.courses) courses.settle();
    });
    serve(world, counters, route, request, response).catch((error) => crash(response, error));
  };
}
