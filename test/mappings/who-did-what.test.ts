/** Who did what, what artifacts say, and what was judged safe. */
import { describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { account } from '../../mappings/ecs-names.ts';
import { parseInOrder } from '../../src/index.ts';
import { documentOf, recordsOf } from '../fixtures/documents.ts';

type Loose = Record<string, unknown>;
const registered = (name: string) => streams.find(({ stream }) => stream.name === name) as (typeof streams)[number];
const map = (name: string, record: unknown) => documentOf(registered(name), { about: '', record }) as Loose;
const TIME = '2026-05-04T08:00:00Z';

describe('actor and target of a detection', () => {
  const played = (source: string, Uid: string, Type: string) => ({ Source: source, Artifact: { Uid, Type } });
  const started = [played('Instigating Process', 'w', 'Process'), played('Target Process', 's', 'Process')];
  const dropped = [played('Instigating Process', 's', 'Process'), played('Target File', 'f', 'File')];
  const artifacts = [
    { Uid: 'w', Type: 'Process', Name: 'winword.exe' },
    { Uid: 's', Type: 'Process', Name: 'powershell.exe' },
    { Uid: 'f', Type: 'File', Path: 'c:\\temp\\dropped.exe' },
  ];
  const detection = (states: string) =>
    map(
      'cylance.detection',
      parseInOrder(
        `{"Id":"d","OccurrenceTime":"${TIME}","AssociatedArtifacts":${JSON.stringify(artifacts)},"ArtifactsOfInterest":${states}}`,
      ),
    );

  test.each([
    ['Z', 'A'],
    ['A', 'Z'],
    ['10', '2'],
    ['2', '10'],
  ])('come from the first state of the text, whatever it is called (%s, %s)', (first, second) => {
    const document = detection(`{"${first}":${JSON.stringify(started)},"${second}":${JSON.stringify(dropped)}}`);
    expect(document).toMatchObject({
      process: { name: 'winword.exe' },
      cylance: { detection: { target_process: { name: 'powershell.exe' } } },
    });
    expect(document.file).toBeUndefined();
    const other = detection(`{"${first}":${JSON.stringify(dropped)},"${second}":${JSON.stringify(started)}}`);
    expect(other).toMatchObject({ process: { name: 'powershell.exe' }, file: { name: 'dropped.exe' } });
    for (const one of [document, other]) {
      const text = JSON.stringify((one.cylance as { detection: Loose }).detection.artifacts_of_interest);
      for (const word of [`"${first}"`, `"${second}"`, 'Target File', 'Target Process']) expect(text).toContain(word);
    }
  });

  test('a DNS artifact is the question', () => {
    const asked = [{ Uid: 'q', Type: 'DnsRequest', DomainName: 'new.example' }];
    const record = { Id: 'd', OccurrenceTime: TIME, AssociatedArtifacts: asked };
    expect(map('cylance.detection', record)).toMatchObject({
      dns: { question: { name: 'new.example' } },
      related: { hosts: ['new.example'] },
    });
  });
});

describe('parts of a detection that come as JSON in a text', () => {
  const PARTS = [
    ...['Device', 'DetectionRule', 'Product', 'AssociatedArtifacts', 'ArtifactsOfInterest', 'Responses'],
    ...['AppliedExceptions', 'Context', 'Trace', 'InvolvedArtifacts', 'Detector'],
  ];
  const records = recordsOf(registered('cylance.detection')) as Loose[];
  const objects = records.flatMap((record, index) =>
    PARTS.filter((part) => typeof record[part] === 'object' && record[part] !== null).map((part) => ({ index, part })),
  );

  test('are looked for in the fixtures', () => {
    expect(new Set(objects.map(({ part }) => part)).size).toBeGreaterThan(6);
  });

  test.each(objects)('$part of fixture $index is read as the object is', ({ index, part }) => {
    const record = records[index] as Loose;
    const { _id, ...document } = map('cylance.detection', record);
    const { _id: _other, ...same } = map('cylance.detection', { ...record, [part]: JSON.stringify(record[part]) });
    expect(same).toEqual(document);
  });

  test('also artifact by artifact, and a text that is no JSON stays one', () => {
    const artifacts = [JSON.stringify({ Uid: 'f', Type: 'File', Path: 'c:\\temp\\dropped.exe' }), '{not so'];
    const record = { Id: 'd', OccurrenceTime: TIME, AssociatedArtifacts: artifacts, Device: '{pc' };
    const document = map('cylance.detection', record);
    expect(document).toMatchObject({ file: { name: 'dropped.exe' }, host: { name: '{pc' } });
    expect(JSON.stringify(document)).toContain('{not so');
  });

  test('the states keep the order of the text', () => {
    const played = (Source: string, Uid: string) => [{ Source, Artifact: { Uid, Type: 'Process' } }];
    const [one, other] = [played('Instigating Process', 'w'), played('Instigating Process', 's')].map((state) =>
      JSON.stringify(state),
    );
    const ArtifactsOfInterest = `{"10":${one},"2":${other}}`;
    const AssociatedArtifacts = [
      { Uid: 'w', Type: 'Process', Name: 'winword.exe' },
      { Uid: 's', Type: 'Process', Name: 'powershell.exe' },
    ];
    const record = { Id: 'd', OccurrenceTime: TIME, AssociatedArtifacts, ArtifactsOfInterest };
    expect(map('cylance.detection', record)).toMatchObject({ process: { name: 'winword.exe' } });
  });
});

describe('an artifact of a detection', () => {
  const [md5, sha1, sha256] = ['ab'.repeat(16), 'cd'.repeat(20), 'ef'.repeat(32)];
  const around = (AssociatedArtifacts: unknown, more: Loose = {}) =>
    map('cylance.detection', { Id: 'd', OccurrenceTime: TIME, AssociatedArtifacts, ...more });
  const own = (document: Loose) => (document.cylance as { detection: Loose }).detection;

  test.each([
    [
      { Type: 'RegistryKey', KeyPath: 'HKLM\\Software\\Run', FilePath: 'c:\\t\\run.exe' },
      'registry.key',
      'Software\\Run',
    ],
    [{ Type: 'RegistryKey', Key: 'HKCU\\Software', ProcessName: 'word.exe' }, 'registry.key', 'Software'],
    [{ Type: 'File', FilePath: 'c:\\t\\run.exe', ProcessName: 'word.exe' }, 'file.name', 'run.exe'],
    [{ Type: 'File', FilePath: 'c:\\t\\run.exe', UserName: 'CORP\\ana' }, 'file.name', 'run.exe'],
    [{ Type: 'File', FilePath: 'c:\\t\\run.exe', UserName: 'CORP\\ana' }, 'file.owner', 'CORP\\ana'],
    [{ Type: 'File', FilePath: 'c:\\t\\run.exe', UserName: 'CORP\\ana' }, 'related.user', ['ana']],
    [{ Type: 'Process', PrimaryImagePath: 'c:\\t\\run.exe', UserName: 'CORP\\ana' }, 'process.name', 'run.exe'],
    [{ Type: 'Process', PrimaryImagePath: 'c:\\t\\run.exe', UserName: 'CORP\\ana' }, 'user.name', 'ana'],
    [{ Type: 'Module', FilePath: 'c:\\t\\run.dll', ProcessName: 'word.exe' }, 'dll.name', 'run.dll'],
    [{ Type: 'DnsRequest', ProcessName: 'word.exe' }, 'dns', undefined],
    [{ Type: 'DnsRequest', ProcessName: 'word.exe' }, 'related', undefined],
    [{ Type: 'User', UserName: 'ana', DomainName: 'CORP' }, 'related', { user: ['ana'] }],
  ])('is read as its kind means it: %j, %s', (artifact, path, expected) => {
    const document = around([artifact]);
    const found = path.split('.').reduce<unknown>((value, name) => (value as Loose | undefined)?.[name], document);
    expect(found).toEqual(expected);
    for (const content of Object.values(artifact))
      expect(JSON.stringify(own(document).artifacts)).toContain(JSON.stringify(content));
  });

  test('keeps the hashes of a process, in a result of an InstaQuery too', () => {
    const process = { Path: 'c:\\t\\run.exe', Md5: md5, Sha1: sha1, Sha256: sha256 };
    const expected = { process: { hash: { md5, sha1, sha256 } }, related: { hash: [md5, sha1, sha256] } };
    expect(around([{ Type: 'Process', ...process }])).toMatchObject(expected);
    const result = { Type: 'Process', Uid: 'u', Properties: process };
    expect(map('cylance.instaquery_result', { '@timestamp': TIME, Query: { Id: 'q' }, Result: result })).toMatchObject(
      expected,
    );
    const image = { ...process, PrimaryImage: { Sha256: '12'.repeat(32) } };
    expect(around([{ Type: 'Process', ...image }])).toMatchObject({
      process: { hash: { sha256: '12'.repeat(32), md5 } },
      related: { hash: ['12'.repeat(32), md5, sha1, sha256].sort() },
    });
  });

  test('is related, whatever state it played a part in', () => {
    const played = (Source: string, Uid: string) => ({ Source, Artifact: { Uid } });
    const states = {
      One: [played('Instigating Process', 'a'), played('Target Process', 'b')],
      Two: [played('Instigating Process', 'b'), played('Target Process', 'c')],
      Three: [played('Target DNS Request', 'q'), played('Target DNS Request', 'r')],
    };
    const artifacts = [
      { Uid: 'a', Type: 'Process', Name: 'a.exe', Owner: 'CORP\\one' },
      { Uid: 'b', Type: 'Process', Name: 'b.exe', Owner: 'CORP\\two' },
      { Uid: 'c', Type: 'Process', Name: 'c.exe', Owner: { Name: 'CORP\\three' }, PrimaryImageSha256: sha256 },
      { Uid: 'p', Type: 'Process', Name: 'p.exe', Parent: { Owner: 'CORP\\four', PrimaryImageMd5: md5 } },
      { Uid: 'f', Type: 'File', Path: 'c:\\t\\run.exe', Owner: 'CORP\\five', Sha1: sha1 },
      { Uid: 'q', Type: 'DnsRequest', DnsName: 'one.example' },
      { Uid: 'r', Type: 'DnsRequest', Name: 'two.example' },
    ];
    const document = around(artifacts, { ArtifactsOfInterest: states });
    expect(document.related).toEqual({
      hosts: ['one.example', 'two.example'],
      user: ['five', 'four', 'one', 'three', 'two'],
      hash: [md5, sha1, sha256],
    });
    expect(document.dns).toBeUndefined();
  });

  test('stands among what is none, or in a map', () => {
    const list = own(around([{ Uid: 'p', Type: 'Process' }, 'a text', ['a list'], 5]));
    expect(list.unfit).toEqual({ 'cylance.detection.artifacts': 'a text, ["a list"], 5' });
    const map = around({ Process: [{ Uid: 'p', Name: 'run.exe' }], File: { Path: 'c:\\t' }, key: { Type: 'User' } });
    expect(map).toMatchObject({ process: { name: 'run.exe' }, file: { path: 'c:\\t' } });
    expect(own(map).artifacts).toMatchObject([{ type: 'Process' }, { type: 'File' }, { uid: 'key', type: 'User' }]);
    expect(own(map).unfit).toBeUndefined();
    const other = own(around({ key: { Uid: 'p', Type: 'Process' }, list: [{ Uid: 'f', Type: 'File' }], Dns: [] }));
    expect(other.unfit).toEqual({ 'cylance.detection.artifacts': 'key, list' });
  });

  test.each([
    [{ Source: 'Instigating Process', Artifact: [{ Uid: 'p', Type: 'Process' }] }, undefined],
    [{ Source: ['Instigating Process', 'more'], Artifact: { Uid: ['p'], Type: ['Process', 7] } }, 'more, 7'],
    [{ Source: 'Instigating Process', Artifact: ['p', 'q'], Type: { a: 1 } }, 'q, {"a":1}'],
    [{ Source: 'Instigating Process', Artifact: { Uid: 'p' }, Uid: 'q' }, 'q'],
    [{ Source: { Name: 'x' }, Artifact: { Uid: 'p' } }, '{"Name":"x"}'],
    [{ Type: 'Process' }, '{"S":{"Type":"Process"}}'],
    ['a text', '{"S":"a text"}'],
  ])('is referred to by %j', (interest, left) => {
    const ArtifactsOfInterest = { S: [interest, { Source: 'Target File', Artifact: { Uid: 'f' } }] };
    const found = own(around([{ Uid: 'p', Type: 'Process', Name: 'run.exe' }], { ArtifactsOfInterest }));
    const isPart = JSON.stringify(interest).includes('Instigating');
    expect(found.process_role).toBe(isPart ? 'instigating' : 'only');
    expect((found.unfit as Loose | undefined)?.['cylance.detection.artifacts_of_interest']).toBe(left);
  });

  test('may be a number', () => {
    const ArtifactsOfInterest = { S: { Source: 'Instigating Process', Artifact: 7 } };
    expect(own(around([{ Uid: 7, Type: 'Process', Name: 'run.exe' }], { ArtifactsOfInterest }))).toMatchObject({
      process_role: 'instigating',
      artifacts_of_interest: [{ uid: '7' }],
    });
  });
});

test('what is nested hides nothing of what stands around it', () => {
  const artifact = { Type: 'Process', Name: 'outer', Process: { Name: 'run.exe' } };
  const status = { Odd: 'second', Code: { Odd: 'third' } };
  const results = { Results: [{ Odd: 'first', Status: status }] };
  const detection = map('cylance.detection', {
    ...{ Id: 'd', OccurrenceTime: TIME, AssociatedArtifacts: [artifact] },
    Responses: [{ ActionResults: { a: results } }],
  });
  expect(detection).toMatchObject({ process: { name: 'run.exe' } });
  for (const word of ['outer', 'first', 'second', 'third']) expect(JSON.stringify(detection)).toContain(`"${word}"`);
  const Result = { Type: 'File', Path: 'c:\\outer', Properties: { Path: 'c:\\inner' } };
  const result = map('cylance.instaquery_result', { '@timestamp': TIME, Query: { Id: 'q' }, Result });
  expect(result).toMatchObject({
    file: { path: 'c:\\inner' },
    cylance: { instaquery_result: { properties: { Path_: 'c:\\outer' } } },
  });
});

describe('what the tenant judged safe is no malware', () => {
  const sha256 = 'ab'.repeat(32);
  test.each([
    ['cylance.threat', { sha256, classification: 'Trusted', sub_classification: 'Local', cylance_score: -1 }],
    ['cylance.threat', { sha256, safelisted: true, cylance_score: -0.9 }],
    ['cylance.threat', { sha256, safelisted: 'Yes', cylance_score: -0.9 }],
    ['cylance.threat', { sha256, classification: ['Trusted'], cylance_score: -1 }],
    ['cylance.threat_device', row({ file_status: 'Whitelisted' }, { cylance_score: -1 })],
    ['cylance.threat_device', row({ file_status: ['Whitelisted'] }, { cylance_score: -1 })],
    ['cylance.threat_device', row({ file_status: 'Default' }, { cylance_score: -1, safelisted: true })],
    ['cylance.threat_device', row({ file_status: 'Default' }, { cylance_score: -1, classification: 'Trusted' })],
  ])('%s %#', (stream, record) => {
    const { event, cylance } = map(stream, record) as { event: Loose; cylance: Loose };
    expect(event.category).toEqual(['file']);
    expect(event.risk_score).toBeUndefined();
    expect(JSON.stringify(cylance)).toMatch(/"score":-(?:1|0\.9)/);
  });

  test('and what was not is', () => {
    for (const [stream, record] of [
      ['cylance.threat', { sha256, classification: 'Malware', cylance_score: -1 }],
      ['cylance.threat_device', row({ file_status: 'Quarantined' }, { cylance_score: -1 })],
    ] as const) {
      expect(map(stream, record)).toMatchObject({ event: { risk_score: 100 } });
      expect((map(stream, record).event as Loose).category).toContain('malware');
    }
  });

  function row(own: Loose, threat: Loose): Loose {
    return { id: 'd', date_found: TIME, file_path: 'C:\\a.exe', ...own, Threat: { sha256, ...threat } };
  }
});

test.each([
  ['CORP\\user', { domain: 'CORP', name: 'user' }],
  ['CORP\\\\user', { domain: 'CORP', name: 'user' }],
  ['CORP//user', { domain: 'CORP', name: 'user' }],
  ['CORP/user', { domain: 'CORP', name: 'user' }],
  ['CORP///user', { domain: 'CORP', name: 'user' }],
  ['NT AUTHORITY//SYSTEM', { domain: 'NT AUTHORITY', name: 'SYSTEM' }],
  ['Font Driver Host//UMFD-0', { domain: 'Font Driver Host', name: 'UMFD-0' }],
  ['one of/them', { name: 'one of/them' }],
  ['//server', { name: '//server' }],
  ['/usr/bin/x', { name: '/usr/bin/x' }],
  ['user@corp/x', { name: 'user@corp/x' }],
  ['user', { name: 'user' }],
])('the account %s', (written, parts) => expect(account(written)).toEqual(parts));

test.each([
  ['LockdownExtended', 'device-lockdown-extended'],
  ['Lockdown Extended', 'device-lockdown-extended'],
  ['lockdown_extended', 'device-lockdown-extended'],
  ['clear_lockdown', 'device-unlocked'],
])('the command %s is %s', (command, action) => {
  const record = { user_id: 'u', timestamp: TIME, command, Device: { id: 'd' } };
  expect(map('cylance.device_lockdown', record)).toMatchObject({ event: { action } });
});

test.each(['-0.12345678901234567890', `1${'0'.repeat(45)}`, '1e39', '1e400', '1e-400', '"0x10"'])(
  'the score %s stays as it is written, beside the fields',
  (written) => {
    const record = parseInOrder(`{"sha256":"${'ab'.repeat(32)}","cylance_score":${written}}`);
    const { threat } = map('cylance.threat', record).cylance as { threat: { score?: number; unfit: Loose } };
    expect(threat.score).toBeUndefined();
    expect(String(threat.unfit['cylance.threat.score']).replace('+', '')).toBe(written.replaceAll('"', ''));
  },
);

test('an exception keeps a member whatever it is called', () => {
  const record = JSON.parse('{"Id":"1","ModifiedBy":{"id":"u","Zork":"a"},"__proto__":{"q":"b"},"x":null}');
  expect(map('cylance.exception', record)).toMatchObject({
    cylance: { exception: { other: { ModifiedBy: { Zork: 'a' }, _proto_: { q: 'b' } } } },
  });
});

test('a name that the natural language of a rule has for itself stays', () => {
  const spoken = (Name: string) => {
    const record = { Id: '1', Name: 'rule', NaturalLanguage: { Name, Paths: [['a']] } };
    const { detection_rule: own } = map('cylance.detection_rule', record).cylance as { detection_rule: Loose };
    return own.natural_language_other;
  };
  expect(spoken('other')).toEqual({ Name: 'other' });
  expect(spoken('rule')).toBeUndefined();
});

test('a member that says nothing is not told of', () => {
  const rule = (more: object) => map('cylance.detection_rule', { Id: '1', Plugin: { Name: 'p', ...more } });
  expect(rule({ Zork: null, Empty: { a: [] } })).toEqual(rule({}));
  expect(JSON.stringify(rule({ Zork: 'z', Empty: '' }))).toContain('{\\"Zork\\":\\"z\\"}');
});
