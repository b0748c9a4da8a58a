import { randomBytes, randomUUID } from 'node:crypto';
import { type Claims, objectOf, signToken, verifyToken } from './jwt.ts';

/** The refusal of a token: the status and the message of the reply. */
export interface Refusal {
  status: 400 | 401 | 403;
  message: string;
}

export interface TokenSettings {
  tenantId: string;
  applicationId: string;
  applicationSecret: string;
  scopes: string[];
  tokenSeconds: number;
}

export interface EarlyEnd {
  uses: number;
  ms: number;
}

export interface Tokens {
  /** Returns an access token for the application's own JWT. `early` makes the token expire before its `exp` (a fault). */
  issue(body: string, nowMs: number, early?: EarlyEnd): { accessToken: string } | Refusal;
  /** Checks an Authorization header for a scope; undefined if access is granted. */
  check(header: string | undefined, scope: string, nowMs: number): Refusal | undefined;
  issued(): number;
}

const MAX_LIFE_SECONDS = 1800;
const TOLERANCE_SECONDS = 60;

function timeProblem(claims: Claims, now: number): string | undefined {
  const { iat, exp } = claims;
  if (typeof iat !== 'number' || typeof exp !== 'number') return 'iat and exp must be numbers';
  if (exp - iat > MAX_LIFE_SECONDS) return 'the token lives longer than 30 minutes';
  if (iat > now + TOLERANCE_SECONDS) return 'the token was issued in the future';
  if (exp <= now - TOLERANCE_SECONDS) return 'the token has expired';
  return undefined;
}

function requestedScopes(claims: Claims, granted: string[]): string[] {
  const { scp } = claims;
  if (scp === undefined || scp === null || scp === '') return granted;
  const wanted = Array.isArray(scp) ? scp.map(String) : String(scp).split(/[\s,]+/);
  return granted.filter((scope) => wanted.includes(scope));
}

interface Issued {
  claims: Claims;
  scopes: Set<string>;
  uses: number;
  issuedMs: number;
  early?: EarlyEnd;
}

export function createTokens(settings: TokenSettings): Tokens {
  const accessKey = randomBytes(32);
  const seen = new Map<string, number>();
  const live = new Map<string, Issued>();
  let count = 0;

  const problem = (claims: Claims | undefined, now: number): Refusal | undefined => {
    if (!claims) return { status: 401, message: 'the auth token or its signature is invalid' };
    if (claims.iss !== 'http://cylance.com') return { status: 401, message: 'unknown issuer' };
    const late = timeProblem(claims, now);
    if (late) return { status: 401, message: late };
    if (claims.sub !== settings.applicationId) return { status: 401, message: 'unknown application' };
    const { jti, tid } = claims;
    if (typeof jti !== 'string' || jti === '') return { status: 401, message: 'jti is missing' };
    if (seen.has(jti)) return { status: 401, message: 'jti was used before' };
    if (tid !== settings.tenantId)
      return { status: 400, message: 'the tenant id could not be retrieved from the token' };
    return undefined;
  };

  const remember = (jti: string, now: number): void => {
    seen.set(jti, now);
    for (const [old, at] of seen) {
      if (at > now - 2 * MAX_LIFE_SECONDS) break;
      seen.delete(old);
    }
    for (const [token, entry] of live) if (Number(entry.claims.exp) < now - MAX_LIFE_SECONDS) live.delete(token);
  };

  const issue: Tokens['issue'] = (body, nowMs, early) => {
    const now = Math.floor(nowMs / 1000);
    const request = objectOf(body);
    if (typeof request?.auth_token !== 'string') return { status: 400, message: 'auth_token is missing' };
    const asked = verifyToken(request.auth_token, settings.applicationSecret, ['HS256']);
    const refusal = problem(asked, now);
    if (refusal || !asked) return refusal ?? { status: 401, message: 'invalid token' };
    remember(String(asked.jti), now);
    const scp = requestedScopes(asked, settings.scopes);
    const { applicationId: sub, tenantId: tid } = settings;
    const claims = {
      iss: 'http://cylance.com',
      sub,
      tid,
      scp,
      iat: now,
      exp: now + settings.tokenSeconds,
      jti: randomUUID(),
    };
    const accessToken = signToken(claims, accessKey);
    live.set(accessToken, { claims, scopes: new Set(scp), uses: 0, issuedMs: nowMs, early });
    count++;
    return { accessToken };
  };

  const check: Tokens['check'] = (header, scope, nowMs) => {
    const token = /^Bearer\s+(\S+)$/i.exec(header ?? '')?.[1];
    const entry = token === undefined ? undefined : live.get(token);
    if (!entry) return { status: 401, message: 'the access token is missing or invalid' };
    const { early, claims } = entry;
    if (Number(claims.exp) * 1000 <= nowMs) return { status: 401, message: 'the access token has expired' };
    entry.uses++;
    if (early && (entry.uses > early.uses || nowMs - entry.issuedMs > early.ms)) {
      return { status: 401, message: 'the access token is no longer valid' };
    }
    return entry.scopes.has(scope) ? undefined : { status: 403, message: 'insufficient privileges' };
  };

  return { issue, check, issued: () => count };
}
