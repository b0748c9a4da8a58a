import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Due } from './fault-engine.ts';
import { errorReply, type Reply, type Sending } from './reply.ts';

/** Sends replies: whole, or with the fault that is due. */

const GZIP_FROM_BYTES = 1024;

function writeHead({ response, now }: Sending, reply: Reply, length: number, encoding?: string): void {
  const headers: Record<string, string | number> = {
    Date: new Date(now).toUTCString(),
    'Content-Type': reply.type,
    'Content-Length': length,
    ...reply.headers,
  };
  if (encoding) headers['Content-Encoding'] = encoding;
  response.writeHead(reply.status, headers);
}

export function sendReply(sending: Sending, reply: Reply): void {
  const { request, response } = sending;
  const accepts = sending.gzip && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (reply.sent) response.once('finish', reply.sent);
  const { headers, isUnchanged } = sending.validate?.(sending, reply) ?? { headers: {}, isUnchanged: false };
  if (isUnchanged) {
    response.writeHead(304, { Date: new Date(sending.now).toUTCString(), ...headers }).end();
    return;
  }
  if (Object.keys(headers).length > 0) reply.headers = { ...reply.headers, ...headers };
  const length = Buffer.byteLength(reply.body);
  if (accepts && length > GZIP_FROM_BYTES) {
    const bytes = gzipSync(reply.body, { level: 1 });
    writeHead(sending, reply, bytes.length, 'gzip');
    response.end(bytes);
    return;
  }
  // A string is sent together with the head in one write; a buffer would take two.
  writeHead(sending, reply, length);
  response.end(reply.body);
}

async function trickle(sending: Sending, reply: Reply, overMs: number): Promise<void> {
  const { response } = sending;
  const bytes = Buffer.from(reply.body);
  const steps = 10;
  writeHead(sending, reply, bytes.length);
  for (let step = 0; step < steps && !response.destroyed; step++) {
    response.write(bytes.subarray((bytes.length * step) / steps, (bytes.length * (step + 1)) / steps));
    await sleep(overMs / steps, undefined, { ref: false });
  }
  if (response.destroyed) return;
  if (reply.sent) response.once('finish', reply.sent);
  response.end();
}

function resetInBody(sending: Sending, reply: Reply, at: number): void {
  const bytes = Buffer.from(reply.body);
  writeHead(sending, reply, bytes.length);
  const part = bytes.subarray(0, Math.max(1, Math.floor(bytes.length * at)));
  sending.response.write(part, () => reset(sending.request));
}

/** A reset (RST), not an orderly close; a TLS connection can only be torn down. */
export function reset(request: IncomingMessage): void {
  const { socket } = request;
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

/** JSON that cannot be parsed although it was sent whole. */
function malform(body: string): string {
  return `${body.slice(0, -1)},${body.slice(-1)}`;
}

const HTML =
  '<!doctype html><html><head><title>Gateway</title></head><body><h1>The service is being updated</h1></body></html>';

/** Sends a good reply with a fault. Only a slow reply counts as served. */
export async function sendSpoiled(sending: Sending, reply: Reply, { rule }: Due): Promise<void> {
  const { status, type, body } = reply;
  if (rule.fault === 'slow') return trickle(sending, reply, rule.overMs ?? 1000);
  if (rule.fault === 'reset-body') return resetInBody(sending, reply, rule.at ?? 0.5);
  if (rule.fault === 'html-page') return sendReply(sending, { status, type: 'text/html; charset=utf-8', body: HTML });
  const cut = Math.max(1, Math.floor(body.length * (rule.at ?? 0.5)));
  const spoiled = rule.fault === 'truncated-json' ? body.slice(0, cut) : malform(body);
  return sendReply(sending, { status, type, body: spoiled });
}

/** The reply of a fault at the stage `request`; undefined for faults without a reply (hang, reset). */
export function refusalOf({ rule, turn }: Due, now: number): Reply | undefined {
  if (rule.fault === 'rate-limit') {
    const seconds = rule.seconds ?? 1;
    const date = new Date(Math.ceil(now / 1000 + seconds) * 1000).toUTCString();
    const form = rule.retryAfter ?? 'seconds';
    const headers = form === 'none' ? undefined : { 'Retry-After': form === 'date' ? date : String(seconds) };
    return errorReply(429, 'too many requests', headers);
  }
  if (rule.fault !== 'server-error') return undefined;
  const list = [rule.status ?? [500, 502, 503, 504]].flat();
  return errorReply(list[turn % list.length] ?? 500, 'an unforeseen error has occurred');
}

/** Writes lines as fast as the reader takes them, with at most one chunk in memory. */
export async function sendLines(response: ServerResponse, type: string, lines: Iterable<string>): Promise<void> {
  response.writeHead(200, { 'Content-Type': type });
  let chunk = '';
  for (const line of lines) {
    chunk += line;
    if (chunk.length < 65_536) continue;
    const more = response.write(chunk);
    chunk = '';
    if (more) await sleep(0);
    else await drained(response);
    if (response.destroyed) return;
  }
  response.end(chunk);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
