/** The credentials of Elasticsearch: into a header, and out of every message. */
export type ElasticsearchAuth =
  | { kind: 'apiKey'; apiKey: () => string }
  | { kind: 'basic'; username: string; password: () => string }
  | { kind: 'none' };

export function authorization(auth: ElasticsearchAuth): string | undefined {
  if (auth.kind === 'apiKey') return `ApiKey ${auth.apiKey()}`;
  if (auth.kind === 'basic') return `Basic ${base64(`${auth.username}:${auth.password()}`)}`;
  return undefined;
}

/** Proxies like to repeat what they were sent: no message may carry it on. */
export function scrubber(auth: ElasticsearchAuth): (text: string) => string {
  return (text) => {
    const secrets = [auth.kind === 'apiKey' ? auth.apiKey() : '', auth.kind === 'basic' ? auth.password() : ''];
    if (auth.kind === 'basic') secrets.push(base64(`${auth.username}:${auth.password()}`));
    const shown = secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '***')), text);
    return shown.replace(/\/\/[^/@\s]+@/g, '//');
  };
}

/** An error's body, without secrets, and without the length of an HTML page. */
export function scrubbed(value: unknown, scrub: (text: string) => string): unknown {
  if (typeof value === 'string') return scrub(value).slice(0, 2000);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((inner) => scrubbed(inner, scrub));
  return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, scrubbed(inner, scrub)]));
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
