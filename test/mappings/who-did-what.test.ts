/** Who did what, what was judged safe, and lists of any length. */
import { describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { account } from '../../mappings/ecs.ts';
import { parseInOrder } from '../../src/json.ts';
import { documentOf } from '../fixtures/documents.ts';

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
