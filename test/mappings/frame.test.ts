/** What `mappingOf` and `partOf` do for every mapping, tried with small invented records. */
import { describe, expect, it } from 'vitest';
import { type Fields, keywords, put } from '../../mappings/ecs.ts';
import { CONTENT_IS_CUT } from '../../mappings/ecs-document.ts';
import { below, mappingOf, onlyTrue, partOf } from '../../mappings/ecs-frame.ts';
import { SOURCE } from '../fixtures/documents.ts';

const members = { Id: ['Key'], Name: [], Tags: [], Size: [], Born: [], Owner: [], Parts: [], Lid: [], Deleted: [] };

const partPart = partOf({
  at: 'acme.toy.parts',
  members: { Label: [], Weight: [] },
  own: { label: ['keyword', 'Label'], weight: ['long', 'Weight'], other: 'flattened' },
  alone: 'Label',
});
const lidPart = partOf({ at: 'acme.toy.lid', members: { Color: [] }, own: { color: ['keyword', 'Color'] } });

const toys = mappingOf(
  {
    prefix: 'acme.toy',
    observer: { vendor: 'Acme', product: 'Toys' },
    members,
    id: 'Id',
    created: 'Born',
    event: { kind: 'asset', category: ['package'], type: ['info'], provider: 'Shelf' },
    tenant: ({ Owner }) => Owner,
    own: {
      name: ['keyword', 'Name'],
      tags: ['keyword', 'Tags', keywords],
      size: ['long', 'Size'],
      initial: 'keyword',
      deleted: ['boolean', 'Deleted', onlyTrue],
    },
    parts: [partPart, lidPart],
    ecs: [...below('event', ['created', 'provider']), 'event.id'],
    most: { 'acme.toy.tags': 5 },
    without: (member, value) => (member === 'password' ? undefined : value),
  },
  ({ event, own, unfit }, said) => {
    (event.category as string[]).push('file');
    put(own, 'initial', String(own.name ?? '').slice(0, 1));
    put(own, 'parts', partPart.items(unfit, said.Parts));
    put(own, 'lid', lidPart.of(unfit, said.Lid));
    return `Toy ${own.name}`;
  },
);

const mapped = (record: unknown, source: Partial<typeof SOURCE> = {}) =>
  toys.mapping(record, { ...SOURCE, tenantId: '', ...source });
const own = (record: Fields) => (mapped({ Id: 1, ...record }).acme as { toy: Fields }).toy;

describe('a mapping of the frame', () => {
  it('declares what it can put, also of its parts', () => {
    expect(toys.fields).toMatchObject({
      prefix: 'acme.toy',
      custom: {
        'acme.toy.name': 'keyword',
        'acme.toy.tags': 'keyword',
        'acme.toy.size': 'long',
        'acme.toy.initial': 'keyword',
        'acme.toy.deleted': 'boolean',
        'acme.toy.other': 'flattened',
        'acme.toy.unfit': 'flattened',
        'acme.toy.parts.label': 'keyword',
        'acme.toy.parts.weight': 'long',
        'acme.toy.parts.other': 'flattened',
        'acme.toy.lid.color': 'keyword',
      },
      most: { 'acme.toy.tags': 5 },
    });
    expect(toys.fields.ecs.slice(-2)).toEqual(['event.created', 'event.provider']);
    expect(new Set(toys.fields.ecs).size).toBe(toys.fields.ecs.length);
  });

  it('begins and ends the document', () => {
    const record = {
      key: ' t-1 ',
      Name: 'Ted',
      Born: '2026-01-02T03:04:05Z',
      Owner: 'o-1',
      new: { password: 'p', a: 1 },
    };
    expect(JSON.parse(JSON.stringify(mapped(record, { keepOriginal: true })))).toEqual({
      '@timestamp': '2026-01-02T03:04:05Z',
      ecs: { version: expect.any(String) },
      observer: { vendor: 'Acme', product: 'Toys' },
      organization: { id: 'o-1' },
      message: 'Toy Ted',
      event: {
        ...{ kind: 'asset', category: ['package', 'file'], type: ['info'], module: 'acme', dataset: 'acme.toy' },
        ...{ provider: 'Shelf', id: 't-1', created: '2026-01-02T03:04:05Z' },
        original: JSON.stringify({ ...record, new: { a: 1 } }),
      },
      acme: { toy: { name: 'Ted', initial: 'T', other: { new: { a: '1' } } } },
    });
    expect(mapped(record, { tenantId: 'configured' }).organization).toEqual({ id: 'configured' });
    expect(mapped({ Id: 1 }).organization).toEqual({ id: 'unknown' });
    expect(mapped({ Id: 1 }).event).not.toHaveProperty('original');
  });

  it('shares nothing between documents', () => {
    const [one, other] = [mapped({ Id: 1 }), mapped({ Id: 1 })];
    expect(one).toEqual(other);
    expect((other.event as Fields).category).toEqual(['package', 'file']);
  });

  it('takes no record without its id, and nothing that is no record', () => {
    for (const record of [{}, { Id: null }, { Id: ' ' }, { Id: {} }])
      expect(() => mapped(record)).toThrow('the record has no Id');
    for (const record of [null, 'text', 7, [{ Id: 1 }]])
      expect(() => mapped(record)).toThrow('the record is no object');
  });

  it('keeps what does not fit under the name of its field, and tags what is cut', () => {
    expect(own({ Size: 'big', Name: { first: 1 }, Deleted: 'maybe' })).toEqual({
      unfit: { 'acme.toy.size': 'big', 'acme.toy.name': '{"first":1}', 'acme.toy.deleted': 'maybe' },
    });
    const tags = Array.from({ length: 1001 }, (_, index) => `t${index}`);
    expect(mapped({ Id: 1, Tags: tags }).tags).toEqual([CONTENT_IS_CUT]);
  });

  it('says only of what is gone that it is', () => {
    expect(own({ Deleted: true, Name: 'x' }).deleted).toBe(true);
    expect(own({ Deleted: false, Name: 'x' })).not.toHaveProperty('deleted');
  });
});

describe('a part', () => {
  it('keeps what its table does not know only where it has a field for it', () => {
    expect(own({ Parts: { label: 'ear', new: 1 }, Lid: { Color: 'red', new: 1 } })).toEqual({
      parts: [{ label: 'ear', other: { new: '1' } }],
      lid: { color: 'red' },
    });
  });

  it('takes what is no object for the member that it names', () => {
    expect(own({ Parts: ['ear', { Label: 'leg', Weight: 2 }, null, {}] }).parts).toEqual([
      { label: 'ear' },
      { label: 'leg', weight: 2 },
    ]);
  });

  it('without such a member, loses nothing of a list of other things', () => {
    const unfit = {};
    expect(lidPart.items(unfit, ['red', { Color: 'blue' }])).toEqual([{ color: 'blue' }]);
    expect(unfit).toEqual({ 'acme.toy.lid': 'red' });
    expect(lidPart.items({}, [])).toBe(undefined);
  });

  it('is undefined where nothing is said', () => {
    for (const nothing of [undefined, null, {}, 'text', [1]]) expect(lidPart.of({}, nothing)).toBe(undefined);
  });
});
