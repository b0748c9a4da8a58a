/** Credentials that a source sends, and that must not come back in a record: a gateway, or the vendor, may repeat them. */

import { decoderOf } from '../api/charset.ts';
import type { SourceSecrets } from '../api/connector.ts';
import type { HttpReply } from '../api/http.ts';
import { keepOrder } from '../api/records/json.ts';
import { REMOVED, withoutSecrets } from '../api/records/secrets.ts';
import { holdsPart, type SecretParts, SHORTEST_PART, withoutParts } from './secret-parts.ts';
import type { Vault } from './vault.ts';

export function secretsOfSource(vault: Vault): SourceSecrets {
  const without = <T>(content: T): T => withoutEchoes(withoutSecrets(content, []), vault.parts, 0) as T;
  return {
    protect: vault.protect,
    unechoed: ({ headers, body }, content) => (suspecting(vault, headers)(body) ? without(content) : content),
    async *unechoedParts({ headers, body }, read) {
      const look = suspecting(vault, headers);
      let isSuspect = false;
      const watched = (async function* () {
        for await (const chunk of body) {
          isSuspect ||= look(chunk);
          yield chunk;
        }
      })();
      const clean = <T>(content: T): T => (isSuspect ? without(content) : content);
      const parts = read(watched, clean);
      try {
        for (;;) {
          const { done, value } = await parts.next();
          if (done) return clean(value);
          yield clean(value);
        }
      } finally {
        await parts.return(undefined as never);
      }
    },
  };
}

/** Whether the bytes of a reply, which may come in pieces, may hold a credential, so that its content must be cleaned. */
function suspecting(vault: Vault, headers: HttpReply['headers']): (bytes: Buffer) => boolean {
  let last: Buffer | undefined;
  return (bytes) => {
    if (last === undefined && decoderOf(headers, bytes).encoding.startsWith('utf-16')) return true;
    const seam = last === undefined ? NOTHING : Buffer.concat([last, bytes.subarray(0, SHORTEST_PART - 1)]);
    last = bytes.subarray(Math.max(0, bytes.length - SHORTEST_PART + 1));
    return [seam, bytes].some((some) => isOddlyWritten(some) || holdsPart(some, vault.parts));
  };
}

const NOTHING = Buffer.alloc(0);
const BACKSLASH = 92;
const ESCAPED = '\\u00';

/** Whether letters or digits are written as escapes, which hides them, or escapes stand within a JSON string. */
function isOddlyWritten(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(ESCAPED); at >= 0; at = bytes.indexOf(ESCAPED, at + ESCAPED.length)) {
    const code = Number.parseInt(bytes.toString('latin1', at + 4, at + 6), 16);
    if (bytes[at - 1] === BACKSLASH || /[A-Za-z0-9]/.test(String.fromCharCode(code))) return true;
  }
  return false;
}

/** Deeper levels are not looked through. */
const MAX_DEPTH = 100;

function withoutEchoes(value: unknown, parts: SecretParts, depth: number): unknown {
  if (typeof value === 'string') return withoutParts(value, [parts], REMOVED);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return REMOVED;
  if (Array.isArray(value)) return value.map((item) => withoutEchoes(item, parts, depth + 1));
  const entries = Object.entries(value).map(([name, content]) => [
    withoutParts(name, [parts], REMOVED),
    withoutEchoes(content, parts, depth + 1),
  ]);
  return keepOrder(value, Object.fromEntries(entries));
}
