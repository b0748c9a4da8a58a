import { describe, expect, it } from 'vitest';
import { createRedactor } from '../src/redaction/redactor.ts';

/** Of the forms that secrets have: opaque, with what JSON, URLs and pages write otherwise, and signed. */
const SECRETS: Record<string, string> = {
  token: 'TOK-7f3QzLp0aVx9-mN4bRt',
  guid: '3f2b8c1e-77aa-4d0b-9a3e-5c1d2e3f4a5b',
  key: 'VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==',
  odd: 'p"w\\d/+=&<x>é 7Kq',
  jwt: `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${btoa('{"sub":"1234567890","name":"John"}')}.SflKxwRJSMeKKF2QT4fwpM`,
};

const html = (text: string) =>
  text.replace(/[&<>"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one] ?? one);

const FORMS: Record<string, (secret: string) => string> = {
  plain: (secret) => secret,
  JSON: (secret) => JSON.stringify({ said: secret }),
  'JSON in JSON': (secret) => JSON.stringify({ body: JSON.stringify({ said: secret }) }),
  'JSON of others': (secret) =>
    secret.replace(/[^\w .-]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`),
  'a URL': (secret) => encodeURIComponent(secret),
  'a URL in lower case': (secret) => encodeURIComponent(secret).replace(/%[\dA-F]{2}/g, (code) => code.toLowerCase()),
  'a URL in a URL': (secret) => encodeURIComponent(encodeURIComponent(secret)),
  'a URL of nothing but codes': (secret) => Buffer.from(secret).toString('hex').replace(/../g, '%$&'),
  Base64: (secret) => Buffer.from(secret).toString('base64'),
  'Base64 without padding': (secret) => Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  'Base64 for URLs': (secret) => Buffer.from(secret).toString('base64url'),
  'Base64 of more, by one': (secret) => Buffer.from(`u${secret}!`).toString('base64'),
  'Base64 of more, by two': (secret) => Buffer.from(`ab${secret}!!`).toString('base64'),
  'Base64 in lines': (secret) =>
    (
      Buffer.from(secret)
        .toString('base64')
        .match(/.{1,76}/g) ?? []
    ).join('\r\n'),
  hex: (secret) => Buffer.from(secret).toString('hex'),
  'hex in upper case': (secret) => Buffer.from(secret).toString('hex').toUpperCase(),
  'a page': (secret) => `<b>${html(secret)}</b>`,
  'a page with numbers': (secret) => secret.replace(/[^\w .-]/g, (one) => `&#${one.charCodeAt(0)};`),
  'other case': (secret) => secret.toUpperCase(),
  'its head': (secret) => secret.slice(0, 12),
  'its middle': (secret) => secret.slice(4, 16),
  'its tail': (secret) => secret.slice(-12),
};

/** So many characters in a row must not be shown; of a form that writes one as six, that is two of them. */
const LONGEST = 12;

/** What of a form can still be read in a text. */
function left(form: string, text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at + LONGEST <= form.length; at++)
    if (text.includes(form.slice(at, at + LONGEST))) found.push(form.slice(at, at + LONGEST));
  return found;
}

describe.each(Object.entries(SECRETS))('a %s', (_kind, secret) => {
  it.each(Object.entries(FORMS))('is found as %s', (_form, of) => {
    const { protect, scrub } = createRedactor();
    protect(secret);
    const form = of(secret);
    const text = `proxy: you sent ${form}, and more`;
    const clean = scrub(text);
    expect(left(form.replace(/^\W*(?:said|body)?\W*|\W+$/g, ''), clean)).toEqual([]);
    expect(clean).toContain('[redacted]');
    expect(clean.startsWith('proxy: you sent ')).toBe(true);
    expect(clean.endsWith(', and more')).toBe(true);
  });

  it.each(Object.entries(FORMS))('is not handed on by its source as %s', (_form, of) => {
    const secrets = createRedactor().ofSource();
    secrets.protect(secret);
    const form = of(secret);
    const content = { list: [{ a: 1, text: `it is ${form} here`, [form]: true }] };
    const headers = new Headers();
    const body = Buffer.from(JSON.stringify(content));
    const clean = JSON.stringify(secrets.unechoed({ headers, body }, content));
    expect(left(form.replace(/^\W*(?:said|body)?\W*|\W+$/g, ''), clean)).toEqual([]);
    expect(clean).toMatch(/"text":"it is .*\[removed\].* here"/);
  });
});

describe('the redactor', () => {
  it('finds short secrets as a whole, and the key in a key of Elasticsearch', () => {
    const { protect, scrub } = createRedactor();
    protect('hunter2');
    protect(Buffer.from('an-id-of-a-key:ui2lp2axTNmsyakw9tvNnw').toString('base64'));
    for (const form of ['hunter2', btoa('hunter2').slice(0, -3), '68756e74657232', 'ui2lp2axTNmsyakw9tvNnw'])
      expect(scrub(`x ${form} y`)).not.toContain(form);
    expect(scrub(btoa('user:hunter2'))).toBe('dXNlcjp[redacted]');
    expect(scrub('the key an-id-of-a-key, and a hunter')).toBe('the key an-id-of-a-key, and a hunter');
  });

  it('remembers the last tokens of each source, and what the config has for good', () => {
    const redactor = createRedactor();
    redactor.protect('a-secret-of-the-config');
    const sources = [redactor.ofSource(), redactor.ofSource()];
    const first = SECRETS.token as string;
    sources[0]?.protect(first);
    expect(redactor.scrub(first)).toBe('[redacted]');
    const token = (index: number) => `${index}-${'abcdefghijklmnopqrstuvwxyz'.slice(index % 20)}-${index * 7919}-token`;
    for (let index = 0; index < 5000; index++) sources[index % 2]?.protect(token(index));
    for (const recent of [4999, 4998, 4990]) expect(redactor.scrub(token(recent))).toBe('[redacted]');
    expect(redactor.scrub('a-secret-of-the-config')).toBe('[redacted]');
    expect(redactor.scrub(first)).toBe(first); // thousands of tokens ago
    const before = process.memoryUsage().heapUsed;
    for (let index = 5000; index < 20_000; index++) sources[index % 2]?.protect(token(index));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 2 ** 20);
  });

  it('takes no ordinary text for a part of a secret', () => {
    const redactor = createRedactor();
    const source = redactor.ofSource();
    for (const secret of Object.values(SECRETS)) source.protect(secret);
    source.protect('aaaaaaaaaaaaaaaaaaaa');
    source.protect('00000000-0000-0000-0000-000000000000');
    const content = {
      id: 'a7c3e1f0-1111-4222-8333-944445555666',
      zero: '00000000-0000-0000-0000-000000000001',
      line: '-----------------------------------------------',
      text: 'The quick brown fox jumps over the lazy dog, and aaaaaaaaaaaaaaaaaa',
      hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      base64: btoa('The quick brown fox jumps over the lazy dog'),
    };
    const body = Buffer.from(JSON.stringify(content));
    expect(source.unechoed({ headers: new Headers(), body }, content)).toBe(content);
  });

  it('reads letters that are written as escapes, and other encodings', () => {
    const secrets = createRedactor().ofSource();
    secrets.protect(SECRETS.token as string);
    const text = `{"a":"${SECRETS.token}"}`;
    const escaped = text.replace(/[A-Za-z0-9](?=.*"})/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
    const bodies: [Buffer, Record<string, string>][] = [
      [Buffer.from(escaped), {}],
      [Buffer.from(`\ufeff${text}`, 'utf16le'), {}],
      [Buffer.from(text, 'utf16le'), { 'content-type': 'application/json; charset=utf-16' }],
    ];
    for (const [body, headers] of bodies)
      expect(secrets.unechoed({ headers: new Headers(headers), body }, JSON.parse(text))).toEqual({ a: '[removed]' });
  });

  it('looks through a long reply wherever it is cut', async () => {
    const secrets = createRedactor().ofSource();
    const token = 'Zq7-kLm3nPx9'; // no longer than what is looked for
    secrets.protect(token);
    const text = `[{"a":"clean"},{"a":"x ${token} y"},{"a":"clean"}]`;
    for (let cut = 1; cut < text.length; cut++) {
      const pieces = [text.slice(0, cut), text.slice(cut)].map((piece) => Buffer.from(piece));
      async function* read(body: AsyncIterable<Buffer>) {
        const chunks: Buffer[] = [];
        for await (const chunk of body) chunks.push(chunk);
        for (const item of JSON.parse(Buffer.concat(chunks).toString()) as unknown[]) yield [item];
        return { rest: token };
      }
      async function* body() {
        yield* pieces;
      }
      const parts = secrets.unechoedParts({ headers: new Headers(), body: body() }, read);
      const all: unknown[] = [];
      let end = await parts.next();
      for (; !end.done; end = await parts.next()) all.push(...end.value);
      expect([...all, end.value]).toEqual([
        { a: 'clean' },
        { a: 'x [removed] y' },
        { a: 'clean' },
        { rest: '[removed]' },
      ]);
    }
  });

  it('shows no secret that a value has under a name for secrets, however that is written', () => {
    const { clean } = createRedactor();
    expect(clean({ a: [{ ' Pass\u200bword ': 'x', 'ＡＰＩ-Key': ['y'], token: null, ok: 1 }] })).toEqual({
      a: [{ ' Pass\u200bword ': '[redacted]', 'ＡＰＩ-Key': '[redacted]', token: null, ok: 1 }],
    });
  });

  it.each([
    'eyJaaaaaa-',
    'keyJaaaaaaa',
    'eyJ',
    '"password":"',
    '"password":[',
    '\\"password\\":\\"',
    'password=',
    'authorization: ',
    'bearer ',
    'basic a',
    '://',
    'a://b',
    'TOK-7f3Q',
    'TOK-7f3QzLp',
    'a.',
    '\u001b[31m',
  ])('is through a megabyte of %j at once', (part) => {
    const { protect, scrub, show } = createRedactor();
    protect(SECRETS.token as string);
    const text = part.repeat(Math.ceil(1e6 / part.length));
    const startedAt = performance.now();
    scrub(text);
    show(text);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
