/** Changes in a data stream of their own: copies of later revisions, made after their documents are there, and each once. */
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { documentId } from '../../src/api/records/identity.ts';
import type { OutDocument, Sink } from '../../src/api/sink.ts';
import { declaredStreams, placesOf } from '../../src/commands/shared/select.ts';
import { changeFrom } from '../../src/sinks/elasticsearch/beside/changes.ts';
import { openElasticsearch } from '../../src/sinks/elasticsearch/index.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { toJson } from '../../src/sinks/serialize.ts';
import { testConfig } from '../engine/harness.ts';
import { type Mock, type MockReply, type MockRequest, mockElasticsearch, type Step } from './elasticsearch-mock.ts';

const signal = new AbortController().signal;
const FIRST = '/logs-test.one-acme';
const CHANGES = '/logs-test.one_changes-acme';
const NOW = Date.parse('2026-05-05T10:00:00.000Z');

let mock: Mock | undefined;
let sink: Sink | undefined;
const warned: string[] = [];
afterEach(async () => {
  await sink?.close();
  await mock?.stop();
  mock?.done();
  warned.length = 0;
});

async function open(steps: Step[]): Promise<Sink> {
  mock = await mockElasticsearch(steps);
  const settings = { nodes: [mock.url], auth: { kind: 'none' as const }, retryBaseMs: 1, retryMaxMs: 5, changes: true };
  const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) });
  sink = openElasticsearch(settings, { log, now: () => NOW });
  return sink;
}

function revision(key: string, ordinal: number): OutDocument {
  const hash = `${key}-${ordinal}`;
  const id = documentId('test.one', key, ordinal, hash);
  const document = {
    '@timestamp': '2026-01-01T00:00:00.000Z',
    event: { id: key, kind: 'event', dataset: 'test.one', sequence: ordinal, hash },
    data_stream: { type: 'logs', dataset: 'test.one', namespace: 'acme' },
    tags: ['detail_missing', 'timestamp_in_future'],
    test: { one: { long: '18446744073709551615', size: 0.1 } },
  };
  const names = { id, stream: 'test.one' as const, namespace: 'acme', key, revision: hash, ordinal };
  return { ...names, hostId: undefined, ...toJson(document) };
}

const sentIds = ({ body }: MockRequest): string[] =>
  body.split('\n').flatMap((line) => (line.startsWith('{"create"') ? [JSON.parse(line).create._id] : []));
const sentDocuments = ({ body }: MockRequest): EcsDocument[] =>
  body.split('\n').flatMap((line) => (line === '' || line.startsWith('{"create"') ? [] : [JSON.parse(line)]));
const answer = (request: MockRequest, refused: readonly string[] = []): MockReply => {
  const error = { type: 'document_parsing_exception', reason: 'because' };
  const create = (id: string) => (refused.includes(id) ? { status: 400, error } : { status: 201 });
  return { status: 200, json: { items: sentIds(request).map((id) => ({ create: create(id) })) } };
};
const all = (request: MockRequest) => answer(request);
const hits = (...ids: string[]): MockReply => ({
  status: 200,
  json: { hits: { hits: ids.map((_id) => ({ _id })) }, _shards: { failed: 0 } },
});
const refreshed: MockReply = { status: 200, json: { _shards: { failed: 0 } } };
const lookedUp = (place: string, ...found: string[]): Step[] => [
  ['GET /_tasks', { status: 200, json: {} }],
  [`POST ${place}/_refresh`, refreshed],
  [`POST ${place}/_search`, hits(...found)],
];
const idOfChange = (key: string, ordinal: number) => documentId('test.one_changes', key, ordinal, `${key}-${ordinal}`);
const write = (to: Sink, documents: OutDocument[]) =>
  to.write({ pipeline: 'p', walk: 'live', number: 1, documents }, signal);

describe('a batch', () => {
  test('has its changes once more, after its documents, as of the time when they were shipped', async () => {
    const steps: Step[] = [[`POST ${FIRST}/_bulk`, all], ...lookedUp(CHANGES), [`POST ${CHANGES}/_bulk`, all]];
    await write(await open(steps), [revision('a', 1), revision('b', 2), revision('c', 7)]);
    const [, , , , added] = (mock as Mock).requests as MockRequest[];
    expect(sentIds(added as MockRequest)).toEqual([idOfChange('b', 2), idOfChange('c', 7)]);
    const [first] = sentDocuments(added as MockRequest);
    expect(first).toEqual({
      '@timestamp': '2026-05-05T10:00:00.000Z',
      event: {
        ...{ id: 'b', kind: 'event', dataset: 'test.one_changes', sequence: 2, hash: 'b-2' },
        ingested: '2026-05-05T10:00:00.000Z',
      },
      data_stream: { type: 'logs', dataset: 'test.one_changes', namespace: 'acme' },
      sluice: { record: { timestamp: '2026-01-01T00:00:00.000Z' } },
      tags: ['detail_missing', 'timestamp_is_time_of_change'],
      test: { one: { long: '18446744073709551615', size: 0.1 } },
    });
  });

  test('without changes asks for nothing more', async () => {
    await write(await open([[`POST ${FIRST}/_bulk`, all]]), [revision('a', 1)]);
  });

  test('has no change of a document that was refused, and none twice', async () => {
    const refused = revision('b', 2);
    const steps: Step[] = [
      [`POST ${FIRST}/_bulk`, (request) => answer(request, [refused.id])],
      ...lookedUp(CHANGES, idOfChange('c', 2)),
      [`POST ${CHANGES}/_bulk`, all],
    ];
    const to = await open(steps);
    const { rejections } = await write(to, [refused, revision('c', 2), revision('d', 2)]);
    expect(rejections.map(({ id }) => id)).toEqual([refused.id]);
    expect(sentIds((mock as Mock).requests.at(-1) as MockRequest)).toEqual([idOfChange('d', 2)]);
  });

  test('is delivered although a change is refused, which is told', async () => {
    const steps: Step[] = [
      [`POST ${FIRST}/_bulk`, all],
      ...lookedUp(CHANGES),
      [`POST ${CHANGES}/_bulk`, (request) => answer(request, [idOfChange('b', 2)])],
    ];
    const { rejections } = await write(await open(steps), [revision('b', 2), revision('c', 2)]);
    expect(rejections).toEqual([]);
    expect(warned.map((line) => JSON.parse(line))).toMatchObject([
      { count: 1, msg: expect.stringContaining('logs-test.one_changes-acme does not take changes') },
    ]);
  });
});

test('after a crash, what arrived gets the changes that it lacks, from what is there', async () => {
  const [b, c, d] = [revision('b', 2), revision('c', 2), revision('d', 2)] as [OutDocument, OutDocument, OutDocument];
  const stored = (out: OutDocument) => ({
    _id: out.id,
    _index: 'i',
    _source: { ...JSON.parse(out.json.toString()), event: eventOf(out) },
    sort: [1],
  });
  const eventOf = (out: OutDocument) => ({
    ...JSON.parse(out.json.toString()).event,
    ingested: '2026-05-05T09:00:00.000Z',
  });
  const steps: Step[] = [
    ...lookedUp(FIRST, b.id, c.id),
    [`POST ${FIRST}/_refresh`, refreshed],
    [`POST ${FIRST}/_pit`, { status: 200, json: { id: 'p', _shards: { failed: 0 } } }],
    [
      'POST /_search',
      ({ body }) => {
        const asked = JSON.parse(body);
        expect(asked.query.bool.filter).toEqual([
          { range: { 'event.sequence': { gt: 1 } } },
          { ids: { values: [b.id, c.id] } },
        ]);
        const foreign = { ...stored(revision('x', 2)), _id: 'of somebody else' };
        return {
          status: 200,
          json: { pit_id: 'p', _shards: { failed: 0 }, hits: { hits: [stored(b), stored(c), foreign] } },
        };
      },
    ],
    ...lookedUp(CHANGES, idOfChange('b', 2)),
    ...lookedUp(CHANGES),
    [`POST ${CHANGES}/_bulk`, all],
    ['DELETE /_pit', { status: 200, json: {} }],
  ];
  const to = await open(steps);
  const ids = [b, c, d].map(({ id, stream, namespace }) => ({ id, stream, namespace }));
  const { arrived } = await to.recover('p', [{ walk: 'live', number: 1, atMs: 0, ids }], new Map(), signal);
  expect([...arrived]).toEqual([b.id, c.id]);
  const added = (mock as Mock).requests.find(({ path }) => path === `${CHANGES}/_bulk`) as MockRequest;
  expect(sentIds(added)).toEqual([idOfChange('c', 2)]);
  expect(sentDocuments(added)).toMatchObject([
    { '@timestamp': '2026-05-05T09:00:00.000Z', event: { ingested: '2026-05-05T10:00:00.000Z' } },
  ]);
});

test('setup and check know of the data streams of changes where they are asked for, and only of those', () => {
  const config = testConfig('http://127.0.0.1:9', '/nowhere');
  const sinkOf = (changes: boolean) => ({ name: 'elastic', type: 'elasticsearch', nodes: [], changes });
  const [source] = config.sources;
  if (source === undefined) throw new Error('there is no source');
  source.sinks = ['elastic'];
  source.streams = ['cylance.detection'];
  for (const changes of [false, true]) {
    config.sinks = [sinkOf(changes) as never];
    const names = placesOf(config, 'elastic').map(({ stream }) => stream);
    const declared = declaredStreams(config, streams, 'elastic');
    expect(names).toEqual(changes ? ['cylance.detection', 'cylance.detection_changes'] : ['cylance.detection']);
    const [made] = declared.filter(({ stream }) => stream === 'cylance.detection_changes');
    expect(made !== undefined).toBe(changes);
    if (made === undefined) continue;
    const { indexTemplates, componentTemplates } = templatesFor({ ...made, capability: 'full' });
    expect(indexTemplates[0]?.body.index_patterns).toEqual(['logs-cylance.detection_changes-*']);
    expect(JSON.stringify(componentTemplates)).toContain(
      '"sluice":{"properties":{"record":{"properties":{"timestamp":{"type":"date"}}}}}',
    );
  }
});

test('a copy without tags gets one, and the document stays as it was', () => {
  const document = {
    '@timestamp': '2026-01-01T00:00:00.000Z',
    event: { id: 'k', sequence: 2, hash: 'h', ingested: 'i' },
  };
  const before = structuredClone(document);
  const copy = JSON.parse(changeFrom(document, 'test.one', 'acme').json.toString());
  expect(copy.tags).toEqual(['timestamp_is_time_of_change']);
  expect(document).toEqual(before);
});
