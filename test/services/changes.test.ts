/** Changes in a data stream of their own, in the real Elasticsearch: one copy each, whatever was cut off, rolled over or removed. */
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { documentId } from '../../src/api/records/identity.ts';
import type { OutDocument, Sink } from '../../src/api/sink.ts';
import { fieldsOfChanges } from '../../src/sinks/elasticsearch/beside/changes.ts';
import { connectElasticsearch } from '../../src/sinks/elasticsearch/client.ts';
import { openElasticsearch } from '../../src/sinks/elasticsearch/index.ts';
import { setupElasticsearch, templateList } from '../../src/sinks/elasticsearch/setup.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { toJson } from '../../src/sinks/serialize.ts';
import { allHits, ask } from './data-stream.ts';
import { type ElasticsearchVersion, type RunningElasticsearch, startElasticsearch } from './elasticsearch.ts';

const signal = new AbortController().signal;
const STREAM = 'test.changing';
const CHANGES = 'test.changing_changes';
const fields = { prefix: STREAM, ecs: ['host.id'], custom: { 'test.changing.state': 'keyword' } };

let run = 0;
const namespaceNow = () => `n${run}`;

function revision(key: string, ordinal: number): OutDocument {
  const hash = `${key}-${ordinal}`;
  const names = { stream: STREAM, namespace: namespaceNow(), key, revision: hash, ordinal } as const;
  const document = {
    '@timestamp': '2026-01-01T00:00:00.000Z',
    event: { id: key, kind: 'event', dataset: STREAM, sequence: ordinal, hash },
    data_stream: { type: 'logs', dataset: STREAM, namespace: namespaceNow() },
    test: { changing: { state: `state ${ordinal}` } },
  };
  return { id: documentId(STREAM, key, ordinal, hash), ...names, hostId: undefined, ...toJson(document) };
}

const revisions = (keys: number, ordinal: number) =>
  Array.from({ length: keys }, (_, at) => revision(`k${at}`, ordinal));
const prepared = (documents: OutDocument[]) => [
  {
    ...{ walk: 'live', number: 1, atMs: 0 },
    ids: documents.map(({ id, stream, namespace }) => ({ id, stream, namespace })),
  },
];

describe.each<ElasticsearchVersion>(['9.5.3', '8.19.5'])('Elasticsearch %s', (version) => {
  let es: RunningElasticsearch;
  beforeAll(async () => {
    es = await startElasticsearch({ version });
    const client = connectElasticsearch({ nodes: [es.url], auth: { kind: 'none' } });
    const made = [
      templatesFor({ stream: STREAM, fields, capability: 'core' }),
      templatesFor({ stream: CHANGES, fields: fieldsOfChanges(fields), capability: 'core' }),
    ];
    await setupElasticsearch(client, templateList(made));
    await client.close();
  });
  afterAll(() => es?.stop());
  beforeEach(() => {
    run++;
  });

  const openSink = (changes = true): Sink =>
    openElasticsearch(
      { nodes: [es.url], auth: { kind: 'none' }, retryBaseMs: 20, retryMaxMs: 500, retryDeadlineMs: 60_000, changes },
      { log: pino({ level: 'silent' }), now: Date.now },
    );
  const with1 = async <T>(work: (sink: Sink) => Promise<T>, changes = true): Promise<T> => {
    const sink = openSink(changes);
    return work(sink).finally(() => sink.close());
  };
  const write = (sink: Sink, documents: OutDocument[], number = 1) =>
    sink.write({ pipeline: 'p', walk: 'live', number, documents }, signal);
  const nameOf = (stream: string) => `logs-${stream}-${namespaceNow()}`;
  const heldIn = async (stream: string) => {
    const held: { id: string; source: EcsDocument }[] = [];
    for await (const { id, source } of allHits(es.url, nameOf(stream))) held.push({ id, source });
    return held;
  };
  const expectedIds = (documents: OutDocument[]) =>
    documents.map(({ key, ordinal, revision: hash }) => documentId(CHANGES, key, ordinal, hash)).sort();
  const changedIds = async () => (await heldIn(CHANGES)).map(({ id }) => id).sort();
  const query = () => ({ stream: STREAM, namespace: namespaceNow() }) as const;

  test('a picker of the last minutes finds what changed, of records however old', async () => {
    const [firsts, changed] = [revisions(30, 1), revisions(10, 2)];
    const beganMs = Date.now();
    await with1(async (sink) => {
      await write(sink, firsts);
      await write(sink, changed, 2);
    });
    expect(await changedIds()).toEqual(expectedIds(changed));
    const recent = { query: { range: { '@timestamp': { gte: beganMs, format: 'epoch_millis' } } } };
    const counted = async (stream: string) =>
      (await ask<{ count: number }>(es.url, 'POST', `/${nameOf(stream)}/_count`, recent)).count;
    expect([await counted(STREAM), await counted(CHANGES)]).toEqual([0, 10]);
    const [{ source } = { source: {} as EcsDocument }] = await heldIn(CHANGES);
    expect(source).toMatchObject({ sluice: { record: { timestamp: '2026-01-01T00:00:00.000Z' } } });
    expect(source['@timestamp']).toBe((source.event as { ingested: string }).ingested);
    const mapping = await ask<Record<string, { mappings: { properties: { sluice: unknown } } }>>(
      ...([es.url, 'GET', `/${nameOf(CHANGES)}/_mapping`] as const),
    );
    expect(JSON.stringify(Object.values(mapping)[0]?.mappings.properties.sluice)).toContain('"type":"date"');
  });

  test('a process that dies between both writes leaves nothing out, and nothing twice after a rollover', async () => {
    const changed = revisions(700, 2);
    await with1((sink) => write(sink, changed), false); // died before the first change was written
    expect((await with1((sink) => sink.recover('p', prepared(changed), new Map(), signal))).arrived.size).toBe(700);
    expect(await changedIds()).toEqual(expectedIds(changed));
    await ask(es.url, 'POST', `/${nameOf(CHANGES)}/_rollover`);
    await with1((sink) => sink.recover('p', prepared(changed), new Map(), signal));
    await with1((sink) => write(sink, changed, 2)); // what a state that was lost ships once more
    expect(await changedIds()).toEqual(expectedIds(changed));
  });

  test('what was not delivered has no change after a crash', async () => {
    const [there, lost] = [revisions(5, 2), [revision('lost', 2)]];
    await with1((sink) => write(sink, there), false);
    await with1((sink) => sink.recover('p', prepared([...there, ...lost]), new Map(), signal));
    expect(await changedIds()).toEqual(expectedIds(there));
  });

  test('what is missing is counted, and made on request', async () => {
    const changed = [...revisions(250, 2), ...revisions(3, 3)];
    await with1((sink) => write(sink, changed), false); // before changes were asked for
    await with1(async (sink) => {
      const beside = (mend: boolean) => sink.beside?.(query(), mend, signal);
      expect(await beside(false)).toEqual({ what: 'changes', expected: 253, missing: 253 });
      expect(await beside(true)).toEqual({ what: 'changes', expected: 253, missing: 253 });
      expect(await beside(false)).toEqual({ what: 'changes', expected: 253, missing: 0 });
      const [{ id } = { id: '' }] = await heldIn(CHANGES);
      for await (const hit of allHits(es.url, nameOf(CHANGES)))
        if (hit.id === id) await ask(es.url, 'DELETE', `/${hit.index}/_doc/${id}?refresh=true`);
      expect(await beside(false)).toMatchObject({ missing: 1 });
      const early = { fromMs: 0, toMs: Date.parse('2025-01-01') };
      expect(await sink.beside?.({ ...query(), range: early }, false, signal)).toMatchObject({ expected: 0 });
    });
    expect(await with1(async (sink) => sink.beside, false)).toBeUndefined();
  });
});
