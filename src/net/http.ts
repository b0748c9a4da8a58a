import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext } from 'node:tls';
import fetch from 'node-fetch';
import { textOfReply } from '../api/charset.ts';
import { type Action, type ErrorOptions, isAbort, messageOf, SluiceError } from '../api/errors.ts';
import type { HttpClient, HttpReply, HttpRequest, HttpStream, HttpStreamer } from '../api/http.ts';
import { parseExact } from '../api/records/json.ts';
import { REMOVED, withoutSecrets } from '../api/records/secrets.ts';
import { HANDLES_ADVICE, isOutOfHandles } from '../system/handles.ts';
import { ACCEPT_ENCODING, asFarAsItGoes, MOST_OF_REFUSAL_BYTES, unpacked, wholeBody } from './body.ts';
import type { ProxyRules } from './proxy.ts';
import type { RateLimit } from './rate-limit.ts';
import { retryAfterMs } from './retry.ts';
import { portHint, type TlsSettings, tlsTrouble, wantsTls } from './tls.ts';

interface HttpSettings {
  /** From the first byte sent to the last byte received; of a reply that is read part by part: for each MiB of it. */
  timeoutMs: number;
  /** A longer body (after decompression) is refused; of a reply that is read part by part: a longer item. */
  maxBodyBytes: number;
  /** The authorities to trust, as PEM; without it those that Node trusts. */
  ca?: string[];
  /** Accept any certificate. For tests in closed networks only. */
  insecure?: boolean;
  /** Without it no request goes through a proxy. */
  proxies?: ProxyRules;
}

/** Called with the time that each reply names. */
type Heard = (date: string | null) => void;
/** Called with the status of each reply; undefined for a request without one. */
type Answered = (status: number | undefined) => void;

/** A client with keep-alive whose requests wait for their turn in the rate limit. Network trouble becomes a `retry` error. */
export function createHttp(
  settings: HttpSettings,
  rateLimit: RateLimit,
  heard: Heard = () => {},
  answered: Answered = () => {},
): { request: HttpClient; stream: HttpStreamer; close(): void } {
  const { proxies } = settings;
  const direct = agentsOf(settings);
  const proxied = proxies === undefined ? direct : agentsOf(settings, proxies.env);
  let isClosed = false;
  const inTurn = <T>(request: HttpRequest, call: () => Promise<T>): Promise<T> =>
    rateLimit(request.priority, request.signal, async () => {
      if (isClosed) throw new SluiceError(`${placeOf(request)}: the client is closed`, { action: 'stop' });
      if (request.isHeld?.()) throw new SluiceError(`${placeOf(request)} is held`, { action: 'retry', isUnsent: true });
      return call();
    });
  const agent = (url: URL) => {
    const agents = proxies?.isDirect(url) ? direct : proxied;
    return url.protocol === 'http:' ? agents.http : agents.https;
  };
  const open: Open = async (request, signal) => {
    const answer = await fetchOnce(request, agent, signal).catch((error: unknown) => {
      if (!request.signal.aborted) answered(undefined);
      throw error;
    });
    answered(answer.status);
    heard(answer.headers.get('date'));
    return answer;
  };
  return {
    request: (request) => inTurn(request, () => send(request, settings, open)),
    stream: (request) => inTurn(request, () => openStream(request, settings, open)),
    close: () => {
      isClosed = true;
      for (const agents of [direct, proxied]) {
        agents.http.destroy();
        agents.https.destroy();
      }
    },
  };
}

function agentsOf(
  { ca, insecure }: HttpSettings,
  proxyEnv?: ProxyRules['env'],
): { http: HttpAgent; https: HttpsAgent } {
  const shared = { keepAlive: true, proxyEnv } as const;
  // Made once: an agent given the authorities themselves joins all of them to a text at every request, and reads them at every connection.
  const secureContext = ca && createSecureContext({ ca });
  const https = new HttpsAgent({ ...shared, secureContext, rejectUnauthorized: !insecure });
  return { http: new HttpAgent(shared), https };
}

async function send(request: HttpRequest, settings: HttpSettings, open: Open): Promise<HttpReply> {
  const { status, headers, body } = await opened(request, settings, open);
  const most = isSuccess(status) ? settings.maxBodyBytes : Number.POSITIVE_INFINITY; // `asFarAsItGoes` bounds the body of a refusal
  const grow = (bytes: number) => request.room?.need(bytes, request.signal);
  try {
    const whole = await wholeBody(body, most, () => tooLarge(request, settings), grow);
    const needed = await request.room?.weigh(whole, request.signal);
    if (needed !== undefined) throw takesTooMuch(request, whole.length, needed);
    return { status, headers, body: whole };
  } catch (error) {
    request.room?.release(); // the request may be made again, after a while
    throw error;
  }
}

interface Answer {
  status: number;
  headers: HttpReply['headers'];
  body: AsyncIterable<Buffer>;
}

type Open = (request: HttpRequest, signal: AbortSignal) => Promise<Answer>;

async function fetchOnce(
  { method, url, headers, body }: HttpRequest,
  agent: (url: URL) => HttpAgent,
  signal: AbortSignal,
): Promise<Answer> {
  const ours = { accept: 'application/json', 'accept-encoding': ACCEPT_ENCODING, 'user-agent': 'sluice' };
  const all = { ...ours, ...headers };
  const reply = await fetch(url, { method, headers: all, body, agent, redirect: 'manual', compress: false, signal });
  const packed = (reply.body ?? NO_BODY) as AsyncIterable<Buffer>;
  const whole = unpacked(packed, reply.headers.get('content-encoding'));
  return { status: reply.status, headers: reply.headers, body: isSuccess(reply.status) ? whole : asFarAsItGoes(whole) };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

const NO_BODY: readonly Buffer[] = [];

/** Bounds the time of a reply: a dripped one ends, and a long one may take long. */
const MIB = 1024 * 1024;

async function openStream(request: HttpRequest, settings: HttpSettings, open: Open): Promise<HttpStream> {
  return { ...(await opened(request, settings, open, MIB)), mostBytes: settings.maxBodyBytes };
}

/** A reply whose body is not read yet. `timeoutMs` is for the whole body, or for each `portion` of so many bytes. */
async function opened(
  request: HttpRequest,
  settings: HttpSettings,
  open: Open,
  portion = Number.POSITIVE_INFINITY,
): Promise<Answer> {
  const ends = new AbortController();
  const abort = () => ends.abort();
  request.signal.addEventListener('abort', abort);
  const close = () => {
    request.signal.removeEventListener('abort', abort);
    abort();
  };
  let leftMs = settings.timeoutMs;
  /** The timeout only runs while the vendor is waited for: a slow sink is not the vendor's fault. */
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    const startedAtMs = performance.now();
    const timer = setTimeout(abort, Math.max(0, leftMs));
    try {
      return await work;
    } catch (error) {
      request.signal.throwIfAborted();
      throw networkError(error, request, settings);
    } finally {
      clearTimeout(timer);
      leftMs -= performance.now() - startedAtMs;
    }
  };
  const chunks = async function* (body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      const source = body[Symbol.asyncIterator]();
      for (let bytes = 0; ; ) {
        const { done, value } = await inTime(source.next());
        if (done) return;
        bytes += value.length;
        if (bytes >= portion) [bytes, leftMs] = [0, settings.timeoutMs];
        yield value;
      }
    } finally {
      close();
    }
  };
  try {
    const { status, headers, body } = await inTime(open(request, ends.signal));
    return { status, headers, body: chunks(body) };
  } catch (error) {
    close();
    throw error;
  }
}

const TLS: TlsSettings = {
  ca: 'http.ca_file of the source',
  address: 'region or base_url of the source',
  on: 'write https:// in base_url of the source',
  off: 'write http:// in base_url of the source',
};

function networkError(error: unknown, request: HttpRequest, settings: HttpSettings): SluiceError {
  const where = placeOf(request);
  if (error instanceof SluiceError) return error;
  const { code = '' } = error as { code?: string };
  const said = `${code} ${messageOf(error)}`;
  const isTls = request.url.startsWith('https:');
  const trouble = isTls ? tlsTrouble(said, TLS) : undefined;
  if (trouble !== undefined) {
    const { what, advice, lasts } = trouble;
    const as = lasts
      ? ({ action: 'stop', isLockedOut: true, general: 'source' } as const)
      : { action: 'retry' as const };
    return new SluiceError(`${where}: ${what} (${code})`, { ...as, advice, cause: error });
  }
  if (isOutOfHandles(said)) {
    const message = `${where}: no more files may be open (${code})`;
    return new SluiceError(message, { action: 'retry', general: 'source', advice: HANDLES_ADVICE, cause: error });
  }
  const why = isAbort(error) ? `no complete reply within ${settings.timeoutMs} ms` : code || messageOf(error);
  const hint = portHint(said, isTls, TLS);
  const advice = `Check the network, the proxy (HTTPS_PROXY) and the address of the source.${hint ? ` ${hint}` : ''}`;
  return new SluiceError(`${where}: ${why}`, { action: 'retry', advice, cause: error });
}

function tooLarge(request: HttpRequest, { maxBodyBytes }: HttpSettings): SluiceError {
  return new SluiceError(`${placeOf(request)}: the reply is larger than ${maxBodyBytes} bytes`, {
    action: 'reject',
    isTooLarge: true,
    advice: 'Lower reading.page_size, or raise http.max_body of the source (docs/config.md says what that costs).',
  });
}

function takesTooMuch(request: HttpRequest, bytes: number, needed: number): SluiceError {
  const size = (of: number) => `${Math.ceil(of / MIB)} MiB`;
  const message = `${placeOf(request)}: the reply of ${size(bytes)} may take ${size(needed)} of memory, which this process does not have`;
  return new SluiceError(message, {
    action: 'reject',
    isTooLarge: true,
    advice: 'Give Sluice more memory (--max-old-space-size, or the limit of its container).',
  });
}

/** The name of a request in errors: without its query, which may be long. */
export function placeOf(request: { method: string; url: string }): string {
  return `${request.method} ${request.url.split('?', 1)[0]}`;
}

/**
 * The one table of statuses. Undefined for success. A status in none of its lines refuses this very request: that of
 * one record is the record's affair, that of a list the walk's.
 */
export function statusError(
  reply: Omit<HttpReply, 'body'> & { body?: unknown },
  request: HttpRequest,
  nowMs: number,
): SluiceError | undefined {
  const { status } = reply;
  if (isSuccess(status)) return undefined;
  const said = wordsOf(reply, request);
  const target = status < 400 ? redirection(reply, request) : undefined;
  const answer = target === undefined ? status : `${status} (to ${target})`;
  const message = `${placeOf(request)} answered ${answer}${said === '' ? '' : `: ${said}`}`;
  const waitMs = retryAfterMs(reply.headers.get('retry-after'), nowMs);
  const as = (action: Action, more: Partial<ErrorOptions> = {}) =>
    new SluiceError(message, { action, status, waitMs, ...more });
  if (status === 429 || (status === 503 && waitMs !== undefined)) return as('retry', { general: 'route' });
  if (status === 408 || status === 425 || status >= 500) return as('retry');
  if (status === 403) return as('forbidden');
  if (status === 401) return as('reauthenticate');
  if (status === 404) return as('skip');
  const advice =
    status < 400
      ? `The address redirects: set region or base_url of the source to where the API itself is.`
      : wantsTls(status, said)
        ? `The port speaks TLS: ${TLS.on}.`
        : undefined;
  return as('reject', { advice });
}

/** The address that a reply redirects to, without parts that may be secret. */
function redirection({ headers }: Pick<HttpReply, 'headers'>, { url }: HttpRequest): string | undefined {
  const location = headers.get('location');
  if (location === null || !URL.canParse(location, url)) return undefined;
  const { origin, pathname } = new URL(location, url);
  return `${origin}${pathname}`;
}

/** The text of a refusal by the vendor or a gateway, without tags and secrets, in one short line. */
export function wordsOf(
  { headers, body }: Pick<HttpReply, 'headers'> & { body?: unknown },
  request: Pick<HttpRequest, 'headers'>,
): string {
  if (!Buffer.isBuffer(body)) return '';
  const text = withoutToken(textOfReply({ headers, body: body.subarray(0, MOST_OF_REFUSAL_BYTES) }), request);
  const words = text.trimStart().startsWith('<')
    ? text.replace(/<(style|script)\b[\s\S]*?(?:<\/\1|$)|<[^>]*>?/gi, ' ')
    : text;
  return String(withoutSecrets(words.replace(/\s+/g, ' ').trim(), [])).slice(0, 200);
}

/** Some gateways repeat the request's headers in their error pages. */
function withoutToken(said: string, { headers }: Pick<HttpRequest, 'headers'>): string {
  const token = headers?.authorization?.split(' ').at(-1);
  return token === undefined || token === '' ? said : said.replaceAll(token, REMOVED);
}

/** The reply's JSON, with numbers as `parseExact` reads them. A body that is no JSON (cut short, a proxy's error page) throws `retry`. `parse` throws like `JSON.parse`. */
export function parseReply(reply: HttpReply, request: HttpRequest, parse = parseExact): unknown {
  const text = textOfReply(reply);
  try {
    return parse(text);
  } catch (error) {
    const start = text.trimStart().slice(0, 40);
    throw new SluiceError(`${placeOf(request)}: the reply is not valid JSON (${text.length} characters, "${start}…")`, {
      action: 'retry',
      advice: 'If this stays so, something between Sluice and the vendor changes replies, or the base_url is wrong.',
      cause: error,
    });
  }
}
