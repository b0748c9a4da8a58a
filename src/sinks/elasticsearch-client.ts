/**
 * The connection to Elasticsearch that the sink, `check` and `setup` share: one request, no retries, and a reply that
 * says plainly whether anybody answered. Who may be asked again, and when, is decided by the callers.
 */
import { Client, type ClientOptions, Transport } from '@elastic/elasticsearch';
import { messageOf, usageError } from '../errors.ts';
import { authoritiesWith, plainly, portHint, type TlsSettings, type TlsTrouble, tlsTrouble } from '../tls.ts';
import { authorization, type ElasticsearchAuth, scrubbed, scrubber } from './elasticsearch-secrets.ts';

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

export interface EsRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean>;
  /** Sent as JSON. */
  body?: Record<string, unknown>;
  /** Sent as it is: newline-delimited JSON. */
  lines?: Buffer;
  /** Names the task on the server, so that `_tasks` can tell whether it still runs. */
  opaqueId?: string;
  signal: AbortSignal;
}

/** Either somebody answered, or nobody did in a way that can be read: then the fate of the request is unknown. */
export type Reply =
  | { kind: 'answer'; status: number; body: unknown; retryAfterMs: number | undefined }
  | { kind: 'silence'; why: string; tls?: TlsTrouble; hint?: string };

export interface EsClient {
  /** The nodes' addresses for messages, without credentials. */
  readonly where: string;
  readonly requestTimeoutMs: number;
  /** Throws the signal's reason when it is aborted, and what reading a secret throws; nothing else. */
  call(request: EsRequest): Promise<Reply>;
  close(): Promise<void>;
}

export const defaultRequestTimeoutMs = 30_000;

export function connectElasticsearch(settings: ConnectionSettings): EsClient {
  const requestTimeoutMs = settings.requestTimeoutMs ?? defaultRequestTimeoutMs;
  const client = new Client(clientOptions(settings, requestTimeoutMs));
  const where = describeNodes(settings.nodes);
  const scrub = scrubber(settings.auth);
  return {
    where,
    requestTimeoutMs,
    call: (request) => callWithRotation(client, settings.auth, request, requestTimeoutMs, scrub),
    close: () => client.close(),
  };
}

function clientOptions(settings: ConnectionSettings, requestTimeoutMs: number): ClientOptions {
  const { nodes } = settings;
  return {
    ...(Array.isArray(nodes)
      ? { nodes: nodes.map((node) => ({ url: validNode(node) })) }
      : { cloud: { id: nodes.cloudId } }),
    tls: { ca: readCa(settings.caFile), rejectUnauthorized: !settings.insecure },
    compression: settings.compression ?? !isLocal(nodes),
    maxRetries: 0,
    // Load balancers drop idle connections after a minute, and a request sent into a dropped one is in doubt.
    agent: { keepAliveTimeout: 20_000, keepAliveMaxTimeout: 20_000 },
    // A backstop only: `once` has the deadline, which also covers a body that stalls.
    requestTimeout: requestTimeoutMs * 2,
    Transport: plainTransport as unknown as typeof Transport,
  };
}

/**
 * The client insists on a header that proxies may drop, and on a media type that 8.x refuses; neither is needed to
 * speak to either major. A function, since the client calls it with `new` and takes what it returns.
 */
function plainTransport(options: ConstructorParameters<typeof Transport>[0]): Transport {
  return new Transport({ ...options, productCheck: null, vendoredHeaders: undefined } as unknown as typeof options);
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
    const result = await client.transport.request(
      { method, path, querystring: query, body, bulkBody: lines },
      { meta: true, headers, signal: own.signal, opaqueId: request.opaqueId },
    );
    return answer(result.statusCode ?? 0, result.body, result.headers);
  } catch (error) {
    request.signal.throwIfAborted();
    return failed(error, own.signal.aborted ? `no answer within ${timeoutMs} ms` : undefined, scrub);
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', abort);
  }
}

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

/** Where a redirection leads, without what may be secret in it. */
function pathOf(location: unknown): string {
  return typeof location === 'string' ? (location.split(/[?#]/, 1)[0] ?? '') : 'nowhere';
}

/** What the client tells of the node that it asked. */
interface FailedRequest {
  meta?: { meta?: { connection?: { url?: unknown } } };
}

function failed(error: unknown, timedOut: string | undefined, scrub: (text: string) => string): Reply {
  const meta = (error as { meta?: { statusCode?: number; body?: unknown; headers?: Record<string, unknown> } }).meta;
  if (error instanceof Error && error.name === 'ResponseError' && meta?.statusCode) {
    return answer(meta.statusCode, scrubbed(meta.body, scrub), meta.headers);
  }
  const garbled =
    error instanceof Error && error.name === 'DeserializationError' ? 'its reply was cut short' : undefined;
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

function readCa(file: string | undefined): string[] | undefined {
  if (file === undefined) return undefined;
  try {
    return authoritiesWith(file);
  } catch (error) {
    throw usageError(
      `the CA file of Elasticsearch cannot be read: ${messageOf(error)}`,
      'Check `ca_file` of the sink.',
    );
  }
}
