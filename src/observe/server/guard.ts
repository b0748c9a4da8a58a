/** Who may ask: pages of other sites may not, and what changes something needs the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/**
 * A page of another site can have its name resolved to this machine (DNS rebinding), and then reads what is answered. The
 * name stays in `Host`: only addresses, `localhost` and names that the config knows are served.
 */
export function isOwnHost(host: string | undefined, own: readonly string[]): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  const name = hostname.replace(/^\[|\]$/g, '');
  return isIP(name) !== 0 || name === 'localhost' || own.some((one) => one.toLowerCase() === name);
}

/** A browser says where a request comes from; other programs say nothing. */
export function isSameOrigin({ origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  if (site !== undefined && site !== 'same-origin') return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Takes as long for a wrong token as for the right one, however much of it is right. */
export function hasToken(authorization: string | undefined, token: string): boolean {
  const [, given = ''] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
