import { describe, expect, it } from 'vitest';
import { hashOf, integer, ip, ips, mac, reader, set, type Unfit } from '../../mappings/ecs.ts';
import { violations } from '../../mappings/ecs-check.ts';
import { flat } from '../../mappings/ecs-flat.ts';
import { account, deviceId, osType, severityOf } from '../../mappings/ecs-names.ts';
import { date } from '../../mappings/ecs-time.ts';
import { memberOf } from '../../src/api/records/members.ts';
import { parseTimeMs } from '../../src/api/time.ts';
import { timestamp } from '../../src/api/timestamp.ts';

describe('times', () => {
  it.each([
    ['2018-06-14T03:05:45.866Z', '2018-06-14T03:05:45.866Z'],
    ['2018-06-14T03:05:45', '2018-06-14T03:05:45Z'],
    ['2018-06-14 03:05:45', '2018-06-14T03:05:45Z'],
    ['2018-06-14T03:05', '2018-06-14T03:05:00Z'],
    ['2018-06-14', '2018-06-14T00:00:00Z'],
    ['2018-06-14T03:05:45.1234567', '2018-06-14T03:05:45.1234567Z'],
    ['2018-06-14T03:05:45.1234567891Z', '2018-06-14T03:05:45.123456789Z'],
    ['2016-12-08T21:45:58-08:00', '2016-12-09T05:45:58Z'],
    ['2016-12-08T21:45:58.1234567+0530', '2016-12-08T16:15:58.1234567Z'],
    ['2016-12-08T21:45:58+00:00', '2016-12-08T21:45:58Z'],
    ['/Date(1529031946123+0000)/', '2018-06-15T03:05:46.123Z'],
    ['/Date(1529031946123)/', '2018-06-15T03:05:46.123Z'],
    [1651729959.177779, '2022-05-05T05:52:39.177779Z'],
    ['1651729959.177779', '2022-05-05T05:52:39.177779Z'],
    [1651729959, '2022-05-05T05:52:39Z'],
    [1651729959177, '2022-05-05T05:52:39.177Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['1777629600', '2026-05-01T10:00:00Z'],
    ['1777629600123', '2026-05-01T10:00:00.123Z'],
    ['2026-05-01T10:00:00+02', '2026-05-01T08:00:00Z'],
    ['2026-05-01T10:00:00,123Z', '2026-05-01T10:00:00.123Z'],
    ['2026-05-01T24:00:00Z', '2026-05-02T00:00:00Z'],
    ['2026-05-01 24:00:00.000+02:00', '2026-05-01T22:00:00.000Z'],
  ])('%s is %s, for the document as for the engine', (given, expected) => {
    expect(timestamp(given)).toBe(expected);
    expect(parseTimeMs(given)).toBe(Date.parse(expected));
  });

  it.each([
    ...[
      '0001-01-01T00:00:00',
      '2023-02-29T00:00:00Z',
      '2018-13-01T00:00:00Z',
      '2018-06-14T24:00:01Z',
      '2018-06-14T24:30:00Z',
      '2018-06-14T24:00:00.5Z',
      '2018-06-14T25:00:00Z',
      '2018-06-14T03:05:45 +02:00',
      '2018-06-14T03:05:60Z',
      '20180614',
    ],
    ...[
      '2018-06-14T03:05:45.Z',
      '2018-06-14T03:05:45+1',
      '2018-06-14Tx',
      '99999-01-01T00:00:00Z',
      'now',
      '',
      -5,
      0,
      Number.NaN,
      1e300,
      true,
    ],
    ...[null, {}, [], '9999-12-31T23:59:59-23:00', '1601-01-01T00:00:00Z', '/Date(x)/', '/Date(-1)/'],
  ])('%s is none', (given) => {
    expect(timestamp(given)).toBeUndefined();
    expect(parseTimeMs(given)).toBeUndefined();
  });

  it('leave "never" out and keep junk', () => {
    const unfit: Unfit = {};
    expect(date(unfit, 'a', '0001-01-01T00:00:00.0000000Z')).toBeUndefined();
    expect(date(unfit, 'b', ' ')).toBeUndefined();
    expect(unfit).toEqual({});
    expect(date(unfit, 'c', '0001-02-03T00:00:00')).toBeUndefined();
    expect(unfit).toEqual({ c: '0001-02-03T00:00:00' });
  });
});

describe('values', () => {
  it('fit their field or are kept as text', () => {
    const unfit: Unfit = {};
    expect(ip(unfit, 'ip', ' fe80::1%12 ')).toBe('fe80::1');
    expect(ips(unfit, 'ips', ['10.0.0.1', '10.0.0.1.2', '10.0.0.1'])).toEqual(['10.0.0.1']);
    expect(mac(unfit, 'mac', '00:1a:2b:3c:4d:5e')).toBe('00-1A-2B-3C-4D-5E');
    expect(mac(unfit, 'zero', '00-00-00-00-00-00')).toBeUndefined();
    expect(integer(unfit, 'n', ' 42 ')).toBe(42);
    expect(integer(unfit, 'words', 'forty')).toBeUndefined();
    expect(integer(unfit, 'large', '-1666000000000000000')).toBeUndefined();
    expect(hashOf(unfit, 'md5', 'md5', ` ${'AB '.repeat(16)}`)).toBe('ab'.repeat(16));
    expect(hashOf(unfit, 'short', 'md5', 'abc')).toBeUndefined();
    expect(unfit).toEqual({ ips: '10.0.0.1.2', words: 'forty', large: '-1666000000000000000', short: 'abc' });
  });

  it('have one form', () => {
    const canonical = '45e07f34-e76b-4a9e-b167-d6d0c510d6ba';
    expect(deviceId('45E07F34E76B4A9EB167D6D0C510D6BA')).toBe(canonical);
    expect(deviceId(canonical)).toBe(canonical);
    expect(deviceId('other')).toBe('other');
    expect(account('NT AUTHORITY\\SYSTEM')).toEqual({ name: 'SYSTEM', domain: 'NT AUTHORITY' });
    expect(account('root')).toEqual({ name: 'root' });
    expect(['Informational', 'low', 'MEDIUM', 'High', 'Critical', 'Odd'].map(severityOf)).toEqual([
      1,
      21,
      47,
      73,
      99,
      undefined,
    ]);
    expect(['Microsoft Windows 10', 'macOS', 'Darwin', 'Linux', 'BeOS'].map(osType)).toEqual([
      'windows',
      'macos',
      'macos',
      'linux',
      undefined,
    ]);
  });

  it('are found under any spelling; the table decides between two', () => {
    const read = reader({ Id: ['DeviceId'], Name: [] });
    expect(read({ DeviceId: 'b', Id: 'a', NAME: null, name: 'n', x: 1 })).toEqual({
      Id: 'a',
      Name: 'n',
      others: ['DeviceId', 'x'],
    });
    for (const both of [
      { DeviceId: 'b', Id: 'a' },
      { Id: 'a', DeviceId: 'b' },
    ])
      expect(read(both)).toEqual({ Id: 'a', others: ['DeviceId'] });
    expect(read({ Id: 'a', DeviceId: 'a', ID: 'a' })).toEqual({ Id: 'a' });
    for (const both of [
      { NAME: 2, name: 1 },
      { name: 1, NAME: 2 },
    ])
      expect(read(both)).toEqual({ Name: 2, others: ['name'] });
    for (const nothing of [null, '', ' ', [], {}, { a: { b: null } }])
      for (const both of [
        { Id: nothing, id: 'a' },
        { id: 'a', Id: nothing },
      ]) {
        expect(read(both)).toEqual({ Id: 'a' });
        expect(memberOf({ Id: [] }, both, 'Id')).toBe('a');
      }
    expect(read({ Id: [] })).toEqual({ Id: [] });
    expect(read('text')).toEqual({});
  });

  it('are texts in a flattened field', () => {
    expect(flat({}, 'x', { a: 1, b: [1, { c: null, d: true }], '': 'x', e: {} })).toEqual({
      a: '1',
      b: ['1', '{"d":"true"}'],
      _: 'x',
    });
    const alike = JSON.parse('{"":1," ":2,"_":3,"a\\u0000":4,"a":5,"__proto__":6,"_proto_":7}') as object;
    const kept = { _: '3', '_ (2)': '1', '_ (3)': '2', a: '5', 'a (2)': '4', _proto_: '7', '_proto_ (2)': '6' };
    expect(flat({}, 'x', alike)).toEqual(kept);
    expect(flat({}, 'x', Object.fromEntries(Object.entries(alike).reverse()))).toEqual(kept);
    const long = 'k'.repeat(256);
    expect(flat({}, 'x', { [`${long}b`]: 2, [`${long}a`]: 1 })).toEqual({ [long]: '1', [`${long} (2)`]: '2' });
    expect(flat({}, 'x', 'x')).toEqual({ value: 'x' });
    expect(flat({}, 'x', [])).toBeUndefined();
  });

  it('are set as nested objects, unless empty', () => {
    const document = {};
    set(document, 'a.b.c', 1);
    set(document, 'a.b.d', '');
    set(document, 'a.e', []);
    expect(document).toEqual({ a: { b: { c: 1 } } });
  });
});

describe('violations', () => {
  const good = {
    '@timestamp': '2026-01-01T00:00:00.1234567Z',
    event: { kind: 'alert', category: ['intrusion_detection'], type: ['info'] },
    cylance: { x: { y: 'z' } },
  };
  it('has nothing to say of a good document', () => expect(violations(good, 'cylance')).toEqual([]));
  it.each([
    ['@timestamp', { '@timestamp': 'yesterday' }],
    ['nonsense', { nonsense: 1 }],
    ['host.nonsense', { host: { nonsense: 'x' } }],
    ['host.ip', { host: { ip: '10.0.0.1' } }],
    ['host.ip', { host: { ip: ['10.0.0.1.2'] } }],
    ['host.id', { host: { id: ['a'] } }],
    ['host.id', { host: { id: 7 } }],
    ['process.pid', { process: { pid: '7' } }],
    ['host', { host: 'x' }],
    ['host', { host: {} }],
    ['host.os.type', { host: { os: { type: 'Windows' } } }],
    ['event.kind', { event: { ...good.event, kind: 'warning' } }],
    ['event.type', { event: { ...good.event, category: ['registry'] } }],
    ['event.type', { event: { ...good.event, type: ['info', 'connection'] } }],
    ['cylance.x', { cylance: { x: undefined } }],
    ['cylance.x', { cylance: { x: Number.NaN } }],
    ['cylance.x', { cylance: { x: ['a', 1] } }],
    ['cylance.x', { cylance: { x: [] } }],
    ['message', { message: '' }],
  ])('finds what is wrong with %s', (field, part) => {
    expect(violations({ ...good, ...part }, 'cylance').map((line) => line.split(':')[0])).toContain(field);
  });
});
