/** What a recording makes of a tenant's words: the same of the same, of the same form, and nothing of the tenant's. */
import { isIPv6 } from 'node:net';
import { expect, test } from 'vitest';
import { createDisguise } from '../src/commands/record/disguise.ts';
import { createList } from '../src/commands/record/lists.ts';
import { createRecording } from '../src/commands/record/recording.ts';

const tools = { scrub: (text: string) => text.replaceAll('s3cret', '[redacted]'), secrets: ['Pin'] };
const { text, json, kept } = createDisguise({ ...tools, key: Buffer.alloc(32, 7) });

test.each([
  ['an id', '6F9619FF-8B86-D011-B42D-00CF4FC964FF', /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/],
  ['a hash', '9a08c7daf4159dfff7a4e20fd3ebadfe', /^[0-9a-f]{32}$/],
  ['an address', '192.168.17.4', /^10\.\d+\.\d+\.\d+$/],
  ['a MAC', '3C-22-FB-11-22-33', /^[0-9A-F]{2}(-[0-9A-F]{2}){5}$/],
  ['an account', 'CORP\\anna.muster', /^[A-Z]{4}\\[a-z]{4}\.[a-z]{6}$/],
  ['a mail address', 'anna@muster.example', /^[a-z]{4}@[a-z]{6}\.[a-z]{7}$/],
  ['a host', 'DESKTOP-4F7A21', /^[A-Z]{7}-\d[A-Z]\d[A-Z]\d\d$/],
  ['foreign script', 'бухгалтерия', /^[à-ï]{11}$/],
  ['a SID', 'S-1-5-21-3623811015-3361044348-30300820-1013', /^S-1-5-21-\d{10}-\d{10}-\d{8}-1013$/],
  ['a path', 'C:\\Users\\anna\\x86\\muster.exe', /^C:\\Users\\[a-z]{4}\\x86\\[a-z]{6}\.exe$/],
])('%s becomes another of its form', (_what, value, form) => {
  expect(text(value)).toMatch(form);
  expect(text(value)).not.toBe(value);
  expect(text(value)).toBe(text(value));
});

test.each([
  ...[
    '2026-01-02T03:04:05.678Z',
    '/Date(1700000000000)/',
    '1/2/2026 3:04:05 PM',
    '127.0.0.1',
    '',
    '  ',
    'T1059',
    '443',
  ],
  ...['S-1-5-18', 'C:\\Windows\\System32\\svchost.exe', '[removed]'],
])('%j stays', (value) => {
  expect(text(value)).toBe(value);
});

test('what belongs together still does, in whatever way it is written', () => {
  const bare = text('6f9619ff8b86d011b42d00cf4fc964ff');
  expect(text('6F9619FF-8B86-D011-B42D-00CF4FC964FF').replaceAll('-', '').toLowerCase()).toBe(bare);
  const host = text('DESKTOP-4F7A21');
  expect(text('A file was seen on DESKTOP-4F7A21.')).toContain(host);
  expect(text('desktop-4f7a21')).toBe(host.toLowerCase());
  const [one, other] = [text('aBcDeF'), text('AbCdEf')];
  expect(one).not.toBe(other); // ids may differ by the casing alone
  expect(isIPv6(text('2001:db8::8a2e:370:7334'))).toBe(true);
  expect(text('at [fe80::1%eth0]:443')).not.toContain('fe80');
});

test('words of the vendor are kept under the members that have them, and nowhere else', () => {
  const made = json({
    Status: 'False Positive',
    Name: 'False Positive',
    Severity: 'anna@muster.example',
    State: 's3cret',
  });
  expect(made).toMatchObject({ Status: 'False Positive' });
  expect(JSON.stringify(made)).not.toMatch(/anna|muster|s3cret|"Name":"False Positive"/);
  expect([...(kept.get('Status') ?? [])]).toEqual(['False Positive']);
});

test('JSON within texts, and members that are data, are looked into', () => {
  const made = json({
    Result: '{"Owner":"anna","Size":12}',
    ArtifactsOfInterest: { annasState: [] },
    '10.1.2.3': 1,
  }) as {
    Result: string;
  };
  expect(JSON.parse(made.Result)).toEqual({ Owner: text('anna'), Size: 12 });
  expect(JSON.stringify(made)).not.toMatch(/anna|10\.1\.2\.3/);
});

test('secrets are left out, in members, texts and arguments', () => {
  const made = json({ Pin: '123456789', password: 'hunter2hunter2', args: ['--password', 'hunter2hunter2'], n: 5 });
  expect(made).toEqual({ args: [expect.any(String), '[removed]'], n: 5 });
});

test('another recording makes something else of it', () => {
  expect(createDisguise(tools).text('anna')).not.toBe(createDisguise(tools).text('annaannaannaanna').slice(0, 4));
  expect(createDisguise(tools).text('muster-annamaria')).not.toBe(createDisguise(tools).text('muster-annamaria'));
});

test('a list is what its last whole reading showed; one that is read by time, each record as it was last', () => {
  const list = createList();
  list.add(1, false, ['a', 'b'], 2);
  list.add(2, false, ['c'], 2);
  list.add(1, false, ['a', 'x'], 2); // the recording ended here
  expect(list.items()).toEqual(['a', 'b', 'c']);
  list.add(1, false, ['a', 'x'], 2); // and so did the reading before
  expect(list.items()).toEqual(['a', 'b', 'c']);
  list.add(2, false, ['c'], 2);
  expect(list.items()).toEqual(['a', 'x', 'c']);
  const timed = createList();
  timed.add(1, true, [{ Id: 1, s: 'New' }, { Id: 2 }], 1);
  timed.add(1, true, [{ Id: 1, s: 'Done' }], 1);
  expect(timed.items()).toEqual([{ Id: 1, s: 'Done' }, { Id: 2 }]);
});

test('tokens and failures are no part of a recording, and other sources neither', () => {
  const recording = createRecording({ ...tools, names: new Map([['acme', 'source_1']]), words: new Set(['devices']) });
  const add = (path: string, status: number, reply: unknown, source = 'acme') =>
    recording.add(
      source,
      { method: 'GET', url: `https://x.example${path}` },
      status,
      Buffer.from(JSON.stringify(reply)),
    );
  add('/auth', 200, { access_token: 'abcdefghij' });
  add('/devices/muster', 500, { message: 'muster' });
  add('/devices/muster', 200, { id: 'muster' });
  add('/devices/muster', 404, { message: 'muster' });
  add('/devices/other', 200, {}, 'other');
  const lines = [...recording.lines()];
  expect(lines).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toMatch(/muster|abcdef/);
  expect(lines[0]).toMatchObject({ path: expect.stringMatching(/^\/source_1\/devices\/\w{6}$/), status: 200 });
  expect(recording.counts()).toMatchObject({ requests: 4, statuses: { 200: 2, 404: 1, 500: 1 } });
});
