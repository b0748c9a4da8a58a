/** Every document of the fixtures, as it is shipped, against docs/kafka-document.schema.json. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { streams } from '../../connectors/index.ts';
import { kafkaDocumentSchema } from '../../scripts/kafka-schema.ts';
import { withoutSecrets } from '../../src/api/records/secrets.ts';
import type { Walk } from '../../src/api/walk.ts';
import { toDocument } from '../../src/engine/change/document.ts';
import { stamped, toJson } from '../../src/sinks/serialize.ts';
import { type Fixture, folderOf, SOURCE } from '../fixtures/documents.ts';

const NOW_MS = Date.UTC(2026, 0, 2);
const schema = z.fromJSONSchema(kafkaDocumentSchema() as Parameters<typeof z.fromJSONSchema>[0]);
const walk: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: NOW_MS } };
const facts = { key: 'k', revision: 'r', ordinal: 2, action: 'a-change', detailMissing: true };

it.each(streams.map((registered) => [registered.stream.name, registered] as const))('%s', (name, registered) => {
  const folder = new URL(`../fixtures/${folderOf(name)}/`, import.meta.url);
  const inputs = readdirSync(folder).filter((file) => file.endsWith('.input.json'));
  expect(inputs.length).toBeGreaterThan(0);
  const records = inputs.map((file) => {
    const fixture = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture;
    return { file, record: withoutSecrets(fixture.record, registered.stream.secrets) };
  });
  for (const { file, record } of [...records, { file: 'no record at all', record: null }]) {
    const document = toDocument(registered, { ...SOURCE, keepOriginal: true }, record, facts, walk, NOW_MS);
    const shipped = JSON.parse(stamped(toJson(document), new Date(NOW_MS).toISOString())) as unknown;
    expect(schema.safeParse(shipped).error?.issues ?? [], file).toEqual([]);
  }
});

it('a document without what the engine sets does not pass', () => {
  expect(schema.safeParse({ '@timestamp': '2026-01-02T00:00:00.000Z', event: { id: 'x' } }).success).toBe(false);
});
