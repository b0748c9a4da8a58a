/** What makes two records the same. */
import { describe, expect, test } from 'vitest';
import {
  digestOf,
  exactDigestOf,
  exactHashOf,
  isDigestOf,
  isSameHash,
  keyOf,
  revisionOf,
} from '../src/api/records/identity.ts';

const NONE: ReadonlySet<string> = new Set();
const same = (one: unknown, other: unknown, ignored = NONE) => revisionOf(one, ignored) === revisionOf(other, ignored);

describe('the same content', () => {
  test.each([
    ['another order', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['another casing', { device: { Name: 'w' } }, { Device: { name: 'w' } }],
    ['underscores and hyphens', { device_name: 'w', 'last-seen': 1 }, { DeviceName: 'w', lastSeen: 1 }],
    ['null', { a: 1, comment: null }, { a: 1 }],
    ['an empty text', { a: 1, comment: '' }, { a: 1, comment: null }],
    ['an empty list', { a: 1, responses: [] }, { a: 1, responses: null }],
    ['an object of nothings', { a: 1, rule: { id: null, tags: [], more: { x: '' } } }, { a: 1 }],
    ['nothings in a list', [null, 1], ['', 1]],
  ])('%s is no change', (_, one, other) => expect(same(one, other)).toBe(true));

  test.each([
    ['a comment that is removed', { comment: 'x' }, { comment: null }],
    ['a place in a list', { a: [null, 1] }, { a: [1] }],
    ['a list of nothing', { a: [null] }, { a: [] }],
    ['two members in two casings', { a: 1, A: 2 }, { a: 2 }],
    ['which of them is which', { a: 1, A: 2 }, { a: 2, A: 1 }],
    ['a zero', { a: 0 }, { a: null }],
    ['false', { a: false }, {}],
    ['a blank', { a: ' ' }, { a: '' }],
    ['a number as a text', { a: 1 }, { a: '1' }],
    ['where a text ends', { a: 'x', b: 'y' }, { a: 'xb', b: 'y' }],
  ])('%s is a change', (_, one, other) => expect(same(one, other)).toBe(false));

  test('ignored members count in no spelling, at no depth', () => {
    const ignored = new Set(['last_seen']);
    expect(same({ a: [{ lastSeen: 1 }], LAST_SEEN: 2 }, { a: [{ LastSeen: 9 }] }, ignored)).toBe(true);
  });
});

test('a hash of an earlier version is compared by its own rule, and only then', () => {
  const record = { Device: { name: 'w' }, Comment: null };
  const earlier = exactHashOf(record, NONE);
  expect(earlier).toHaveLength(16);
  expect(isSameHash(earlier, revisionOf(record, NONE), () => exactHashOf(record))).toBe(true);
  expect(isSameHash(earlier, revisionOf({ a: 1 }, NONE), () => exactHashOf({ a: 1 }))).toBe(false);
  const never = () => {
    throw new Error('not needed');
  };
  expect(isSameHash(revisionOf(record, NONE), revisionOf(record, NONE), never)).toBe(true);
  expect(isSameHash(revisionOf(record, NONE), revisionOf({}, NONE), never)).toBe(false);
  expect(isSameHash(undefined, null, never)).toBe(false);
});

describe('a part of a record', () => {
  const isSame = (one: unknown, other: unknown) => isDigestOf(digestOf(one), other, NONE);

  test.each([
    ['spelling', { DeviceName: ['w'] }, { device_name: ['w'] }],
    ['null and absent', { a: 1, b: null }, { a: 1 }],
    ['an object of nothings and none', { a: null, b: { c: [] } }, undefined],
    ['null and an empty text', null, ''],
    ['an empty list and none', [], undefined],
  ])('says the same: %s', (_, one, other) => {
    expect(isSame(one, other)).toBe(true);
    expect(isSame(other, one)).toBe(true);
  });

  test.each([
    ['a comment that is removed', 'looked at', null],
    ['a place in a list', [null, 1], [1]],
    ['two members in two casings', { a: 1, A: 2 }, { a: 2 }],
    ['false and none', false, undefined],
  ])('says something else: %s', (_, one, other) => {
    expect(isSame(one, other)).toBe(false);
    expect(isSame(other, one)).toBe(false);
  });

  test('is compared letter by letter with what an earlier version remembered', () => {
    const part = { Name: 'a name of some length', Note: null };
    expect(isDigestOf(exactDigestOf(part), part, NONE)).toBe(true);
    expect(isDigestOf(exactDigestOf(part), { ...part, Note: 'x' }, NONE)).toBe(false);
    expect(exactDigestOf(part)).toMatch(/^[\w-]{8}$/);
  });

  test('does not count what is ignored', () => {
    const ignored = new Set(['last_seen']);
    expect(digestOf({ a: 1, LastSeen: 2 }, ignored)).toBe(digestOf({ a: 1 }, ignored));
  });

  test('is remembered without line feeds', () => {
    for (const part of ['a\nb', { a: 'b\nc' }]) expect(digestOf(part)).not.toContain('\n');
  });
});

describe('a key', () => {
  const byId = { key: (record: unknown) => (record as { Id: string }).Id };
  test('comes out of the state as it went in, and tells halves of surrogates apart', () => {
    const keys = ['\ud800', '\udfff', 'a\ud800b'].map((Id) => keyOf(byId, { Id }));
    expect(keys).toEqual(['\\ud800', '\\udfff', 'a\\ud800b']);
    expect(keyOf(byId, { Id: '😀 資料' })).toBe('😀 資料');
  });

  test('that is a secret is not kept, and two of them stay two', () => {
    const secrets = ['token=one1', 'token=two2', 'eyJaaaaaaaaa.bbbbbbbbbb'];
    const keys = secrets.map((Id) => keyOf(byId, { Id }));
    for (const [index, key] of keys.entries()) {
      expect(key).toMatch(/^unkeyed-[\w-]+$/); // the vendor is not asked for it
      expect(key).toBe(keyOf(byId, { Id: secrets[index], Name: 'another' }));
    }
    expect(new Set(keys).size).toBe(3);
  });

  test('of any length ends, and stays another one', () => {
    const [one, other] = ['x', 'y'].map((end) => keyOf(byId, { Id: 'a'.repeat(100_000) + end }));
    expect(one?.length).toBeLessThan(400);
    expect(one).not.toBe(other);
  });

  test('of a record that has none, however deep it is, never throws', () => {
    const none = {
      key: () => {
        throw new Error('none');
      },
    };
    let deep: unknown = 1;
    for (let depth = 0; depth < 50_000; depth++) deep = depth % 2 === 0 ? [deep] : { a: deep };
    expect(keyOf(none, deep)).toMatch(/^unkeyed-/);
    expect(digestOf(deep)).not.toBe('');
    expect(exactDigestOf(deep)).not.toBe('');
    expect(revisionOf(deep, NONE)).not.toBe('');
  });
});
