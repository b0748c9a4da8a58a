import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import { nearest } from '../../src/config/explain.ts';
import { parseConfigObject, parseConfigText } from '../../src/config/load.ts';
import { file, knownStreams, load, problems } from './helpers.ts';

describe('one mistake, one line that says where and what', () => {
  const cases: [what: string, text: string, line: string][] = [
    [
      'a wrong choice',
      file('    region: eu'),
      'sluice.yaml:7:13 sources[0].region: "eu" is not a region; did you mean "euc1"?',
    ],
    [
      'an unknown key at the top',
      file('', 'btach: {}'),
      'sluice.yaml:10:1 btach: is not a key here; did you mean "batch"?',
    ],
    [
      'an unknown key far below',
      file('    rate: { requests_per_secnd: 3 }'),
      'sluice.yaml:7:13 sources[0].rate.requests_per_secnd: is not a key here; did you mean "requests_per_second"?',
    ],
    [
      'an unknown key of a sink',
      file().replace('ndjson }', 'ndjson, rotate: 1h }'),
      'sluice.yaml:9:34 sinks[0].rotate: is not a key here; did you mean "rotate_size"?',
    ],
    [
      'a key like no other',
      file('    zzzzzzzz: 1', ''),
      'sluice.yaml:7:5 sources[0].zzzzzzzz: is not a key here; it is one of name, connector, region,',
    ],
    [
      'a hyphen for an underscore',
      file('    keep-original: true'),
      'sluice.yaml:7:5 sources[0].keep-original: is not a key here; did you mean "keep_original"?',
    ],
    ['a wrong type', file('    http: 3'), 'sluice.yaml:7:11 sources[0].http: 3 must be a mapping of keys to values'],
    [
      'a wrong switch',
      file('    keep_original: perhaps'),
      'sluice.yaml:7:20 sources[0].keep_original: "perhaps" must be true or false',
    ],
    [
      'a number for text',
      file().replace('t-1', '17'),
      'sluice.yaml:4:16 sources[0].tenant_id: 17 must be text (put it in quotes if it looks like a number)',
    ],
    [
      'text for a number',
      file('    rate: { concurrency: many }'),
      'sluice.yaml:7:26 sources[0].rate.concurrency: "many" must be a number',
    ],
    [
      'two sweeps over one range',
      file('    reading: { sweeps: [{ range: 1d, every: 1h }, { range: 24h, every: 2h }] }'),
      'sluice.yaml:7:24 sources[0].reading.sweeps: the list has two sweeps over the same range; keep the more frequent one',
    ],
    [
      'two ndjson sinks in one folder',
      file().replace('type: ndjson }', 'type: ndjson }\n  - { name: more, type: ndjson, path: sluice-out/ }'),
      'sluice.yaml:10:39 sinks[1].path: is the folder of sinks[0] (line 9) too; give every ndjson sink its own',
    ],
    [
      'parents for a stream that does not exist',
      file('    parents: { cylance.detections: [a] }'),
      'sluice.yaml:7:36 sources[0].parents.cylance.detections: is not a stream of cylance; did you mean "cylance.detection"?',
    ],
    [
      'half a page',
      file('    reading: { page_size: 1.5 }'),
      'sluice.yaml:7:27 sources[0].reading.page_size: 1.5 must be a whole number',
    ],
    [
      'too large',
      file('    reading: { page_size: 2000 }'),
      'sluice.yaml:7:27 sources[0].reading.page_size: 2000 is too large; the most is 1000',
    ],
    [
      'too small',
      file('', 'batch: { documents: 0 }'),
      'sluice.yaml:10:21 batch.documents: 0 is too small; the least is 1',
    ],
    [
      'a duration without a unit',
      file('    reading: { poll: 60 }'),
      'sluice.yaml:7:22 sources[0].reading.poll: 60 is not a duration; write a number with its unit: 500ms, 60s,',
    ],
    [
      'a duration in words',
      file('    reading: { poll: 1 minute }'),
      'sluice.yaml:7:22 sources[0].reading.poll: "1 minute" is not a duration;',
    ],
    [
      'too short',
      file('    reading: { poll: 5ms }'),
      'sluice.yaml:7:22 sources[0].reading.poll: "5ms" is too short; the least is 1s',
    ],
    [
      'a size without a unit',
      file('', 'batch: { bytes: 5 }'),
      'sluice.yaml:10:17 batch.bytes: 5 is not a size; write a number with its unit: 512KiB',
    ],
    [
      'too small a size',
      file('', 'batch: { bytes: 5B }'),
      'sluice.yaml:10:17 batch.bytes: "5B" is too small; the least is 1KiB',
    ],
    [
      'a bad name',
      file().replace('acme', 'Acme-1'),
      'sluice.yaml:2:11 sources[0].name: "Acme-1" is not a name; use lower case letters, digits and underscores',
    ],
    ['a long name', file().replace('acme', 'a'.repeat(101)), 'is too long; the most is 100 bytes'],
    [
      'a missing key',
      file().replace('tenant_id: t-1', 'region: na'),
      'sluice.yaml:2:5 sources[0].tenant_id: is required',
    ],
    ['a key with nothing behind it', file().replace('t-1', ''), 'sluice.yaml:4:5 sources[0].tenant_id: is required'],
    [
      'no connector',
      file().replace('connector: cylance', 'region: na'),
      'sluice.yaml:2:5 sources[0].connector: is required; it is one of cylance',
    ],
    [
      'an unknown connector',
      file().replace('cylance', 'cylanse'),
      'sluice.yaml:3:16 sources[0].connector: "cylanse" is not a connector; did you mean "cylance"?',
    ],
    [
      'an unknown type',
      file().replace('ndjson', 'kafak'),
      'sluice.yaml:9:26 sinks[0].type: "kafak" is not a type; did you mean "kafka"?',
    ],
    [
      'an unknown stream',
      file('    streams: [cylance.detections]'),
      'sluice.yaml:7:15 sources[0].streams[0]: "cylance.detections" is not a stream of cylance; did you mean "cylance.detection"?',
    ],
    [
      'a stream twice',
      file('    streams: [cylance.threat, cylance.threat]'),
      'sluice.yaml:7:31 sources[0].streams[1]: "cylance.threat" is there twice',
    ],
    [
      'an unknown sink',
      file('    sinks: [file]'),
      'sluice.yaml:7:13 sources[0].sinks[0]: "file" is not a sink of this file; did you mean "files"?',
    ],
    [
      'two sinks of one name',
      file('', '  - { name: files, type: ndjson }'),
      'sluice.yaml:10:13 sinks[1].name: "files" is already the name of sinks[0] (line 9)',
    ],
    ['no sinks', 'sources: []\n', 'sluice.yaml:1:1 sinks: is required'],
    [
      'a URL that is none',
      file('    base_url: protectapi'),
      'sluice.yaml:7:15 sources[0].base_url: "protectapi" is not a URL; it begins with https:// or http://',
    ],
    [
      'a missing variable',
      file().replace('t-1', `\${TENNANT}`),
      `sluice.yaml:4:16 sources[0].tenant_id: the environment variable TENNANT is not set; set it, or write a default: \${TENNANT:-...}`,
    ],
    [
      'a broken reference',
      file().replace('t-1', `'\${TEN'`),
      'sluice.yaml:4:16 sources[0].tenant_id: has a "${" that is no reference;',
    ],
    [
      'a missing secret file',
      file().replace(`\${SECRET}`, 'file:/run/no'),
      'sluice.yaml:6:25 sources[0].application_secret: the file /run/no of a secret cannot be read (no such file)',
    ],
    [
      'an empty secret file',
      file().replace(`\${SECRET}`, 'file:empty'),
      'sluice.yaml:6:25 sources[0].application_secret: the file empty of a secret is empty',
    ],
    [
      'a missing certificate',
      file('    http: { ca_file: ca.pem }'),
      'sluice.yaml:7:22 sources[0].http.ca_file: the file ca.pem cannot be read (no such file)',
    ],
    [
      'no nodes',
      file('', '  - { name: es, type: elasticsearch }'),
      'sluice.yaml:10:5 sinks[1].nodes: is required (or `cloud_id`)',
    ],
    [
      'two ways in',
      file('', '  - { name: es, type: elasticsearch, nodes: ["http://x"], cloud_id: y }'),
      'sluice.yaml:10:69 sinks[1].cloud_id: excludes `nodes`',
    ],
    [
      'a user without a password',
      file('', '  - { name: es, type: elasticsearch, nodes: ["http://x"], username: y }'),
      'sinks[1].password: is required where `username` is given',
    ],
    [
      'two ways to log in',
      file(
        '',
        `  - { name: es, type: elasticsearch, nodes: ["http://x"], username: y, password: '\${SECRET}', api_key: '\${SECRET}' }`,
      ),
      'sinks[1].api_key: excludes `username` and `password`',
    ],
    [
      'two ways to let documents expire',
      file('', '  - { name: es, type: elasticsearch, nodes: ["http://x"], retention: 90d, ilm_policy: y }'),
      'sinks[1].ilm_policy: excludes `retention`; keep one of them',
    ],
    ['an open quote', 'sources: "x', 'sluice.yaml:1:12 this is not valid YAML: Missing closing "quote'],
    ['a tab', 'sources:\n\t- name: x', 'sluice.yaml:2:1 this is not valid YAML: Tabs are not allowed as indentation'],
    ['a key twice', file('    region: na\n    region: us'), 'sluice.yaml:8:5 this key is there twice'],
    [
      'an unquoted reference in braces',
      file(`    rate: { concurrency: \${SECRET} }`),
      'between { } or [ ] a reference belongs in quotes',
    ],
    ['a list for the whole', '- 1', 'sluice.yaml:1:1 the config must be a mapping of keys to values'],
    ['two documents', `${file()}\n---\na: 1`, 'there is a second document; the config is one'],
    ['an endless alias', 'sources: &a [*a]\nsinks: []', 'holds too much'],
    ['an empty file', '# nothing\n', 'sluice.yaml: the config file is empty'],
  ];
  it.each(cases)('%s', (_what, text, line) => {
    const found = problems(text, { files: { empty: '\n' } });
    expect(found.join('\n')).toContain(line);
  });

  it('reports everything at once, in the order of the file, each place once', () => {
    const found = problems(
      `sources:
  - { name: A, connector: cylance, region: eu, tenant_id: '\${NO}', application_id: 5, application_secret: x, sinks: [y] }
  - { name: A, connector: cylance, tenant_id: t, application_id: a, application_secret: x, strems: [] }
sinks:
  - { name: x, type: ndjson, rotate_every: 1 }
wat: 1`,
    );
    expect(found.map((line) => line.split(' ')[1])).toEqual([
      'sources[0].name:',
      'sources[0].region:',
      'sources[0].tenant_id:',
      'sources[0].application_id:',
      'sources[0].sinks[0]:',
      'sources[1].name:',
      'sources[1].strems:',
      'sinks[0].rotate_every:',
      'wat:',
    ]);
  });

  it('says how to get a file when there is none', () => {
    try {
      load('', {
        readFile: () => {
          throw Object.assign(new Error('x'), { code: 'ENOENT' });
        },
      });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        kind: 'usage',
        message: 'sluice.yaml: there is no such config file',
        advice: expect.stringContaining('sluice demo'),
      });
    }
  });
});

describe('no secret in a message', () => {
  const secret = 'hunter2-hunter2';
  const texts = [
    file().replace('t-1', '[1]').replace(`\${SECRET}`, `[${secret}]`),
    file().replace(`\${SECRET}`, `{ a: ${secret} }`),
    file(`    region: \${SECRET}`),
    file(`    reading: { poll: '\${SECRET}', page_size: '\${SECRET}', sweeps: ['\${SECRET}'] }`),
    file(`    base_url: \${SECRET}`),
    file(`    streams: ['\${SECRET}']`),
    file(`    sinks: ['x\${SECRET}']`),
    file().replace('acme', `\${SECRET}`).replace('t-1', '[]'),
    file(`    http: { proxy: 'ftp://u:${secret}@host' }`),
    file().replace(`\${SECRET}`, `"${secret}\\q"`),
    file().replace(`\${SECRET}`, `@${secret}`),
    file().replace(`\${SECRET}`, `*${secret}`),
    file().replace(`\${SECRET}`, `!${secret} x`),
    file().replace(`\${SECRET}`, `&a &${secret} x`),
    file().replace(`\${SECRET}`, `|${secret}\n      x`),
    file().replace(`\${SECRET}`, `"${secret}`),
    file().replace(`\${SECRET}`, `x: ${secret}`),
    file().replace(`\${SECRET}`, `[a] ${secret}`),
    file().replace(`\${SECRET}`, `'a' ${secret}`),
  ];
  it.each(texts.map((text, index) => [index, text] as const))('text %i', (_index, text) => {
    expect(problems(text, { env: { SECRET: secret } }).join('\n')).not.toContain(secret);
  });
});

describe('junk', () => {
  const attempt = (action: () => unknown) => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      expect(error.kind).toBe('usage');
      expect(error.message).not.toMatch(/undefined|\[object|NaN/);
    }
  };
  const options = { env: {}, knownStreams };
  const words = fc.constantFrom(
    'sources',
    'sinks',
    '- ',
    ': ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '&a',
    '*a',
    '<<',
    '!x',
    '"',
    "'",
    '|',
    '>',
    '#',
    '%',
    '@',
    '---',
    '?',
    '~',
    '__proto__',
    'name',
    'constructor',
    'type',
    'ndjson',
    '$' + '{',
    '1',
    '\t',
    '\u0000',
    '\ud800',
  );

  it('never ends in anything but a usage error: text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.array(words, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (junk) => attempt(() => parseConfigText(junk, 'junk.yaml', options))),
      { numRuns: 1500 },
    );
  });

  it('never ends in anything but a usage error: a valid file with one part replaced', () => {
    const valid = file('    region: na\n    reading: { poll: 60s, sweeps: [{ range: 1d, every: 1h }] }');
    const cut = fc.tuple(fc.nat(valid.length), fc.nat(12), fc.array(words, { maxLength: 4 }));
    fc.assert(
      fc.property(cut, ([at, length, parts]) => {
        const junk = valid.slice(0, at) + parts.join('') + valid.slice(at + length);
        attempt(() => parseConfigText(junk, 'junk.yaml', { ...options, env: { SECRET: 's' } }));
      }),
      { numRuns: 1500 },
    );
  });

  it('never ends in anything but a usage error: values', () => {
    const key = fc.constantFrom(
      'sources',
      'sinks',
      'log',
      'batch',
      'name',
      'connector',
      'type',
      'reading',
      'http',
      'streams',
      'nodes',
      'sweeps',
    );
    const leaf = fc.oneof(
      fc.constantFrom('cylance', 'ndjson', 'elasticsearch', '60s'),
      fc.jsonValue({ maxDepth: 1 }),
      fc.constant(undefined),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (junk) => attempt(() => parseConfigObject(junk, options))),
      { numRuns: 1500 },
    );
  });

  it('is not brought down by aliases that multiply', () => {
    const bomb = Array.from(
      { length: 30 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? '1'
            : Array(9)
                .fill(`*a${i - 1}`)
                .join(', ')
        }]`,
    );
    expect(problems(bomb.join('\n')).join('\n')).toContain('holds too much');
  });
});

it('the nearest word', () => {
  expect(nearest('eu', ['na', 'us', 'au', 'euc1'])).toBe('euc1');
  expect(nearest('tenat_id', ['tenant_id', 'application_id'])).toBe('tenant_id');
  expect(nearest('nmae', ['name', 'rate'])).toBe('name');
  expect(nearest('xyz', ['name', 'rate'])).toBeUndefined();
});

describe('a duration that is none, negative, or zero where that has no meaning', () => {
  /** The paths of all durations, with the least that each takes. */
  function durations(schema: Schema, path: Path = []): Path[] {
    const inner = [
      ...Object.entries(schema.properties ?? {}).flatMap(([key, each]) => durations(each, [...path, key])),
      ...(schema.items === undefined ? [] : durations(schema.items, [...path, 0])),
      ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((each) => durations(each, path)),
    ];
    return schema.pattern?.includes('(ms|s|m|h|d)') ? [path, ...inner] : inner;
  }
  const schema = JSON.parse(readFileSync('docs/config.schema.json', 'utf8')) as Schema;
  const found = new Map(durations(schema).map((path) => [written(path), path]));
  const paths = [...found.values()];
  const mayBeZero = /lookback|overlap|deadline$|detail_patience|detail_refresh_for|batch\.wait/;

  it('are found', () => expect(paths.length).toBeGreaterThan(20));

  it.each(paths.map((path) => [written(path), path] as const))('%s', (name, path) => {
    const refused: [text: string, says: string][] = [
      ['-1s', 'is not a duration'],
      ['soon', 'is not a duration'],
      ['1', 'is not a duration'],
      ['99999d', 'is too long'],
      ...(mayBeZero.test(name) ? [] : [['0s', 'is too short'] as [string, string]]),
    ];
    for (const [text, says] of refused) expect(refusal(path, text)).toContain(`${name}: "${text}" ${says}`);
  });

  function written(path: Path): string {
    return path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .slice(1);
  }

  /** What a config with this value at this path is refused with. */
  function refusal(path: Path, value: string): string {
    const kinds = schema.properties?.sinks?.items?.oneOf ?? schema.properties?.sinks?.items?.anyOf ?? [];
    const kind = path[0] === 'sinks' ? kinds.find(({ properties }) => properties?.[String(path[2])]) : undefined;
    const source = { name: 'acme', connector: 'cylance', tenant_id: 't', application_id: 'a', application_secret: 's' };
    const sink = { name: 'out', type: kind?.properties?.type?.const ?? 'ndjson' };
    try {
      parseConfigObject(changed({ sources: [source], sinks: [sink] }, path, value), { knownStreams });
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  }

  function changed(at: unknown, [step, ...rest]: Path, value: string): unknown {
    if (step === undefined) return value;
    const inner = (at ?? (typeof step === 'number' ? [] : {})) as Record<string | number, unknown>;
    return Object.assign(inner, { [step]: changed(inner[step], rest, value) });
  }
});

type Path = readonly (string | number)[];

interface Schema {
  const?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  pattern?: string;
}
