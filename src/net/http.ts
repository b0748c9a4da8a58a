import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext } from 'node:tls';
import { textOfReply } from '../api/charset.ts';
import { type Action, type ErrorOptions, SluiceError } from '../api/errors.ts';
import type { HttpClient, HttpReply, HttpRequest, HttpStream, HttpStreamer } from '../api/http.ts';
import { parseExact } from '../api/records/json.ts';
import { REMOVED, withoutSecrets } from '../api/records/secrets.ts';
import { ACCEPT_ENCODING, MOST_OF_REFUSAL_BYTES } from './body.ts';
import type { Told } from './budget.ts';
import type { ProxyRules } from './proxy.ts';
import type { RateLimit } from './rate-limit.ts';
import { retryAfterMs } from './retry.ts';
import { wantsTls } from './tls.ts';
import { bodyOf, inTime, isSuccess, wholeOf } from './wire/bodies.ts';
import { type Exchange, exchange } from './wire/exchange.ts';
import { asTrouble, placeOf, type ReplyBounds, TLS, takesTooMuch } from './wire/trouble.ts';

export { placeOf } from './wire/trouble.ts';

interface HttpSettings extends ReplyBounds {
  /** The authorities to trust, as PEM; without it those that Node trusts. */
  ca?: string[];
  /** Accept any certificate. For tests in closed networks only. */
  insecure?: boolean;
  /** Without it no request goes through a proxy. */
  proxies?: ProxyRules;
}

/** Called with the time that each reply names. */
type Heard = (date: string | null) => void;
/** Called for each request that was sent. */
type Answered = (answer: Told) => void;

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
  const open: Open = async (request) => {
    const ours = { accept: 'application/json', 'accept-encoding': ACCEPT_ENCODING, 'user-agent': 'sluice' };
    const sentAtMs = performance.now();
    try {
      const begun = await exchange(request, { ...ours, ...request.headers }, agent, settings.timeoutMs);
      const status = begun.message.statusCode as number;
      answered({
        status,
        sentAtMs,
        isThrottled: status === 429 || (status === 503 && begun.headers.get('retry-after') !== null),
      });
      heard(begun.headers.get('date'));
      return begun;
    } catch (error) {
      if (!request.signal.aborted) answered({ status: undefined, sentAtMs, isThrottled: false });
      throw asTrouble(error, request, settings);
    }
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

type Open = (request: HttpRequest) => Promise<Exchange>;

async function send(request: HttpRequest, settings: HttpSettings, open: Open): Promise<HttpReply> {
  const begun = await open(request);
  try {
    const body = await wholeOf(begun, request, settings);
    const needed = await request.room?.weigh(body, request.signal);
    if (needed !== undefined) throw takesTooMuch(request, body.length, needed);
    return { ...headOf(begun), body };
  } catch (error) {
    request.room?.release(); // the request may be made again, after a while
    throw error;
  } finally {
    begun.close();
  }
}

function headOf({ message, headers }: Exchange): Pick<HttpReply, 'status' | 'headers'> {
  return { status: message.statusCode as number, headers };
}

/** Bounds the time of a reply: a dripped one ends, and a long one may take long. */
const MIB = 1024 * 1024;

async function openStream(request: HttpRequest, settings: HttpSettings, open: Open): Promise<HttpStream> {
  const begun = await open(request);
  const body = inTime(begun, request, settings, bodyOf(begun.message), MIB);
  return { ...headOf(begun), body, mostBytes: settings.maxBodyBytes };
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
