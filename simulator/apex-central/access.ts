import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** How Apex Central judges a request: its token must be fresh, and made for exactly the bytes that arrived. */

export interface Asked {
  method: string;
  /** Path and query as they stand in the request. */
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

const TOLERANCE_SECONDS = 300;
const HASHES: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

type Json = Record<string, unknown>;

function decode(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** The claims, or undefined when form, algorithm or signature is wrong. */
function verify(token: string, key: string): Json | undefined {
  const [header = '', claims = '', signature = '', ...more] = token.split('.');
  const algorithm = HASHES[String(decode(header)?.alg)];
  if (algorithm === undefined || more.length > 0) return undefined;
  const expected = createHmac(algorithm, key).update(`${header}.${claims}`).digest();
  const given = Buffer.from(signature, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected) ? decode(claims) : undefined;
}

function checksum({ method, url, headers, body }: Asked): string {
  const canonical = Object.entries(headers)
    .filter(([name]) => name.toLowerCase().startsWith('api'))
    .map(([name, value]) => `${name.toLowerCase()}:${String(value)}`)
    .sort()
    .join('|');
  return createHash('sha256')
    .update(`${method.toUpperCase()}|${url.toLowerCase()}|${canonical}|`)
    .update(body)
    .digest('base64');
}

/** Why the request is refused; undefined: it is not. */
export function refusal(asked: Asked, applicationId: string, apiKey: string, nowMs: number): string | undefined {
  const token = /^Bearer\s+(\S+)$/i.exec(String(asked.headers.authorization ?? ''))?.[1];
  if (token === undefined) return 'the token is missing';
  const claims = verify(token, apiKey);
  if (claims === undefined) return 'the token or its signature is invalid';
  if (claims.appid !== applicationId) return 'the application id is unknown';
  if (claims.version !== 'V1') return 'the version is not V1';
  if (typeof claims.iat !== 'number') return 'iat is missing';
  if (Math.abs(claims.iat - nowMs / 1000) > TOLERANCE_SECONDS) return 'the token is too old, or of the future';
  return claims.checksum === checksum(asked) ? undefined : 'the checksum does not fit the request';
}
