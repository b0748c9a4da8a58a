/** A token of the simulator, or of the page server, as the vendor's guide says. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { TENANT } from '../task.ts';

export async function getToken(url: string): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000);
  const jwt = await new SignJWT({ tid: TENANT.tenantId, jti: randomUUID() })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('http://cylance.com')
    .setSubject(TENANT.applicationId)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 1800)
    .sign(new TextEncoder().encode(TENANT.applicationSecret));
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ auth_token: jwt });
  const reply = await fetch(`${url}/auth/v2/token`, { method: 'POST', headers, body });
  return ((await reply.json()) as { access_token: string }).access_token;
}
