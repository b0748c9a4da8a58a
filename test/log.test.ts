import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger, type LogOptions } from '../src/observe/log.ts';
import { createRedactor } from '../src/redaction/redactor.ts';

let lines: string[] = [];
beforeEach(() => {
  lines = [];
});
const logger = (options: Partial<LogOptions> = {}) =>
  createLogger({
    level: 'trace',
    format: 'json',
    destination: { write: (line: string) => void lines.push(line) },
    ...options,
  });
const output = () => lines.join('');

describe.each(['json', 'pretty'] as const)('%s: no secret comes out', (format) => {
  const secret = 'p"w\\d\nx-é&1';
  it.each<[string, (log: ReturnType<typeof logger>['log']) => void]>([
    ['a message', (log) => log.info(`it is ${secret}!`)],
    ['a message within JSON', (log) => log.info(JSON.stringify({ reply: secret }))],
    ['JSON within JSON', (log) => log.info(JSON.stringify({ body: JSON.stringify({ reply: secret }) }))],
    ['a URL', (log) => log.info(`https://h/?q=${encodeURIComponent(secret)}`)],
    ['Base64', (log) => log.info(Buffer.from(secret).toString('base64'))],
    ['a value', (log) => log.info({ anything: { deep: [secret] } }, 'x')],
    ['an error', (log) => log.error(new Error(`failed with ${secret}`))],
    ['the cause of an error', (log) => log.error({ err: new Error('x', { cause: new Error(secret) }) }, 'y')],
    ['a member of an error', (log) => log.error(Object.assign(new Error('x'), { config: { key: secret } }))],
    ['the bindings of a child', (log) => log.child({ what: secret }).warn('x')],
  ])('in %s', (_where, write) => {
    const { log, protect } = logger({ format });
    protect(secret);
    write(log);
    expect(lines).toHaveLength(1);
    for (const part of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), 'x-é&1', 'd\\nx'])
      expect(output()).not.toContain(part);
    if (format === 'json') expect(() => JSON.parse(output())).not.toThrow();
  });

  it.each<[string, object]>([
    ['a member', { application_secret: 'hidden-42' }],
    ['deep', { a: [{ b: { Password: 'hidden-42' } }] }],
    ['another spelling', { appSecret: 'hidden-42', 'API-Key': 'hidden-42', access_token: 'hidden-42' }],
    ['a quote in it', { password: 'x"hidden-42' }],
    ['a list or a mapping', { password: ['hidden-42'], token: { value: 'hidden-42' } }],
    ['a header', { headers: { authorization: 'Bearer hidden-42' } }],
    ['JSON as text', { body: '{"a": 1, "download_url": "https://x\\"hidden-42", "b": 2}' }],
    ['a header in text', { text: 'sent Authorization: Basic hidden-42== and more' }],
    ['a scheme in text', { text: 'sent ApiKey hidden-42' }],
    ['a form', { text: 'a=1&password=hidden-42&b=2' }],
    ['credentials in a URL', { text: 'via http://me:hidden-42@proxy:3128/' }],
    ['a token', { text: 'got eyJhbGciOiJ.hidden-42.abc' }],
  ])('nobody registered: %s', (_where, object) => {
    const { log } = logger({ format });
    log.info(object, 'x');
    log.child(object).info('y');
    expect(lines).toHaveLength(2);
    expect(output()).not.toContain('hidden-42');
    if (format === 'json') for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });
});

it('json is ECS', () => {
  const { log } = logger();
  log
    .child({ pipeline: 'acme/cylance.detection/files' })
    .warn({ err: new Error('boom') }, 'token expired, basic information');
  const [line] = lines.map((each) => JSON.parse(each) as Record<string, unknown>);
  expect(line).toMatchObject({
    'log.level': 'warn',
    message: 'token expired, basic information',
    'service.name': 'sluice',
    'ecs.version': expect.any(String),
    '@timestamp': expect.stringMatching(/^\d{4}-.*Z$/),
    pipeline: 'acme/cylance.detection/files',
  });
  expect(JSON.stringify(line)).toContain('boom');
});

it('pretty is for people', () => {
  const { log } = logger({ format: 'pretty' });
  log.info({ records: 5 }, 'window accepted');
  log.error(new Error('boom'));
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: window accepted \{"records":5\}\n$/);
  expect(lines[1]).toContain('boom');
});

it('levels', () => {
  const { log } = logger({ level: 'warn' });
  log.info('no');
  log.warn('yes');
  expect(lines).toHaveLength(1);
});

describe('the redactor', () => {
  it('can be there before the logger', () => {
    const redactor = createRedactor();
    const { log, scrub } = logger({ redactor });
    redactor.protect('late-secret');
    log.info('a late-secret');
    expect(output()).toContain('a [redacted]');
    expect(scrub('late-secret')).toBe('[redacted]');
  });

  it('belongs to its logger alone', () => {
    logger().protect('only-here');
    expect(logger().scrub('only-here')).toBe('only-here');
  });

  it('leaves short values and ordinary text alone', () => {
    const { protect, scrub } = createRedactor();
    protect('abc');
    protect('');
    for (const text of [
      'abc',
      'the secret of a source',
      'a token expired',
      'basic authentication',
      'bearer of news',
      '{"name":"x","user":"y"}',
      'https://host/path@x',
    ])
      expect(scrub(text)).toBe(text);
  });

  it('takes the longer of two that overlap', () => {
    const { protect, scrub } = createRedactor();
    protect('secret-one');
    protect('secret-one-and-two');
    expect(scrub('x secret-one-and-two y secret-one')).toBe('x [redacted] y [redacted]');
  });

  it('is quick with long lines', () => {
    const { protect, scrub } = createRedactor();
    protect('some-secret');
    const start = performance.now();
    for (const text of [
      'a.'.repeat(50_000),
      '\\"'.repeat(50_000),
      '"password":['.repeat(10_000),
      'eyJaaaaaaa'.repeat(10_000),
      '\\\\'.repeat(50_000),
    ])
      scrub(text);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
