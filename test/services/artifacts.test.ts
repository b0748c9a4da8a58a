/**
 * Artifacts of detections in the real Elasticsearch, asked one by one: of type File *and* with this path. In both majors,
 * in ordinary indices and in those of LogsDB, which newer clusters make of `logs-*` by themselves.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detection } from '../../connectors/cylance/detection.ts';
import { streams } from '../../connectors/index.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { connectElasticsearch } from '../../src/sinks/elasticsearch/client.ts';
import { setupElasticsearch, templateList } from '../../src/sinks/elasticsearch/setup.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { memorySink, openPipeline, scratch, simulate, testConfig, wholeRange } from '../engine/harness.ts';
import { ask, DATA_STREAM } from './data-stream.ts';
import { type ElasticsearchVersion, type RunningElasticsearch, startElasticsearch } from './elasticsearch.ts';

const ARTIFACTS = 'cylance.detection.artifacts';

interface Artifact {
  type?: string;
  properties?: Record<string, unknown>;
}
interface Bucket {
  key: string;
  doc_count: number;
}
interface Stored {
  event: { id: string };
  cylance: { detection: { artifacts?: Artifact[] } };
}

let documents: string[] = [];
const folder = scratch();

beforeAll(async () => {
  const simulator = await simulate({ seed: 11, detections: 400 });
  const opened = openPipeline(testConfig(simulator.url, folder.path, { source: { streams: [detection.name] } }), {
    sink: memorySink(),
  });
  try {
    await runWalk(opened.pipeline, wholeRange(simulator), new AbortController().signal);
    documents = (opened.pipeline.sink as ReturnType<typeof memorySink>).documents.map(({ json }) =>
      json.toString().replace('0000-00-00T00:00:00.000Z', '2026-01-01T00:00:00.000Z'),
    );
  } finally {
    await opened.close();
    await simulator.close();
  }
});
afterAll(() => folder.remove());

describe.each<[ElasticsearchVersion, 'standard' | 'logsdb']>([
  ['9.5.3', 'standard'],
  ['9.5.3', 'logsdb'],
  ['8.19.5', 'standard'],
  ['8.19.5', 'logsdb'],
])('Elasticsearch %s, index mode %s', (version, mode) => {
  let es: RunningElasticsearch;
  beforeAll(async () => {
    es = await startElasticsearch({ version });
    const client = connectElasticsearch({ nodes: [es.url], auth: { kind: 'none' } });
    const [{ fields } = { fields: undefined }] = streams.filter(({ stream }) => stream === detection);
    if (fields === undefined) throw new Error('detections have no fields');
    await setupElasticsearch(
      client,
      templateList([templatesFor({ stream: detection.name, fields, capability: 'core' })]),
    );
    await client.close();
    const settings = { template: { settings: { index: { mode } } } };
    if (mode === 'logsdb') await ask(es.url, 'PUT', `/_component_template/logs-${detection.name}@custom`, settings);
    for (let from = 0; from < documents.length; from += 200) {
      const lines = documents.slice(from, from + 200).flatMap((json) => ['{"create":{}}', json]);
      const headers = { 'content-type': 'application/x-ndjson' };
      const body = `${lines.join('\n')}\n`;
      const reply = await fetch(`${es.url}/${DATA_STREAM}/_bulk`, { method: 'POST', headers, body });
      const { items } = (await reply.json()) as { items: { create: { error?: unknown } }[] };
      expect(items.flatMap(({ create }) => create.error ?? [])).toEqual([]);
    }
    await ask(es.url, 'POST', `/${DATA_STREAM}/_refresh`);
  }, 400_000);
  afterAll(() => es?.stop());

  const count = async (query: object) =>
    (await ask<{ count: number }>(es.url, 'POST', `/${DATA_STREAM}/_count`, { query })).count;
  const both = (type: string, member: string, value: string) => ({
    bool: {
      filter: [{ term: { [`${ARTIFACTS}.type`]: type } }, { term: { [`${ARTIFACTS}.properties.${member}`]: value } }],
    },
  });
  const ofOne = (type: string, member: string, value: string) => ({
    nested: { path: ARTIFACTS, query: both(type, member, value) },
  });

  test('the question is answered by the same artifact', async () => {
    const all = documents.map((json) => (JSON.parse(json) as Stored).cylance.detection.artifacts ?? []);
    const truth = (type: string, member: string, value: string) =>
      all.filter((artifacts) => artifacts.some((one) => one.type === type && one.properties?.[member] === value))
        .length;
    const valuesOf = (type: string, member: string) =>
      [...new Set(all.flat().flatMap((one) => (one.type === type ? String(one.properties?.[member] ?? '') : '')))]
        .filter((value) => value !== '' && value.length < 1000)
        .slice(0, 10);
    let positive = 0;
    let mixed = 0;
    for (const path of [...valuesOf('File', 'Path'), ...valuesOf('RegistryKey', 'Path')]) {
      expect(await count(ofOne('File', 'Path', path)), path).toBe(truth('File', 'Path', path));
      positive += truth('File', 'Path', path);
      // Of two artifacts a registry key may have this path, and the other be a file.
      if (truth('RegistryKey', 'Path', path) > 0 && truth('File', 'Path', path) === 0) mixed++;
    }
    expect(positive).toBeGreaterThan(10);
    expect(mixed).toBeGreaterThan(0);
  });

  test('artifacts are counted one by one, and a detection stays one document', async () => {
    expect(await count({ match_all: {} })).toBe(documents.length);
    const { aggregations } = await ask<{ aggregations: { of: { types: { buckets: Bucket[] } } } }>(
      ...([es.url, 'POST', `/${DATA_STREAM}/_search`] as const),
      {
        size: 0,
        aggs: {
          of: { nested: { path: ARTIFACTS }, aggs: { types: { terms: { field: `${ARTIFACTS}.type`, size: 100 } } } },
        },
      },
    );
    const all = documents.flatMap((json) => (JSON.parse(json) as Stored).cylance.detection.artifacts ?? []);
    const truth = Map.groupBy(all, ({ type }) => type);
    expect(truth.size).toBeGreaterThan(4);
    for (const { key, doc_count } of aggregations.of.types.buckets) expect(doc_count, key).toBe(truth.get(key)?.length);
    expect(aggregations.of.types.buckets.length).toBe([...truth.keys()].filter((type) => type !== undefined).length);
  });

  test('artifacts are kept as they came', async () => {
    const { hits } = await ask<{ hits: { hits: { _source: Stored }[] } }>(
      ...([es.url, 'POST', `/${DATA_STREAM}/_search`] as const),
      { size: documents.length },
    );
    const kept = new Map(hits.hits.map(({ _source }) => [_source.event.id, _source.cylance.detection.artifacts]));
    for (const json of documents) {
      const { event, cylance } = JSON.parse(json) as Stored;
      expect(kept.get(event.id)?.length).toBe(cylance.detection.artifacts?.length);
      if (mode === 'standard') expect(kept.get(event.id)).toEqual(cylance.detection.artifacts);
    }
  });
});
