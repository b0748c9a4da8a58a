/**
 * Signs requests to Apex Central: each request carries a token of its own, made from its exact bytes (Trend Micro Apex
 * Central Automation API guide, "JWT Token", "Checksum").
 */
import { hash } from 'node:crypto';
import { SignJWT } from 'jose';

export interface ToSign {
  method: string;
  /** The path with its query, as in the address; without a query there is no `?`. */
  path: string;
  /** All headers that are sent. */
  headers: Readonly<Record<string, string>>;
  /** The exact body that is sent. */
  body: string;
}

/** Base64 of the SHA-256 of `METHOD|path and query in lower case|canonical headers|body`. */
export function checksumOf({ method, path, headers, body }: ToSign): string {
  const text = [method.toUpperCase(), path.toLowerCase(), canonicalHeaders(headers), body].join('|');
  return hash('sha256', text, 'base64');
}

/** Only headers whose names begin with API belong to the checksum; Sluice sends none. */
function canonicalHeaders(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .filter(([name]) => name.toUpperCase().startsWith('API'))
    .map(([name, value]) => `${name.toLowerCase()}:${value}`)
    .sort()
    .join('|');
}

/** The token of one request. `issuedS` is seconds since 1970: the vendor refuses a token that is some minutes old. */
export function signedToken(
  request: ToSign,
  { applicationId, apiKey, issuedS }: { applicationId: string; apiKey: string; issuedS: number },
): Promise<string> {
  return new SignJWT({ appid: applicationId, version: 'V1', checksum: checksumOf(request) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(issuedS)
    .sign(new TextEncoder().encode(apiKey));
}
