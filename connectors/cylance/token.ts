import { randomUUID } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import { orAborted } from '../../src/abort.ts';
import { SluiceError } from '../../src/errors.ts';
import { parseReply, statusError } from '../../src/http.ts';
import type { ConnectorServices, SourceSettings } from '../../src/types.ts';

/** Lifetime of the token request: the vendor accepts at most 1800 s (Cylance User API guide, authentication). */
const REQUEST_LIFETIME_S = 1800;
/** Renewed this long before it ends, so that no request is under way with a token that runs out. */
const RENEW_BEFORE_MS = 120_000;
/** Beyond this difference the vendor refuses tokens. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Credentials that worked before are tried again after these pauses: a secret may be changed at the vendor first. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 300_000;

export interface TokenHolder {
  /**
   * A token that is good for some time yet; one request however many ask. Credentials that `worked` before and are refused
   * now may be right again soon: the secret is read anew with each request.
   */
  get(signal: AbortSignal, worked?: boolean): Promise<string>;
  /** Says that a token was refused, so that the next `get` asks for a new one. */
  refused(token: string): void;
}

interface Token {
  text: string;
  renewAtMs: number;
}

/** Keeps the access token of one tenant. */
export function createTokenHolder(settings: SourceSettings, baseUrl: string, services: ConnectorServices): TokenHolder {
  let token: Token | undefined;
  let asking: Promise<Token> | undefined;
  let hasWorked = false;
  let refusals = 0;
  return {
    async get(signal, worked = false) {
      if (token !== undefined && services.now() < token.renewAtMs) return token.text;
      signal.throwIfAborted();
      asking ??= requestToken(settings, baseUrl, services)
        .then((fresh) => {
          token = fresh;
          hasWorked = true;
          refusals = 0;
          return fresh;
        })
        .catch((error: unknown) => {
          if (!(error instanceof SluiceError)) throw error;
          const mayPass = error.action === 'stop' && (hasWorked || worked);
          const waitMs = mayPass ? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** refusals++) : error.waitMs;
          const action = mayPass ? 'retry' : error.action;
          throw new SluiceError(error.message, { ...error, action, waitMs, general: 'source', cause: error.cause });
        })
        .finally(() => {
          asking = undefined;
        });
      return (await orAborted(asking, signal)).text; // several may wait for it
    },
    refused(text) {
      if (token?.text === text) token = undefined;
    },
  };
}

async function requestToken(settings: SourceSettings, baseUrl: string, services: ConnectorServices): Promise<Token> {
  const issuedS = Math.floor(services.now() / 1000);
  const jwt = await new SignJWT({ tid: settings.tenantId })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer('http://cylance.com')
    .setSubject(settings.applicationId)
    .setIssuedAt(issuedS)
    .setExpirationTime(issuedS + REQUEST_LIFETIME_S)
    .setJti(randomUUID())
    .sign(new TextEncoder().encode(settings.applicationSecret()));
  const request = {
    method: 'POST' as const,
    url: `${baseUrl}/auth/v2/token`,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ auth_token: jwt }),
    priority: 'live' as const,
    signal: new AbortController().signal, // shared by all who ask: the timeout of `http` ends it, none of them
  };
  const reply = await services.http(request);
  const error = statusError(reply, request, services.now());
  if (error?.action === 'retry') throw error;
  if (error?.advice !== undefined || reply.status === 404) throw wrongAddress(error as SluiceError);
  if (error !== undefined) throw refusal(settings, reply.status, reply.headers.get('date'), services.now());
  return readToken(parseReply(reply, request), services.now());
}

/** What answers is no token endpoint: the credentials were never looked at. */
function wrongAddress({ message, advice }: SluiceError): SluiceError {
  return new SluiceError(message, { action: 'stop', advice: advice ?? 'Check region and base_url of the source.' });
}

function refusal(settings: SourceSettings, status: number, date: string | null, nowMs: number): SluiceError {
  const skewMs = date === null ? 0 : nowMs - Date.parse(date);
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  const advice =
    Math.abs(skewMs) > CLOCK_TOLERANCE_MS
      ? `This machine's clock is ${minutes} min ${skewMs > 0 ? 'ahead of' : 'behind'} the vendor's: set the clock (NTP).`
      : 'Check tenant_id, application_id and application_secret of the source, and that the region is right.';
  return new SluiceError(`source "${settings.name}": the vendor refused the credentials (HTTP ${status})`, {
    action: 'stop',
    advice,
  });
}

function readToken(reply: unknown, nowMs: number): Token {
  const text = (reply as { access_token?: unknown } | null)?.access_token;
  if (typeof text !== 'string') {
    throw new SluiceError('POST /auth/v2/token: the reply has no access_token', { action: 'retry' });
  }
  return { text, renewAtMs: renewAt(text, nowMs) };
}

/** By the token's own lifetime, so that a clock that differs from the vendor's does no harm. */
function renewAt(text: string, nowMs: number): number {
  try {
    const { exp, iat } = decodeJwt(text);
    const lifetimeMs = exp === undefined ? 0 : exp * 1000 - (iat === undefined ? nowMs : iat * 1000);
    return nowMs + Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2, 1000);
  } catch {
    return nowMs + RENEW_BEFORE_MS; // not a JWT: a 401 says when it is over
  }
}
