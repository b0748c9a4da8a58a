/** The credentials of Elasticsearch: into a header, and out of every message. */
import { createRedactor, LOOKED_AT } from '../../redaction/redactor.ts';

export type ElasticsearchAuth =
  | { kind: 'apiKey'; apiKey: () => string }
  | { kind: 'basic'; username: string; password: () => string }
  | { kind: 'none' };

export function authorization(auth: ElasticsearchAuth): string | undefined {
  if (auth.kind === 'apiKey') return `ApiKey ${auth.apiKey()}`;
  if (auth.kind === 'basic') return `Basic ${base64(`${auth.username}:${auth.password()}`)}`;
  return undefined;
}

/** Takes the credentials out of a message: proxies like to repeat what they were sent. */
export function scrubber(auth: ElasticsearchAuth): (text: string) => string {
  const { protect, scrub } = createRedactor();
  return (text) => {
    if (auth.kind === 'apiKey') protect(auth.apiKey());
    if (auth.kind === 'basic') {
      protect(auth.password());
      protect(base64(`${auth.username}:${auth.password()}`));
    }
    return scrub(text.slice(0, LOOKED_AT));
  };
}

/** Parts of an error's body that lie deeper are left out. */
const MAX_DEPTH = 20;

/** An error's body, without secrets, and without the length of an HTML page. */
export function scrubbed(value: unknown, scrub: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value).slice(0, 2000);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((inner) => scrubbed(inner, scrub, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([member, inner]) => [member, scrubbed(inner, scrub, depth + 1)]),
  );
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
