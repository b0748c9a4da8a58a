import { randomUUID } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import {
  type ConnectorServices,
  type HttpReply,
  lockedOut,
  orAborted,
  orClock,
  parseReply,
  SluiceError,
  secretNow,
  statusError,
  wordsOf,
} from '../../../src/index.ts';
import type { CylanceSettings } from './config.ts';
import { regionHint } from './region.ts';

export const TOKEN_PATH = '/auth/v2/token';
/** Lifetime of the token request: the vendor accepts at most 1800 s (Cylance User API guide, authentication). */
const REQUEST_LIFETIME_S = 1800;
/** A token is renewed this long before it expires, so that it does not expire during a request. */
const RENEW_BEFORE_MS = 120_000;

export interface TokenHolder {
  /**
   * A token that is valid for some time yet. All callers share one request, which uses the secret as it is then. Errors
   * concern the whole source.
   */
  get(signal: AbortSignal): Promise<string>;
  /** Drops a refused token, so that the next `get` requests a new one. */
  refused(token: string): void;
}

interface Token {
  text: string;
  renewAtMs: number;
}

/** Keeps the access token of one tenant. */
export function createTokenHolder(
  settings: CylanceSettings,
  baseUrl: string,
  services: ConnectorServices,
): TokenHolder {
  let token: Token | undefined;
  let asking: Promise<Token> | undefined;
  return {
    async get(signal) {
      if (token !== undefined && services.now() < token.renewAtMs) return token.text;
      signal.throwIfAborted();
      asking ??= requestToken(settings, baseUrl, services)
        .then((fresh) => {
          token = fresh;
          return fresh;
        })
        .catch((error: unknown) => {
          if (!(error instanceof SluiceError)) throw error;
          throw new SluiceError(error.message, { ...error, general: 'source', cause: error.cause });
        })
        .finally(() => {
          asking = undefined;
        });
      return (await orAborted(asking, signal)).text; // several callers share the request
    },
    refused(text) {
      if (token?.text === text) token = undefined;
    },
  };
}

async function requestToken(settings: CylanceSettings, baseUrl: string, services: ConnectorServices): Promise<Token> {
  const issuedS = Math.floor(services.now() / 1000);
  const jwt = await new SignJWT({ tid: settings.tenantId })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer('http://cylance.com')
    .setSubject(settings.applicationId)
    .setIssuedAt(issuedS)
    .setExpirationTime(issuedS + REQUEST_LIFETIME_S)
    .setJti(randomUUID())
    .sign(new TextEncoder().encode(secretNow(settings, services.secrets)));
  services.secrets.protect(jwt);
  const request = {
    method: 'POST' as const,
    url: `${baseUrl}${TOKEN_PATH}`,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ auth_token: jwt }),
    priority: 'live' as const,
    signal: new AbortController().signal, // the timeout of `http` ends the shared request, no single caller does
  };
  const reply = await services.http(request);
  const error = statusError(reply, request, services.now());
  if (error?.action === 'retry') throw error;
  if (error !== undefined) throw refusal(settings, reply, wordsOf(reply, request), error, services.now());
  const token = readToken(parseReply(reply, request), services.now());
  services.secrets.protect(token.text);
  return token;
}

function wrongCredentials(settings: CylanceSettings): string {
  return `Check tenant_id, application_id and application_secret of the source, ${regionHint(settings)}`;
}

/** Only 400 and 401 are about the credentials; a redirect, or an address without a token endpoint, has not checked them. */
function refusal(
  settings: CylanceSettings,
  reply: HttpReply,
  said: string,
  cause: SluiceError,
  nowMs: number,
): SluiceError {
  const { name } = settings;
  const { status } = reply;
  const words = said === '' ? '' : `: ${said}`;
  const { waitMs } = cause;
  if (status === 401 || (status === 400 && cause.advice === undefined)) {
    const advice = orClock(reply, nowMs, wrongCredentials(settings));
    const message = `source "${name}": the vendor refused the credentials (HTTP ${status})${words}`;
    return lockedOut(message, { status, waitMs, advice, cause });
  }
  return lockedOut(`source "${name}": no token can be got: ${cause.message}`, {
    ...{ status, waitMs, cause },
    advice: adviceFor(cause),
  });
}

/** The advice for a status; the error of a redirect already names its target. */
function adviceFor({ status, advice }: SluiceError): string {
  if (advice !== undefined)
    return status && status < 400 ? `${advice} A proxy or a login page may stand in between, too.` : advice;
  if (status === 403)
    return 'Check that the application is enabled in the console, that the region is right, and what stands in between (a proxy, a firewall, a list of allowed addresses).';
  return 'Check region and base_url of the source: there is no token endpoint at this address.';
}

/** Characters of a token that can be sent in a header. */
const FITS_INTO_A_HEADER = /^[\x21-\x7e]+$/;

function readToken(reply: unknown, nowMs: number): Token {
  const given = (reply as { access_token?: unknown } | null)?.access_token;
  const text = typeof given === 'string' ? given.trim() : '';
  if (!FITS_INTO_A_HEADER.test(text)) {
    throw new SluiceError(`POST ${TOKEN_PATH}: the reply has no access_token that can be used`, { action: 'retry' });
  }
  return { text, renewAtMs: renewAt(text, nowMs) };
}

/** Computed from the token's own lifetime, so that a clock that differs from the vendor's does no harm. */
function renewAt(text: string, nowMs: number): number {
  try {
    const { exp, iat } = decodeJwt(text);
    const lifetimeMs = exp === undefined ? 0 : exp * 1000 - (iat === undefined ? nowMs : iat * 1000);
    if (!Number.isFinite(lifetimeMs)) return nowMs + RENEW_BEFORE_MS; // the times are not in the standard's form
    return nowMs + Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2, 1000);
  } catch {
    return nowMs + RENEW_BEFORE_MS; // not a JWT: a 401 tells when the token has expired
  }
}
