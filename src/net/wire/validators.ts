/** Asks for a reply only if it has changed since it was read last (RFC 9110, 13), as far as the vendor offers that. */
import type { Validators } from '../../api/client.ts';
import type { HttpReply } from '../../api/http.ts';

/** A reply that was made within this time of its last change may change once more within the same second. */
const SURE_AFTER_MS = 60_000;

/** What the reply with this digest says of itself; undefined where nothing can be asked by it. */
export function validatorsOf({ headers }: Pick<HttpReply, 'headers'>, digest: string): Validators | undefined {
  const etag = headers.get('etag')?.trim();
  if (etag !== undefined && ETAG.test(etag)) return { digest, etag };
  const modified = headers.get('last-modified')?.trim() ?? '';
  const ageMs = Date.parse(headers.get('date') ?? '') - Date.parse(modified);
  return ageMs >= SURE_AFTER_MS ? { digest, modified } : undefined;
}

const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{1,500}"$/;

/** The headers of a request that is answered with 304 if nothing has changed. */
export function conditionOf(before: Validators | undefined): Record<string, string> {
  if (before?.etag !== undefined) return { 'if-none-match': before.etag };
  return before?.modified === undefined ? {} : { 'if-modified-since': before.modified };
}
