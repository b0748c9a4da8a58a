import { createHmac, timingSafeEqual } from 'node:crypto';

/** JSON Web Tokens that are signed with a shared key. */

export type Claims = Record<string, unknown>;

const HASHES: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signature(algorithm: string, content: string, key: string | Buffer): string {
  const hmac = createHmac(HASHES[algorithm] ?? '', key);
  return hmac.update(content).digest('base64url');
}

/** The JSON object in a text; undefined for anything else. */
export function objectOf(text: string | Buffer): Claims | undefined {
  try {
    const value: unknown = JSON.parse(text.toString());
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

export function signToken(claims: Claims, key: string | Buffer): string {
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${content}.${signature('HS256', content, key)}`;
}

/** The claims; undefined when form, algorithm or signature is wrong. */
export function verifyToken(token: string, key: string | Buffer, algorithms = Object.keys(HASHES)): Claims | undefined {
  const [header = '', claims = '', given = '', ...more] = token.split('.');
  const algorithm = String(objectOf(Buffer.from(header, 'base64url'))?.alg);
  if (!algorithms.includes(algorithm) || more.length > 0) return undefined;
  const expected = Buffer.from(signature(algorithm, `${header}.${claims}`, key));
  const bytes = Buffer.from(given);
  if (bytes.length !== expected.length || !timingSafeEqual(bytes, expected)) return undefined;
  return objectOf(Buffer.from(claims, 'base64url'));
}
