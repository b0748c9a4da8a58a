import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../src/api/values.ts';
import { exampleConfig, loadConfig, parseConfigObject } from '../../src/config/load.ts';
import { substitute } from '../../src/config/yaml.ts';
import { file, knownStreams, load, problems, whole } from './helpers.ts';

describe('a valid file', () => {
  it('the example loads, and everything else has its default', () => {
    const env = { CYLANCE_TENANT_ID: 't', CYLANCE_APPLICATION_ID: 'a', CYLANCE_APPLICATION_SECRET: 'secret-1' };
    const { config, warnings } = load(exampleConfig(), { env });
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      state: { path: 'sluice-state' },
      log: { level: 'info', format: 'auto' },
      health: { port: 0, host: '127.0.0.1' },
      batch: { documents: 5000, bytes: 2 * 1024 ** 2, waitMs: 1000 },
      sinks: [{ name: 'files', type: 'ndjson', path: 'sluice-out', rotateBytes: 128 * 1024 ** 2, rotateMs: 3_600_000 }],
    });
    const [source] = config.sources;
    expect(source).toMatchObject({
      name: 'acme',
      region: 'na',
      tenantId: 't',
      streams: ['cylance.detection', 'cylance.threat'],
      sinks: ['files'],
      rate: { requestsPerSecond: 10, concurrency: 8 },
      reading: {
        lookbackMs: 86_400_000,
        pollMs: 60_000,
        sweeps: [
          { rangeMs: 86_400_000, everyMs: 3_600_000 },
          { rangeMs: 30 * 86_400_000, everyMs: 86_400_000 },
        ],
        detailRefreshMs: [900_000, 3_600_000, 14_400_000, 86_400_000],
      },
    });
    expect(source?.applicationSecret()).toBe('secret-1');
  });

  it('several sources share settings through an anchor', () => {
    const { config } = load(`sources:
  - &shared
    name: one
    connector: cylance
    tenant_id: t-1
    application_id: a
    application_secret: \${SECRET}
    reading: { poll: 5m }
  - { <<: *shared, name: two, tenant_id: t-2, region: euc1, sinks: [es] }
sinks:
  - { name: files, type: ndjson, compression: zstd }
  - { name: es, type: elasticsearch, nodes: ['https://h:9200/'], username: u, password: '\${SECRET}', compression: none }
`);
    expect(
      config.sources.map(({ name, tenantId, region, sinks, reading }) => [
        name,
        tenantId,
        region,
        sinks,
        reading.pollMs,
      ]),
    ).toEqual([
      ['one', 't-1', 'na', ['files', 'es'], 300_000],
      ['two', 't-2', 'euc1', ['es'], 300_000],
    ]);
    const es = config.sinks[1];
    if (es?.type !== 'elasticsearch' || es.auth.kind !== 'basic') throw new Error('not what was configured');
    expect(es).toMatchObject({
      nodes: ['https://h:9200'],
      compression: false,
      maxBulkBytes: 5 * 1024 ** 2,
      requestTimeoutMs: 30_000,
    });
    expect(es.auth.password()).toBe('very-secret-1');
  });

  it('keys with nothing behind them are keys left out', () => {
    const { config } = load(file('    base_url:\n    console_url: ~\n    reading:', 'log:\nbatch: { wait: }'));
    expect(config.sources[0]?.baseUrl).toBeUndefined();
    expect(config.sources[0]?.reading.pollMs).toBe(60_000);
    expect(config.batch.waitMs).toBe(1000);
  });

  it('paths start at the folder of the file', () => {
    const text = `${file()}\nstate: { path: ../state }\n`;
    const options = { env: { SECRET: 's' }, knownStreams, readFile: () => text };
    expect(loadConfig('/etc/sluice/sluice.yaml', options).config.state.path).toBe('/etc/state');
    expect(loadConfig('conf/sluice.yaml', options).config.sinks[0]).toMatchObject({ path: 'conf/sluice-out' });
  });

  it('from an object', () => {
    const source = {
      name: 'demo',
      connector: 'cylance',
      tenant_id: 't',
      application_id: 'a',
      application_secret: 's$' + '{x}',
    };
    const { config, warnings } = whole(
      parseConfigObject({ sources: [source], sinks: [{ name: 'x', type: 'ndjson' }] }, { knownStreams }),
    );
    expect(config.sources[0]?.applicationSecret()).toBe('s$' + '{x}');
    expect(warnings).toEqual([]);
  });
});

describe('the environment', () => {
  it('replaces after parsing, so that no value can break the file', () => {
    const value = `"it's: [a] #\n- b: {*x`;
    const { config } = load(file().replace('t-1', `\${T}`), { env: { SECRET: value, T: '12345' } });
    expect(config.sources[0]?.applicationSecret()).toBe(value);
    expect(config.sources[0]?.tenantId).toBe('12345');
  });

  it('numbers, switches, durations and choices may come from it', () => {
    const { config } = load(
      file(
        `    keep_original: \${KEEP}\n    reading: { page_size: '\${SIZE}', poll: '\${POLL:-5m}' }`,
        `health: { port: '\${PORT:-8080}' }`,
      ),
      { env: { SECRET: 's', KEEP: 'true', SIZE: '50' } },
    );
    expect(config.sources[0]).toMatchObject({ keepOriginal: true, reading: { pageSize: 50, pollMs: 300_000 } });
    expect(config.health.port).toBe(8080);
  });

  it('an empty variable leaves an optional key out, and is named where the key is needed', () => {
    const text = file(`    base_url: \${URL}`);
    expect(load(text, { env: { SECRET: 's', URL: '' } }).config.sources[0]?.baseUrl).toBeUndefined();
    expect(problems(file(), { env: { SECRET: '' } })).toEqual([
      `sluice.yaml:6:5 sources[0].application_secret: is required; \${SECRET} is empty`,
    ]);
  });

  it('references', () => {
    const env = { A: 'one', B: '', C: `\${A}` };
    const of = (text: string) => substitute(text, env).text;
    expect(of(`x\${A}y\${A}`)).toBe('xoneyone');
    expect(of(`\${B:-two}\${N:-}\${A:-no}`)).toBe('twoone');
    expect(of(`$\${A} $A {A} $`)).toBe(`\${A} $A {A} $`);
    expect(of(`\${C}`)).toBe(`\${A}`);
    expect(substitute(`\${toString}`, env).problems).toHaveLength(1);
    expect(substitute(`\${A:-x}`, env).variables).toEqual(['A']);
  });
});

describe('secrets', () => {
  it('a new line at the end of one is cut off, from a variable and from a file', () => {
    const options = { env: { SECRET: 'from-a-variable\n' }, files: { secret: 'from-a-file\r\n' } };
    expect(load(file(), options).config.sources[0]?.applicationSecret()).toBe('from-a-variable');
    const withFile = file().replace(`\${SECRET}`, 'file:secret');
    expect(load(withFile, options).config.sources[0]?.applicationSecret()).toBe('from-a-file');
    expect(problems(file(), { env: { SECRET: '\n' } }).join()).toMatch(/application_secret: the secret is empty/);
  });

  it('a file is read again at each call, and every value is announced', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
    try {
      writeFileSync(join(folder, 'secret'), 'first-secret\n');
      writeFileSync(join(folder, 'sluice.yaml'), file().replace(`\${SECRET}`, 'file:secret'));
      const seen: string[] = [];
      const options = { env: {}, knownStreams, onSecret: (secret: string) => seen.push(secret) };
      const { config, warnings } = whole(loadConfig(join(folder, 'sluice.yaml'), options));
      expect(warnings).toEqual([]);
      expect(seen).toEqual(['first-secret']);
      writeFileSync(join(folder, 'secret'), 'second-secret\r\n');
      expect(config.sources[0]?.applicationSecret()).toBe('second-secret');
      expect(seen).toEqual(['first-secret', 'second-secret']);
      rmSync(join(folder, 'secret'));
      expect(() => config.sources[0]?.applicationSecret()).toThrow(/secret cannot be read \(no such file\)/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('one in the file works, with a warning that does not repeat it', () => {
    const { config, warnings } = load(file().replace(`\${SECRET}`, 'plain-text-secret'));
    expect(config.sources[0]?.applicationSecret()).toBe('plain-text-secret');
    expect(warnings).toEqual([
      `sluice.yaml:6:25 sources[0].application_secret: a secret stands in the file itself; write \${NAME} or file:/path instead`,
    ]);
  });

  it('a config that is printed shows none', () => {
    expect(JSON.stringify(load(file()).config)).not.toContain('very-secret-1');
  });

  describe('credentials that anybody on the network could read', () => {
    const OPEN = 'without https, the credentials are readable on the network';
    const sink = (more: string) =>
      file('', '').replace('{ name: files, type: ndjson }', `{ name: es, type: elasticsearch, ${more} }`);
    const key = `api_key: '\${SECRET}'`;

    it.each([
      [
        'a source',
        file('    base_url: http://gateway.example.com/api'),
        `sluice.yaml:7:15 sources[0].base_url: ${OPEN}`,
      ],
      [
        'a proxy',
        file('    http: { proxy: "http://me:pw@10.0.0.1:3128" }').replace('pw', `\${SECRET}`),
        `sources[0].http.proxy: ${OPEN}`,
      ],
      ['a node', sink(`nodes: [https://a:9200, http://b:9200], ${key}`), `sinks[0].nodes[1]: ${OPEN}`],
      ['a user', sink(`nodes: [http://b:9200], username: u, password: '\${SECRET}'`), `sinks[0].nodes[0]: ${OPEN}`],
      ['an address', sink(`nodes: ["http://[2001:db8::1]:9200"], ${key}`), `sinks[0].nodes[0]: ${OPEN}`],
      ['a name that only begins so', sink(`nodes: [http://localhost.example.com:9200], ${key}`), OPEN],
      ['a name that begins with 127', sink(`nodes: [http://127.0.0.1.example.com:9200], ${key}`), OPEN],
    ])('are a warning: %s', (_what, text, warning) => {
      const { warnings } = load(text);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(warning);
      expect(warnings.join()).not.toContain('very-secret-1');
    });

    it.each([
      ['TLS', file('    base_url: https://gateway.example.com')],
      ['this machine', file('    base_url: http://localhost:8480')],
      ['its address', file('    base_url: http://127.8.9.1:8480')],
      ['its other address', file('    base_url: "http://[::1]:8480"')],
      ['its address in another form', file('    base_url: "http://[::ffff:127.0.0.1]:8480"')],
      ['a proxy without a password', file('    http: { proxy: "http://proxy.example.com:3128" }')],
      ['no credentials', sink('nodes: [http://b:9200]')],
      ['a node on this machine', sink(`nodes: [http://localhost:9200], ${key}`)],
    ])('are none: %s', (_what, text) => expect(load(text).warnings).toEqual([]));
  });

  it('the password of a proxy is one', () => {
    const seen: string[] = [];
    const text = file('    http: { proxy: "http://me:pass%20word@proxy:3128", insecure: true }');
    const { warnings } = load(text, { onSecret: (secret) => seen.push(secret) });
    expect(seen).toContain('pass word');
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(
      /a secret stands in the file itself; .*; without https, the credentials are readable/,
    );
    expect(warnings.join()).not.toContain('pass%20word');
  });
});

it('units', () => {
  expect(['500ms', '60s', '15m', '24h', '30d', '1.5h'].map(parseDuration)).toEqual([
    500, 60e3, 900e3, 864e5, 2592e6, 54e5,
  ]);
  expect(['', '5', '5 weeks', '-1s', '1e9s', '9999999999999999d', '1s1', 's'].map(parseDuration)).toEqual(
    Array(8).fill(undefined),
  );
  expect(['10B', '1KiB', '64MiB', '2 GiB', '1MB'].map(parseSize)).toEqual([10, 1024, 67108864, 2147483648, 1e6]);
  expect(['', '5', '1kb', '1 TiB'].map(parseSize)).toEqual(Array(4).fill(undefined));
});
