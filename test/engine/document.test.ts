import { describe, expect, test } from 'vitest';
import type { EcsDocument, Mapping } from '../../src/api/document.ts';
import type { Registered } from '../../src/api/stream.ts';
import type { Walk } from '../../src/api/walk.ts';
import { toDocument } from '../../src/engine/change/document.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const SOURCE = { name: 'acme', connector: 'toy', tenantId: 't', keepOriginal: false };
const WALK: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } };
const FIRST = { key: 'k', revision: 'r', ordinal: 1, action: undefined, detailMissing: false };

function map(
  mapping: Mapping,
  revision: object = {},
  walk: Partial<Walk> = {},
): EcsDocument & { event: Record<string, unknown> } {
  const registered = { stream: { name: 'toy.thing' }, mapping } as unknown as Registered;
  return toDocument(registered, SOURCE, { a: 1 }, { ...FIRST, ...revision }, { ...WALK, ...walk }, NOW) as never;
}

const alert =
  (more: object = {}): Mapping =>
  () => ({ '@timestamp': '2026-01-01T00:00:00Z', event: { kind: 'alert' }, ...more });

describe('what the engine adds to a document', () => {
  test('key, revision, ordinal and data stream; the first revision stays an alert', () => {
    expect(map(alert())).toMatchObject({
      event: { kind: 'alert', id: 'k', hash: 'r', sequence: 1 },
      data_stream: { type: 'logs', dataset: 'toy.thing', namespace: 'acme' },
    });
  });

  test('a later revision is an event that says what happened', () => {
    const { event } = map(alert(), { ordinal: 2, action: 'thing-changed' });
    expect(event).toMatchObject({ kind: 'event', action: 'thing-changed', sequence: 2 });
  });

  test('history can be shipped without raising alerts', () => {
    expect(map(alert(), {}, { as: 'event' }).event.kind).toBe('event');
  });

  test('a missing detail and a time in the future are tagged', () => {
    expect(map(alert(), { detailMissing: true }).tags).toEqual(['detail_missing']);
    expect(map(alert({ '@timestamp': '2026-01-02T03:30:00.1234567Z' })).tags).toEqual(['timestamp_in_future']);
    expect(map(alert({ '@timestamp': '2026-01-02T03:04:30Z' })).tags).toBeUndefined();
  });

  test.each([
    ['leaves out', () => ({ event: { kind: 'event' }, tags: ['x'] })],
    ['does not know', alert({ '@timestamp': undefined, tags: ['x'] })],
  ])('a time that the mapping %s is the time it was seen, and tagged', (_how, mapping: Mapping) => {
    const { tags, ...document } = map(mapping);
    expect(document['@timestamp']).toBe('2026-01-02T03:04:05.000Z');
    expect(tags).toEqual(['x', 'timestamp_is_first_seen']);
  });

  test('a time that the mapping gives stays, and nothing is said of it', () => {
    expect(map(alert({ '@timestamp': '1970-01-01T00:00:00Z' }))).toMatchObject({
      '@timestamp': '1970-01-01T00:00:00Z',
    });
    expect(map(alert()).tags).toBeUndefined();
  });

  test('the original of an error is cut where it is too long, and says by how much', () => {
    const registered = { stream: { name: 'toy.thing' } } as unknown as Registered;
    const record = 'x'.repeat(300_000);
    const document = toDocument(registered, SOURCE, record, FIRST, WALK, NOW, 'why');
    const { original } = document.event as { original: string };
    expect(original).toMatch(/^"x{262143}… 37858 more characters$/);
    expect(document.tags).toEqual(['original_is_cut', 'timestamp_is_first_seen']);
  });

  test('a record that no mapping understands is shipped as an error, with the original', () => {
    const document = map(() => {
      throw new Error('no id');
    });
    expect(document).toMatchObject({
      event: { kind: 'pipeline_error', id: 'k', dataset: 'toy.thing', original: '{"a":1}' },
      error: { message: 'no mapping understands this record: no id' },
      '@timestamp': '2026-01-02T03:04:05.000Z',
      tags: ['timestamp_is_first_seen'],
    });
  });
});
