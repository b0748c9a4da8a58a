/**
 * The connection to Elasticsearch that the sink, `check` and `setup` share: one request without retries, and a reply that
 * says whether the cluster answered. Whether and when to ask again is decided by the callers.
 */
import type { Readable } from 'node:stream';
import { Client, type ClientOptions, Transport } from '@elastic/elasticsearch';
import type { z } from 'zod';
import { textOfReply } from '../../api/charset.ts';
import { isAbort, messageOf, usageError } from '../../api/errors.ts';
import { asFarAsItGoes, unpacked, wholeBody } from '../../net/body.ts';
import { authoritiesWith, plainly, portHint, type TlsSettings, type TlsTrouble, tlsTrouble } from '../../net/tls.ts';
import { authorization, type ElasticsearchAuth, scrubbed, scrubber } from './secrets.ts';

export interface ConnectionSettings {
  /** URLs of the nodes, or the cloud id of a hosted deployment. */
  nodes: string[] | { cloudId: string };
  /** Secrets are read at every request, so that a rotated one needs no restart. */
  auth: ElasticsearchAuth;
  /** A PEM file with the certificate authorities to trust. */
  caFile?: string;
  /** Accepts any certificate. */
  insecure?: boolean;
  /** gzip for request bodies. Off for nodes on this machine, where it only costs CPU. */
  compression?: boolean;
  requestTimeoutMs?: number;
}

export interface EsRequest<Body = unknown> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean>;
  /** Sent as JSON. */
  body?: Record<string, unknown>;
  /** Sent as it is: newline-delimited JSON. */
  lines?: Buffer;
  /** Names the task on the server, so that `_tasks` can tell whether it still runs. */
  opaqueId?: string;
  /** The shape of a successful reply. A reply of another shape counts as silence. */
  shape?: z.ZodType<Body>;
  signal: AbortSignal;
}

/** An answer, or silence: nothing that can be read as an answer, so that the outcome of the request is unknown. */
export type Reply<Body = unknown> =
  | { kind: 'answer'; status: number; body: Body; retryAfterMs: number | undefined }
  | { kind: 'silence'; why: string; tls?: TlsTrouble; hint?: string };

export interface EsClient {
  /** The nodes' addresses for messages, without credentials. */
  readonly where: string;
  readonly requestTimeoutMs: number;
  /**
   * Throws the signal's reason when it is aborted, and what reading a secret throws; nothing else. The body of a success
   * has the shape that was asked for; the body of a refusal may have any.
   */
  call<Body = unknown>(request: EsRequest<Body>): Promise<Reply<Body>>;
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export function connectElasticsearch(settings: ConnectionSettings): EsClient {
  const requestTimeoutMs = settings.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const client = new Client(clientOptions(settings, requestTimeoutMs));
  const where = describeNodes(settings.nodes);
  const scrub = scrubber(settings.auth);
  return {
    where,
    requestTimeoutMs,
    call: async (request) => {
      const reply = await callWithRotation(client, settings.auth, request, requestTimeoutMs, scrub);
      return shaped(reply, request);
    },
    close: () => client.close(),
  };
}

function clientOptions(settings: ConnectionSettings, requestTimeoutMs: number): ClientOptions {
  const { nodes } = settings;
  return {
    ...(Array.isArray(nodes)
      ? { nodes: nodes.map((node) => ({ url: validNode(node) })) }
      : { cloud: { id: nodes.cloudId } }),
    tls: { ca: authoritiesWith(settings.caFile, 'Elasticsearch'), rejectUnauthorized: !settings.insecure },
    compression: settings.compression ?? !isLocal(nodes),
    maxRetries: 0,
    // No error of the client leaves `failed`. Its own redaction copies all that hangs on a connection: 80 MB for one error.
    redaction: { type: 'off' },
    // Load balancers drop idle connections after a minute, and the outcome of a request sent into a dropped one is unknown.
    agent: { keepAliveTimeout: 20_000, keepAliveMaxTimeout: 20_000 },
    // A backstop only: `once` has the deadline, which also covers a body that stalls.
    requestTimeout: requestTimeoutMs * 2,
    Transport: plainTransport as unknown as typeof Transport,
  };
}

/**
 * The client library insists on a header that proxies may drop, and on a media type that 8.x refuses; neither is needed to
 * speak to either major. A function, since the client calls it with `new` and takes what it returns.
 */
function plainTransport(options: ConstructorParameters<typeof Transport>[0]): Transport {
  return new Transport({ ...options, productCheck: null, vendoredHeaders: undefined } as unknown as typeof options);
}

function shaped<Body>(reply: Reply, { shape }: EsRequest<Body>): Reply<Body> {
  if (shape === undefined || reply.kind === 'silence' || !isSuccess(reply.status)) return reply as Reply<Body>;
  const { success, data, error } = shape.safeParse(reply.body);
  if (success) return { ...reply, body: data };
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'its reply' : issue.path.join('.').slice(0, 100);
  return {
    kind: 'silence',
    why: `what answers there does not speak as Elasticsearch does (${where} is not as expected)`,
  };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

async function callWithRotation(
  client: Client,
  auth: ElasticsearchAuth,
  request: EsRequest,
  timeoutMs: number,
  scrub: (text: string) => string,
): Promise<Reply> {
  const sent = authorization(auth);
  const reply = await once(client, sent, request, timeoutMs, scrub);
  if (reply.kind !== 'answer' || reply.status !== 401) return reply;
  const now = authorization(auth);
  return now === sent ? reply : once(client, now, request, timeoutMs, scrub);
}

async function once(
  client: Client,
  authorizationHeader: string | undefined,
  request: EsRequest,
  timeoutMs: number,
  scrub: (text: string) => string,
): Promise<Reply> {
  request.signal.throwIfAborted();
  // A signal of its own: the client fires the abort event of the one it is given when a request times out.
  const own = new AbortController();
  const abort = () => own.abort();
  const timer = setTimeout(abort, timeoutMs);
  request.signal.addEventListener('abort', abort, { once: true });
  try {
    const { method, path, query, body, lines } = request;
    const headers = {
      accept: 'application/json',
      ...(lines === undefined ? {} : { 'content-type': 'application/x-ndjson' }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(authorizationHeader === undefined ? {} : { authorization: authorizationHeader }),
    };
    // As a stream, since the client itself would unpack a reply of any size.
    const result = await client.transport.request(
      { method, path, querystring: query, body, bulkBody: lines },
      { meta: true, headers, signal: own.signal, opaqueId: request.opaqueId, asStream: true },
    );
    const status = result.statusCode ?? 0;
    const { connection } = result.meta;
    if (connection !== null) client.connectionPool[AWAY.has(status) ? 'markDead' : 'markAlive'](connection);
    return answer(
      status,
      await bodyOf(result.body as unknown as Readable, status, result.headers ?? {}, scrub),
      result.headers,
    );
  } catch (error) {
    request.signal.throwIfAborted();
    return failed(error, own.signal.aborted ? `no answer within ${timeoutMs} ms` : undefined, scrub);
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', abort);
  }
}

/** After these, another node is asked next: as the client decides itself where it reads the reply. */
const AWAY = new Set([502, 503, 504]);
/** Replies are small: results of 1,000 documents, a list of templates. A bulk request with a larger one is halved. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The body as JSON, or as text where its content type is another. */
async function bodyOf(
  stream: Readable,
  status: number,
  headers: Record<string, unknown>,
  scrub: (text: string) => string,
): Promise<unknown> {
  const header = (name: string): string | null => (typeof headers[name] === 'string' ? headers[name] : null);
  const whole = unpacked(stream, header('content-encoding'));
  const tooLarge = () => new Garbled(`its reply is larger than ${MOST_BYTES} bytes`);
  const read = (error: unknown): never => {
    if (error instanceof Garbled || isAbort(error)) throw error;
    throw new Garbled('its reply was cut short');
  };
  const body = await wholeBody(isSuccess(status) ? whole : asFarAsItGoes(whole), MOST_BYTES, tooLarge).catch(read);
  const text = textOfReply({ headers: { get: header }, body });
  const isJson = /\bjson\b/i.test(header('content-type') ?? '');
  if (!isJson || text === '') return isSuccess(status) ? text : scrubbed(text, scrub);
  try {
    const value: unknown = JSON.parse(text);
    return isSuccess(status) ? value : scrubbed(value, scrub);
  } catch {
    if (!isSuccess(status)) return scrubbed(text, scrub);
    throw new Garbled('its reply was cut short');
  }
}

/** An answer that cannot be read. */
class Garbled extends Error {}

function answer(status: number, body: unknown, headers: Record<string, unknown> | null | undefined): Reply {
  if (status >= 300 && status < 400) {
    const hint = 'Write in `nodes` of the sink where Elasticsearch itself answers: https:// instead of http://, say.';
    return { kind: 'silence', why: `the address redirects (${status} to ${pathOf(headers?.location)})`, hint };
  }
  if (status < 400 && typeof body === 'string') {
    return {
      kind: 'silence',
      why: 'what answers there is not Elasticsearch (its reply is not JSON)',
    };
  }
  const seconds = Number(headers?.['retry-after']);
  return { kind: 'answer', status, body, retryAfterMs: seconds > 0 ? seconds * 1000 : undefined };
}

const TLS: TlsSettings = {
  ca: '`ca_file` of the sink',
  address: '`nodes` of the sink',
  on: 'write https:// in `nodes` of the sink',
  off: 'write http:// in `nodes` of the sink',
};

/** Where a redirection leads, without its query, which may hold secrets. */
function pathOf(location: unknown): string {
  return typeof location === 'string' ? (location.split(/[?#]/, 1)[0] ?? '') : 'nowhere';
}

interface FailedRequest {
  meta?: { meta?: { connection?: { url?: unknown } } };
}

function failed(error: unknown, timedOut: string | undefined, scrub: (text: string) => string): Reply {
  const garbled = error instanceof Garbled ? error.message : undefined;
  const why = timedOut ?? garbled ?? plainly(scrub(messageOf(error)));
  if (timedOut !== undefined || garbled !== undefined) return { kind: 'silence', why };
  const isTls = String((error as FailedRequest).meta?.meta?.connection?.url).startsWith('https:');
  return { kind: 'silence', why, tls: tlsTrouble(why, TLS), hint: portHint(why, isTls, TLS) };
}

function describeNodes(nodes: ConnectionSettings['nodes']): string {
  if (!Array.isArray(nodes)) return `cloud id ${nodes.cloudId.split(':')[0]}`;
  return nodes.map((node) => `${validNode(node).protocol}//${validNode(node).host}`).join(', ');
}

function validNode(node: string): URL {
  const url = URL.canParse(node) ? new URL(node) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw usageError('an Elasticsearch node is not a URL', 'Write it as https://host:9200.');
}

function isLocal(nodes: ConnectionSettings['nodes']): boolean {
  const local = new Set(['localhost', '127.0.0.1', '[::1]']);
  return Array.isArray(nodes) && nodes.every((node) => local.has(validNode(node).hostname));
}
