/** Kibana over HTTP: one request at a time, with what to do about each answer that is no success. */
import { SluiceError, stopError, usageError } from '../../../api/errors.ts';
import type { HttpReply, HttpRequest } from '../../../api/http.ts';
import { createHttp, placeOf, wordsOf } from '../../../net/http.ts';
import { proxyRules } from '../../../net/proxy.ts';
import { createRateLimit } from '../../../net/rate-limit.ts';
import { authoritiesWith } from '../../../net/tls.ts';

export interface KibanaPlace {
  url: string;
  /** Undefined where Kibana asks for none. */
  apiKey: string | undefined;
  space: string | undefined;
  caFile: string | undefined;
  insecure: boolean;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

export interface KibanaReply {
  status: number;
  body: unknown;
}

export interface Kibana {
  /** Without the space: `GET /api/status`. A status in `also` is answered, not thrown. */
  get(path: string, also?: readonly number[]): Promise<KibanaReply>;
  /** A file to an import. */
  importFile(path: string, name: string, content: string): Promise<unknown>;
  close(): void;
}

const TIMEOUT_MS = 60_000;
const MOST_BYTES = 16 * 1024 * 1024;
/** Of Kibana's public interfaces, whose newer versions may differ. */
const API_VERSION = '2023-10-31';

export function connectKibana(place: KibanaPlace): Kibana {
  const base = baseOf(place.url);
  const { env, insecure } = place;
  const settings = { timeoutMs: TIMEOUT_MS, maxBodyBytes: MOST_BYTES, insecure };
  const trust = { ca: authoritiesWith(place.caFile, 'Kibana'), proxies: proxyRules('environment', env, 'kibana') };
  const http = createHttp({ ...settings, ...trust }, createRateLimit({ requestsPerSecond: 50, concurrency: 1 }));
  const space = place.space === undefined ? '' : `/s/${encodeURIComponent(place.space)}`;
  const ask = async (request: Pick<HttpRequest, 'method' | 'body'> & { path: string; type?: string }) => {
    const headers = {
      'kbn-xsrf': 'sluice',
      'elastic-api-version': API_VERSION,
      ...(request.type === undefined ? {} : { 'content-type': request.type }),
      ...(place.apiKey === undefined ? {} : { authorization: `ApiKey ${place.apiKey}` }),
    };
    const { method, body } = request;
    const sent: HttpRequest = { method, url: base + request.path, headers, priority: 'live', signal: place.signal };
    const reply = await http.request(body === undefined ? sent : { ...sent, body }).catch((error: unknown) => {
      throw unreachable(error);
    });
    return { sent, reply };
  };
  return {
    async get(path, also = []) {
      const { sent, reply } = await ask({ method: 'GET', path: space + path });
      if (!isSuccess(reply.status) && !also.includes(reply.status)) throw refused(reply, sent, place);
      return { status: reply.status, body: jsonOf(reply, sent) };
    },
    async importFile(path, name, content) {
      const { type, body } = multipart(name, content);
      const { sent, reply } = await ask({ method: 'POST', path: space + path, type, body });
      if (!isSuccess(reply.status)) throw refused(reply, sent, place);
      return jsonOf(reply, sent);
    },
    close: http.close,
  };
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw usageError(
      '--kibana is no URL',
      'Write it as https://kibana.example.com:5601, with its base path if it has one.',
    );
  if (parsed.username !== '' || parsed.password !== '')
    throw usageError('--kibana holds a user name', 'Give an API key by --api-key instead.');
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
}

/** One file, as a form of the web sends it. Its lines are JSON, in which no line begins with two hyphens. */
function multipart(name: string, content: string): { type: string; body: string } {
  const boundary = 'sluice-b7f0c9d2a4';
  const head = [
    `--${boundary}`,
    `content-disposition: form-data; name="file"; filename="${name}"`,
    'content-type: application/ndjson',
  ];
  const body = `${head.join('\r\n')}\r\n\r\n${content}\r\n--${boundary}--\r\n`;
  return { type: `multipart/form-data; boundary=${boundary}`, body };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

const IS_THERE = 'Is --kibana the address of Kibana itself (port 5601, usually), with its base path?';

function jsonOf(reply: HttpReply, request: HttpRequest): unknown {
  try {
    return JSON.parse(reply.body.toString('utf8')) as unknown;
  } catch {
    throw stopError(`${placeOf(request)} answered ${reply.status} without JSON`, IS_THERE);
  }
}

/** What a source's client says of a connection, with what helps here. */
function unreachable(error: unknown): unknown {
  if (!(error instanceof SluiceError)) return error;
  const isTls = /certificate|TLS|SSL/i.test(error.message);
  const advice = isTls
    ? 'Name the authority of its certificate by --ca-file; --kibana has to call Kibana as its certificate does.'
    : `${IS_THERE} Does a proxy stand between (HTTPS_PROXY, NO_PROXY)?`;
  return stopError(error.message, advice, error);
}

const PRIVILEGES = 'all of Saved Objects Management, Dashboard, Discover and Security (rules), in this space';

function refused(reply: HttpReply, request: HttpRequest, { space, apiKey }: KibanaPlace): Error {
  const { status } = reply;
  const words = wordsOf(reply, request);
  const message = `${placeOf(request)} answered ${status}${words === '' ? '' : `: ${words}`}`;
  return stopError(message, adviceFor(status, words, apiKey !== undefined, space));
}

function adviceFor(status: number, words: string, hasKey: boolean, space: string | undefined): string {
  if (status === 401)
    return hasKey
      ? 'Kibana does not know the API key: make one in Stack Management, API keys, and give it as it is shown (encoded).'
      : `Kibana wants an API key: name the variable that holds it, --api-key '\${KIBANA_API_KEY}', or a file, --api-key file:/run/secrets/kibana.`;
  if (status === 403) return `The API key needs ${PRIVILEGES}.`;
  if (status === 404) return space === undefined ? IS_THERE : `${IS_THERE} Is there a space "${space}"?`;
  if (status >= 300 && status < 400) return `The address redirects. ${IS_THERE}`;
  if (status === 413) return 'Raise savedObjects.maxImportPayloadBytes of Kibana, or the limit of the proxy before it.';
  if (status === 503) return 'Kibana is not ready, or has no Elasticsearch: wait, and try again.';
  return /no handler found/i.test(words)
    ? `This is Elasticsearch. ${IS_THERE}`
    : 'What Kibana logged at this moment says more.';
}
