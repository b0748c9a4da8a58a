import { hash } from 'node:crypto';
import type { Reply, Sending, Validating } from './reply.ts';
import type { ValidatorKind } from './settings.ts';

/** A reply that is seen for the first time counts as made so long ago. */
const BEFORE_MS = 3_600_000;

/** Remembers, for `last-modified`, since when each address answers as it does. */
export function createValidators(kind: ValidatorKind | undefined): (sending: Sending, reply: Reply) => Validating {
  const since = new Map<string, { digest: string; atMs: number }>();
  return ({ request, now }, { status, body }): Validating => {
    if (kind === undefined || request.method !== 'GET' || status !== 200) return { headers: {}, isUnchanged: false };
    const digest = hash('sha1', body, 'base64url');
    if (kind !== 'last-modified') {
      const etag = `${kind === 'etag' ? '' : 'W/'}"${digest}"`;
      return { headers: { ETag: etag }, isUnchanged: request.headers['if-none-match'] === etag };
    }
    const url = request.url ?? '';
    const before = since.get(url);
    const atMs = before === undefined ? now - BEFORE_MS : before.digest === digest ? before.atMs : now;
    since.set(url, { digest, atMs });
    const modified = new Date(atMs).toUTCString();
    return { headers: { 'Last-Modified': modified }, isUnchanged: request.headers['if-modified-since'] === modified };
  };
}
