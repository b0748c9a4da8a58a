import { createHash } from 'node:crypto';
import { verifyToken } from '../jwt.ts';
import type { Asked } from '../resource.ts';

/** Checks a request to Apex Central: its token must be fresh, and made for exactly the bytes that arrived. */

const TOLERANCE_SECONDS = 300;
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

/** Why the request is refused; undefined if it is accepted. */
export function refusal(asked: Asked, applicationId: string, apiKey: string, nowMs: number): string | undefined {
  const token = /^Bearer\s+(\S+)$/i.exec(String(asked.headers.authorization ?? ''))?.[1];
  if (token === undefined) return 'the token is missing';
  const claims = verifyToken(token, apiKey);
  if (claims === undefined) return 'the token or its signature is invalid';
  if (claims.appid !== applicationId) return 'the application id is unknown';
  if (claims.version !== 'V1') return 'the version is not V1';
  if (typeof claims.iat !== 'number') return 'iat is missing';
  if (Math.abs(claims.iat - nowMs / 1000) > TOLERANCE_SECONDS) return 'the token is too old, or of the future';
  return claims.checksum === checksum(asked) ? undefined : 'the checksum does not fit the request';
}
