/** Every way in which a request can fail, against a scripted server. The real one is in test/services. */
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { afterEach, describe, expect, it, test } from 'vitest';
import type { OutDocument, Sink } from '../../src/api/sink.ts';
import { fieldOf } from '../../src/sinks/elasticsearch/answers.ts';
import { connectElasticsearch, type EsClient } from '../../src/sinks/elasticsearch/client.ts';
import { type ElasticsearchSettings, openElasticsearch } from '../../src/sinks/elasticsearch/index.ts';
import { detectCapability, setupElasticsearch } from '../../src/sinks/elasticsearch/setup.ts';
import { matches } from '../../src/sinks/elasticsearch/template-check.ts';
import { toJson } from '../../src/sinks/serialize.ts';
import { type Mock, type MockReply, type MockRequest, mockElasticsearch, type Step } from './elasticsearch-mock.ts';

const bulk = 'POST /logs-test.one-acme/_bulk';
const tasks = 'GET /_tasks';
const refresh = 'POST /logs-test.one-acme/_refresh';
const search = 'POST /logs-test.one-acme/_search';
const signal = new AbortController().signal;

let mock: Mock | undefined;
let sink: Sink | undefined;
const logged: string[] = [];

async function open(steps: Step[], more: Partial<ElasticsearchSettings> = {}): Promise<Sink> {
  mock = await mockElasticsearch(steps);
  const stream = new Writable({
    write(line, _encoding, next) {
      logged.push(String(line));
      next();
    },
  });
  sink = openElasticsearch(
    { nodes: [mock.url], auth: { kind: 'none' }, retryBaseMs: 2, retryMaxMs: 10, retryDeadlineMs: 5000, ...more },
    { log: pino(stream), now: Date.now },
  );
  return sink;
}

afterEach(async () => {
  await sink?.close();
  await mock?.stop();
  logged.length = 0;
  mock?.done();
});

function documents(...ids: string[]): OutDocument[] {
  return ids.map((id) => ({
    id,
    stream: 'test.one',
    namespace: 'acme',
    key: id,
    revision: 'r',
    ordinal: 1,
    hostId: undefined,
    ...toJson({ '@timestamp': '2026-01-01T00:00:00Z', event: { id } }),
  }));
}

const write = (to: Sink, of: OutDocument[], number = 1, abort = signal) =>
  to.write({ pipeline: 'p', walk: 'live', number, documents: of }, abort);
const failure = (to: Sink, of: OutDocument[], number = 1) =>
  write(to, of, number).then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );

function sentIds({ body }: MockRequest): string[] {
  return body.split('\n').flatMap((line) => (line.startsWith('{"create"') ? [JSON.parse(line).create._id] : []));
}

type Item = [status: number, type?: string, reason?: string];
function items(...each: Item[]): MockReply {
  const json = each.map(([status, type, reason]) => ({ create: { status, ...(type && { error: { type, reason } }) } }));
  return { status: 200, json: { items: json } };
}

const all = (request: MockRequest) => items(...sentIds(request).map((): Item => [201]));
const found = (...ids: string[]): MockReply => ({
  status: 200,
  json: { hits: { hits: ids.map((_id) => ({ _id })) }, _shards: { failed: 0 } },
});
const ok: MockReply = { status: 200, json: {} };
const refreshed: MockReply = { status: 200, json: { _shards: { failed: 0 } } };
const refused = (status: number, type: string): MockReply => ({
  status,
  json: { error: { type, reason: 'because' }, status },
});

const nothingThere: Step[] = [
  [tasks, ok],
  [refresh, refreshed],
  [search, found()],
];
/** A refusal is believed at the third time: until then what arrived is looked up, and it is sent again. */
const believed = (answer: Step[1]): Step[] => [
  [bulk, answer],
  ...nothingThere,
  [bulk, answer],
  ...nothingThere,
  [bulk, answer],
];
const look = (answer: Step[1]): Step[] => [
  [tasks, ok],
  [refresh, answer],
];
/** The look-up is refused as well. */
const everywhere = (answer: Step[1]): Step[] => [[bulk, answer], ...look(answer), ...look(answer)];

describe('a bulk request', () => {
  it('creates with our ids, in plain media types, and says when it was ingested', async () => {
    await write(await open([[bulk, all]]), documents('a', 'b'));
    const [request] = (mock as Mock).requests as [MockRequest];
    const [action, document] = request.body.split('\n');
    expect(action).toBe('{"create":{"_id":"a"}}');
    const { event } = JSON.parse(document as string);
    expect(Object.keys(event)).toEqual(['id', 'ingested']);
    expect(request.headers['content-type']).toBe('application/x-ndjson');
    expect(request.headers.accept).toBe('application/json');
    expect(request.query.get('require_data_stream')).toBe('true');
  });

  it('is split by number and by bytes, and sent to each data stream', async () => {
    const five = documents('a', 'b', 'c', 'd', 'e');
    const other: OutDocument = { ...(five[4] as OutDocument), namespace: 'other' };
    const steps: Step[] = [
      [bulk, all],
      [bulk, all],
      ['POST /logs-test.one-other/_bulk', all],
    ];
    await write(await open(steps, { maxBulkDocuments: 2, concurrency: 1 }), [...five.slice(0, 4), other]);
    expect(mock?.requests.map(sentIds)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    mock?.done();
    await mock?.stop();
    await write(
      await open(
        [
          [bulk, all],
          [bulk, all],
        ],
        { maxBulkBytes: 150, concurrency: 1 },
      ),
      documents('a', 'b'),
    );
  });

  it('is compressed when it is told to', async () => {
    await write(await open([[bulk, all]], { compression: true }), documents('a'));
    expect(mock?.requests[0]?.headers['content-encoding']).toBe('gzip');
  });

  it('sends again only what a busy cluster refused, and takes a conflict for a delivery', async () => {
    const busy: Item = [429, 'es_rejected_execution_exception', 'queue is full'];
    const steps: Step[] = [
      [bulk, items([201], busy, [409, 'version_conflict_engine_exception'], busy)],
      [bulk, items([201], busy)],
      [bulk, all],
    ];
    expect(await write(await open(steps), documents('a', 'b', 'c', 'd'))).toEqual({ rejections: [], receipt: null });
    expect(mock?.requests.map(sentIds)).toEqual([['a', 'b', 'c', 'd'], ['b', 'd'], ['d']]);
  });

  it('looks up items that failed with 5xx before it sends them again', async () => {
    const steps: Step[] = [
      [bulk, items([201], [503, 'unavailable_shards_exception', 'primary is not active'], [500, 'x', 'y'])],
      [tasks, ok],
      [refresh, refreshed],
      [search, found('c')],
      [bulk, all],
    ];
    await write(await open(steps), documents('a', 'b', 'c'));
    expect(sentIds(mock?.requests.at(-1) as MockRequest)).toEqual(['b']);
  });

  it('keeps a rejection with its type, reason and field', async () => {
    const reason = "[1:2] failed to parse field [host.ip] of type [ip] in document with id 'b'";
    const steps: Step[] = [[bulk, items([201], [400, 'document_parsing_exception', reason])]];
    const { rejections } = await write(await open(steps), documents('a', 'b'));
    expect(rejections).toEqual([{ id: 'b', type: 'document_parsing_exception', reason, field: 'host.ip' }]);
  });

  it('says so when a document went to the failure store', async () => {
    const reply: MockReply = { status: 200, json: { items: [{ create: { status: 201, failure_store: 'used' } }] } };
    const { rejections } = await write(await open([[bulk, reply]]), documents('a'));
    expect(rejections).toMatchObject([{ id: 'a', type: 'failure_store' }]);
  });

  it.each([
    [400, 'illegal_argument_exception', 'pipeline with id [x] does not exist'],
    [400, 'validation_exception', 'this cluster currently has [1000]/[1000] maximum normal shards open'],
    [400, 'index_closed_exception', 'closed'],
    [403, 'security_exception', 'action [indices:data/write/bulk] is unauthorized'],
    [404, 'index_not_found_exception', 'no matching index template'],
  ] as Item[])('stops at an item %i %s, which is not the fault of the document', async (...item) => {
    expect(await failure(await open(believed(items([429], item))), documents('a', 'b'))).toMatchObject({
      action: 'stop',
    });
  });

  it('halves what is too large, down to the one document', async () => {
    const large = (request: MockRequest): MockReply =>
      sentIds(request).includes('c') ? { status: 413, text: '' } : all(request);
    const steps = Array.from({ length: 5 }, (): Step => [bulk, large]);
    const { rejections } = await write(await open(steps), documents('a', 'b', 'c', 'd'));
    expect(mock?.requests.map((each) => sentIds(each).join(''))).toEqual(['abcd', 'ab', 'cd', 'c', 'd']);
    expect(rejections).toMatchObject([{ id: 'c', type: 'too_large', reason: expect.stringContaining('bytes') }]);
  });

  it('waits as long as Retry-After says', async () => {
    const busy: MockReply = { status: 429, json: { error: 'busy' }, headers: { 'retry-after': '1' } };
    const start = Date.now();
    await write(
      await open([
        [bulk, busy],
        [bulk, all],
      ]),
      documents('a'),
    );
    expect(Date.now() - start).toBeGreaterThan(950);
  });
});

describe('a request whose fate is unknown', () => {
  const unknown: [string, MockReply][] = [
    ['hangs', 'hang'],
    ['is cut off', 'cut'],
    ['ends in 502', { status: 502, text: '<html>Bad gateway</html>' }],
    ['ends in 503', refused(503, 'node_closed_exception')],
    ['is answered by something else', { status: 200, text: '<html>Welcome</html>' }],
    ['is answered with half a reply', { status: 200, text: '{"items":[{"cre', type: 'application/json' }],
    ['has no result for each document', items([201])],
  ];
  it.each(unknown)('%s: is looked up, and only what is not there is sent again', async (_name, reply) => {
    const steps: Step[] = [
      [bulk, reply],
      [tasks, ok],
      [refresh, refreshed],
      [search, found('b')],
      [bulk, all],
    ];
    await write(await open(steps, { requestTimeoutMs: 300 }), documents('a', 'b', 'c'));
    const asked = JSON.parse(mock?.requests[3]?.body as string);
    expect(asked.query.ids.values).toEqual(['a', 'b', 'c']);
    expect(mock?.requests[3]?.query.get('allow_partial_search_results')).toBe('false');
    expect(sentIds(mock?.requests[4] as MockRequest)).toEqual(['a', 'c']);
  });

  it('waits until the bulk task that was running has ended, and not for later ones', async () => {
    const task = (id: number, name = 'sluice/logs-test.one-acme') => ({
      node: 'n',
      id,
      headers: { 'X-Opaque-Id': name },
    });
    const running = (...each: unknown[]): MockReply => ({ status: 200, json: { tasks: each } });
    const steps: Step[] = [
      [bulk, 'cut'],
      [tasks, running(task(1), task(2, 'somebody else'))],
      [tasks, running(task(1), task(2, 'somebody else'))],
      [tasks, running(task(3), task(2, 'somebody else'))],
      [refresh, refreshed],
      [search, found('a')],
    ];
    await write(await open(steps), documents('a'));
    expect(mock?.requests[0]?.headers['x-opaque-id']).toBe('sluice/logs-test.one-acme');
  });

  it('takes a data stream that does not exist for "nothing arrived", and a 404 of a proxy for nothing of the sort', async () => {
    await write(
      await open([
        [bulk, 'cut'],
        [tasks, ok],
        [refresh, refused(404, 'index_not_found_exception')],
        [bulk, all],
      ]),
      documents('a'),
    );
    mock?.done();
    await mock?.stop();
    const page: MockReply = { status: 404, text: 'no such page' };
    const other = await open([[bulk, 'cut'], ...look(page), ...look(page), ...look(page)]);
    expect(await failure(other, documents('a'))).toMatchObject({ action: 'stop' });
  });

  it('does not take missing shards for an answer', async () => {
    const partial: MockReply = { status: 200, json: { hits: { hits: [] }, _shards: { failed: 1 } } };
    const steps: Step[] = [
      [bulk, 'cut'],
      ...([
        [tasks, ok],
        [refresh, partial],
      ] as Step[]),
      ...([
        [tasks, ok],
        [refresh, refreshed],
        [search, partial],
      ] as Step[]),
      ...([
        [tasks, ok],
        [refresh, refreshed],
        [search, refused(503, 'search_phase_execution_exception')],
      ] as Step[]),
      ...([
        [tasks, ok],
        [refresh, refreshed],
        [search, found('a')],
      ] as Step[]),
    ];
    await write(await open(steps), documents('a'));
  });

  it('says which privilege is missing when it may not look', async () => {
    const no = refused(403, 'security_exception');
    const blind: Step[] = [
      [tasks, no],
      [refresh, no],
    ];
    const steps: Step[] = [[bulk, 'cut'], ...blind, ...blind, ...blind];
    const error = await failure(await open(steps), documents('a'));
    expect(error).toMatchObject({ action: 'stop', message: expect.stringContaining('look up what arrived') });
    expect(error.advice).toContain('maintenance');
  });

  it('goes on in halves when small requests are answered and large ones are cut off', async () => {
    const steps: Step[] = [[bulk, 'cut'], ...nothingThere, [bulk, 'cut'], ...nothingThere, [bulk, all], [bulk, all]];
    await write(await open(steps), documents('a', 'b'));
    expect(mock?.requests.slice(-2).map(sentIds)).toEqual([['a'], ['b']]);
  });

  it('looks first when a batch is written again after a failure', async () => {
    const steps: Step[] = [
      ...everywhere(refused(401, 'security_exception')),
      [tasks, ok],
      [refresh, refreshed],
      [search, found('a')],
      [bulk, all],
    ];
    const twice = await open(steps);
    await failure(twice, documents('a', 'b'));
    await write(twice, documents('a', 'b'));
    expect(sentIds(mock?.requests.at(-1) as MockRequest)).toEqual(['b']);
  });

  it('does not ask for ever where a search is answered with other ids', async () => {
    const steps: Step[] = [
      [tasks, ok],
      [refresh, refreshed],
      [search, found('x', 'y')],
      [tasks, ok],
      [refresh, refreshed],
      [search, found('a', 'b')],
    ];
    const ids = documents('a', 'b').map(({ id, stream, namespace }) => ({ id, stream, namespace }));
    const { arrived } = await (await open(steps)).recover('p', [{ walk: 'live', number: 1, atMs: 0, ids }], new Map());
    expect([...arrived]).toEqual(['a', 'b']);
  });

  it('asks again while an answer is full, since an id may be there twice', async () => {
    const steps: Step[] = [
      [tasks, ok],
      [refresh, refreshed],
      [search, found('a', 'a')],
      [search, found('b')],
    ];
    const ids = documents('a', 'b').map(({ id, stream, namespace }) => ({ id, stream, namespace }));
    const { arrived } = await (await open(steps)).recover('p', [{ walk: 'live', number: 1, atMs: 0, ids }], new Map());
    expect([...arrived]).toEqual(['a', 'b']);
  });
});

describe('a refusal', () => {
  const advice: [number, string][] = [
    [401, 'API key'],
    [403, 'create_doc'],
    [404, 'sluice setup elasticsearch'],
    [400, 'message says what'],
    [406, 'message says what'],
  ];
  it.each(advice)('%i of the whole request stops with advice, and rejects nothing', async (status, words) => {
    const error = await failure(await open(believed(refused(status, 'some_exception'))), documents('a', 'b'));
    expect(error).toMatchObject({ name: 'SluiceError', action: 'stop', advice: expect.stringContaining(words) });
    expect(error.message).toContain('some_exception: because');
  });

  it('that is said once is not believed: an answer may be damaged, or that of a gateway', async () => {
    const steps: Step[] = [
      [bulk, refused(403, 'security_exception')],
      [tasks, ok],
      [refresh, { status: 401, text: 'who are you?' }],
      [tasks, ok],
      [refresh, refreshed],
      [search, found('a')],
      [bulk, refused(404, 'index_not_found_exception')],
      ...nothingThere,
      [bulk, all],
    ];
    await write(await open(steps), documents('a', 'b'));
    expect(sentIds(mock?.requests.at(-1) as MockRequest)).toEqual(['b']);
  });

  it('takes a rotated key at once', async () => {
    let key = 'old';
    const steps: Step[] = [
      [
        bulk,
        () => {
          key = 'new';
          return refused(401, 'security_exception');
        },
      ],
      [bulk, all],
    ];
    await write(await open(steps, { auth: { kind: 'apiKey', apiKey: () => key } }), documents('a'));
    expect(mock?.requests.map(({ headers }) => headers.authorization)).toEqual(['ApiKey old', 'ApiKey new']);
  });

  it.each([
    ['index.blocks.write', [403, 'cluster_block_exception', 'index [x] blocked by: [FORBIDDEN/8/index write (api)]']],
    [
      'disk',
      [429, 'cluster_block_exception', 'blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]'],
    ],
  ] as [string, Item][])(
    'by a block (%s) is waited for, is said once, and may still pass after the deadline',
    async (words, item) => {
      const steps = Array.from({ length: 40 }, (): Step => [bulk, items(item)]);
      const blocked = await open(steps, { retryDeadlineMs: 100, retryMaxMs: 20 });
      const error = await failure(blocked, documents('a'));
      expect(error).toMatchObject({ action: 'retry', advice: expect.stringContaining(words) });
      expect(error.advice).toContain('Nothing is lost');
      expect(logged.filter((line) => line.includes('blocked by'))).toHaveLength(1);
      expect(mock?.requests.length).toBeGreaterThan(3);
      mock = undefined; // how often it asks is left to chance
    },
  );

  it('by silence names the address and what to do', async () => {
    await open([]);
    await mock?.stop();
    const { url } = mock as Mock;
    const nobody = openElasticsearch(
      {
        nodes: [url.replace('//', '//user:planted%20word@')],
        auth: { kind: 'none' },
        retryDeadlineMs: 50,
        retryBaseMs: 5,
      },
      { log: pino({ level: 'silent' }), now: Date.now },
    );
    const error = await failure(nobody, documents('a'));
    await nobody.close();
    mock = undefined;
    expect(error).toMatchObject({ action: 'retry', message: expect.stringContaining(`${url} cannot be reached`) });
    expect(error.message + error.stack + error.advice).not.toContain('planted');
  });

  it.each([
    ['apiKey', { kind: 'apiKey', apiKey: () => 'planted-secret' }],
    ['password', { kind: 'basic', username: 'me', password: () => 'planted-secret' }],
  ] as [string, ElasticsearchSettings['auth']][])(
    'never repeats the secret (%s), even where the reply does',
    async (_name, auth) => {
      const echo = (request: MockRequest): MockReply => ({
        status: 403,
        text: `no: ${request.headers.authorization} planted-secret`,
      });
      const json = (request: MockRequest): MockReply => ({
        status: 401,
        json: { error: { type: 'x', reason: request.headers.authorization } },
      });
      const encoded = Buffer.from('me:planted-secret').toString('base64');
      const echoing = await open([...everywhere(echo), ...everywhere(json)], { auth });
      for (const error of [await failure(echoing, documents('a')), await failure(echoing, documents('b'), 2)]) {
        const told =
          JSON.stringify([error.message, error.stack, error.advice, error.cause ?? null, error]) + logged.join();
        expect(told).not.toContain('planted-secret');
        expect(told).not.toContain(encoded);
      }
    },
  );
});

describe('an abort', () => {
  it('ends a request that hangs', async () => {
    const abort = new AbortController();
    const hanging = write(await open([[bulk, 'hang']]), documents('a'), 1, abort.signal).catch((error) => error);
    setTimeout(() => abort.abort(), 50);
    expect(await hanging).toMatchObject({ name: 'AbortError' });
  });

  it('ends a pause', async () => {
    const abort = new AbortController();
    const busy = (): MockReply => {
      setTimeout(() => abort.abort(), 50); // after the request came: until then there is no pause
      return { status: 429, json: { error: 'busy' }, headers: { 'retry-after': '60' } };
    };
    const steps: Step[] = [[bulk, busy]];
    const pausing = write(await open(steps), documents('a'), 1, abort.signal).catch((error) => error);
    expect(await pausing).toMatchObject({ name: 'AbortError' });
  });

  it('calls the other requests of a batch off when one is refused', async () => {
    const steps: Step[] = [[bulk, 'hang'], ...everywhere(refused(403, 'security_exception'))];
    const error = await failure(await open(steps, { maxBulkDocuments: 1 }), documents('a', 'b', 'c'));
    expect(error).toMatchObject({ action: 'stop' });
  });
});

describe('check', () => {
  const found200 = (json: unknown): MockReply => ({ status: 200, json });
  const root: Step = ['GET /', found200({ version: { number: '9.5.3' } })];
  const licence: Step = ['GET /_license', found200({ license: { type: 'basic', status: 'active' } })];
  const template = {
    name: 'logs-test.one',
    index_template: { index_patterns: ['logs-test.one-*'], _meta: { managed_by: 'sluice' } },
  };
  const templates: Step = ['GET /_index_template', found200({ index_templates: [template] })];
  const simulated: Step = ['POST /_index_template/_simulate_index/logs-test.one-acme', found200({})];
  const components: Step = ['GET /_component_template/sluice-*', found200({})];
  const names = 'GET /_resolve/index/logs-test.one-acme';
  const lifecycle: Step = ['GET /_data_stream/logs-test.one-acme*', found200({})];
  const looked: Step[] = [templates, simulated, components, lifecycle, [names, found200({})]];
  const privileges = 'POST /_security/user/_has_privileges';
  const settings = 'GET /logs-test.one-acme/_settings/index.blocks.*';
  const dataStreams = ['logs-test.one-acme'];

  it('shows six lines when all is well', async () => {
    const steps: Step[] = [root, licence, ...looked, [privileges, found200({ index: {} })], [settings, found200({})]];
    const lines = await (await open(steps, { dataStreams })).check(signal);
    expect(lines.map(({ ok: fine }) => fine)).toEqual([true, true, true, true, true, true]);
    expect(lines[0]?.detail).toContain('9.5.3');
    expect(lines[0]?.detail).toContain('basic licence');
  });

  it('says what is missing', async () => {
    const index = { 'logs-test.one-acme': { create_doc: true, read: false } };
    const block = (name: string) => ({ [name]: { settings: { 'index.blocks.write': 'true' } } });
    const blocks = {
      ...block('.ds-logs-test.one-acme-2026.01.01-000009'),
      ...block('.ds-logs-test.one-acme-2026.01.02-000010'),
    };
    const steps: Step[] = [
      root,
      licence,
      ['GET /_index_template', found200({})],
      simulated,
      components,
      lifecycle,
      [names, found200({ indices: [{ name: 'logs-test.one-acme' }] })],
      [privileges, found200({ index })],
      [settings, found200(blocks)],
    ];
    const lines = await (await open(steps, { dataStreams })).check(signal);
    expect(lines.map(({ ok: fine }) => fine)).toEqual([true, false, true, false, false, false]);
    expect(lines[1]?.advice).toContain('sluice setup elasticsearch');
    expect(lines[3]).toMatchObject({ detail: 'logs-test.one-acme is a plain index' });
    expect(lines[3]?.advice).toContain('DELETE /logs-test.one-acme');
    expect(lines[4]?.detail).toBe('missing: read on logs-test.one-acme');
    expect(lines[5]?.detail).toBe('.ds-logs-test.one-acme-2026.01.02-000010: index.blocks.write');
  });

  const foreign = {
    name: 'their-logs',
    index_template: { index_patterns: ['logs-test.*'], priority: 500, _meta: {} },
  };
  const builtIn = { name: 'logs', index_template: { index_patterns: ['logs-*-*'], priority: 100 } };
  const own = (version: number) => ({
    ...template,
    index_template: { ...template.index_template, priority: 250, _meta: { managed_by: 'sluice', version } },
  });
  it.each([
    [
      'a foreign one of higher priority',
      [own(2), builtIn, foreign],
      ['logs', 'logs-test.one'],
      /their-logs \(priority 500/,
      /Lower the priority of their-logs below 250/,
    ],
    ['a foreign one of higher priority where ours is missing', [builtIn, foreign], ['logs'], /none of Sluice/, /setup/],
    ['a built-in one only', [builtIn], [], /none of Sluice/, /sluice setup elasticsearch/],
    [
      'one of an older version',
      [own(1), builtIn],
      ['logs'],
      /older than this version: logs-test\.one/,
      /setup elasticsearch/,
    ],
  ])('tells %s', async (_name, installed, overlapping, detail, advice) => {
    const steps: Step[] = [
      root,
      licence,
      ['GET /_index_template', found200({ index_templates: installed })],
      [simulated[0], found200({ overlapping: overlapping.map((name) => ({ name })) })],
      components,
      lifecycle,
      [names, found200({})],
      [privileges, found200({ index: {} })],
      [settings, found200({})],
    ];
    const lines = await (await open(steps, { dataStreams })).check(signal);
    const bad = lines.filter(({ ok: fine }) => !fine);
    expect(bad[0]).toMatchObject({ detail: expect.stringMatching(detail), advice: expect.stringMatching(advice) });
    expect(bad.some((line) => line.detail.includes('their-logs'))).toBe(installed.includes(foreign));
    expect(bad).toHaveLength(
      installed.includes(foreign) && !installed.some(({ name }) => name === 'logs-test.one') ? 2 : 1,
    );
  });

  it('tells a foreign template by the data streams in use where templates may not be seen', async () => {
    const dataStream = (name: string, made: string) => ({ name, template: made });
    const used = [
      dataStream('logs-test.one-acme', 'logs'),
      dataStream('logs-test.two-acme', 'logs-test.two'),
      dataStream('logs-test.one-acme2', 'their-own'),
    ];
    const both = ['logs-test.one-acme', 'logs-test.two-acme'];
    const forbidden = refused(403, 'security_exception');
    const steps: Step[] = [
      root,
      licence,
      ['GET /_index_template', forbidden],
      [`GET /_data_stream/${both.map((name) => `${name}*`).join(',')}`, found200({ data_streams: used })],
      [`GET /_data_stream/${both.map((name) => `${name}*`).join(',')}`, forbidden],
      [`GET /_resolve/index/${both.join(',')}`, forbidden],
      [privileges, found200({ index: {} })],
      [`GET /${both.join(',')}/_settings/index.blocks.*`, forbidden],
    ];
    const lines = await (await open(steps, { dataStreams: both })).check(signal);
    expect(lines.filter(({ ok: fine }) => !fine)).toEqual([
      expect.objectContaining({
        detail: "the template logs, which is not Sluice's, wins for logs-test.one-acme",
        advice: expect.stringContaining('lower the priority of logs below 250'),
      }),
    ]);
  });

  it.each([
    ['nobody', 'cut', 'cannot be reached'],
    ['a web page', { status: 200, text: '<html>' }, 'not Elasticsearch'],
    ['a wrong key', refused(401, 'security_exception'), 'credentials'],
    ['something else with JSON', { status: 200, json: { hello: 1 } }, 'something else'],
  ] as [string, MockReply, string][])('ends at the first line for %s', async (_name, reply, words) => {
    const lines = await (await open([['GET /', reply]])).check(signal);
    expect(lines).toMatchObject([{ ok: false, detail: expect.stringContaining(words), advice: expect.any(String) }]);
  });
});

describe('setup', () => {
  const simulate = 'POST /_index_template/_simulate';
  async function connected<T>(steps: Step[], use: (client: EsClient) => Promise<T>): Promise<T> {
    mock = await mockElasticsearch(steps);
    const client = connectElasticsearch({ nodes: [mock.url], auth: { kind: 'none' } });
    return use(client).finally(() => client.close());
  }

  it('knows a full cluster by its field types, and names what a smaller one lacks', async () => {
    const full = Array.from({ length: 4 }, (): Step => [simulate, ok]);
    expect(await connected(full, (client) => detectCapability(client))).toMatchObject({
      capability: 'full',
      lacks: [],
    });
    await mock?.stop();
    const reason = 'The mapper type [wildcard] declared on field [probe] does not exist.';
    const lacking: MockReply = { status: 400, json: { error: { type: 'mapper_parsing_exception', reason } } };
    const found = await connected([[simulate, lacking], ...full.slice(1)], (client) => detectCapability(client));
    expect(found).toMatchObject({ capability: 'core', lacks: ['wildcard'], says: expect.stringContaining('wildcard') });
  });

  it('does not take a refusal for a lack', async () => {
    const steps: Step[] = [[simulate, refused(403, 'security_exception')]];
    const error = await connected(steps, (client) => detectCapability(client)).catch((thrown) => thrown);
    expect(error).toMatchObject({ action: 'stop', advice: expect.stringContaining('manage_index_templates') });
  });

  it('updates what somebody changed by hand, whatever form settings come back in', async () => {
    const path = '/_component_template/sluice-a';
    const body = { template: { settings: { 'mapping.total_fields.limit': 2000 } } };
    let stored: Record<string, unknown> = {};
    const put = (request: MockRequest): MockReply => {
      stored = JSON.parse(request.body);
      return ok;
    };
    const get = (limit: string) => (): MockReply => {
      const template = { settings: { index: { mapping: { total_fields: { limit } } } } };
      return { status: 200, json: { component_templates: [{ component_template: { ...stored, template } }] } };
    };
    const steps: Step[] = [
      [`GET ${path}`, refused(404, 'resource_not_found_exception')],
      [`PUT ${path}`, put],
      [`GET ${path}`, get('2000')],
      [`GET ${path}`, get('500')],
      [`PUT ${path}`, put],
    ];
    const actions = await connected(steps, async (client) => {
      const run = () => setupElasticsearch(client, [{ kind: 'component', name: 'sluice-a', body }]);
      return [await run(), await run(), await run()].flatMap((results) => results.map(({ action }) => action));
    });
    expect(actions).toEqual(['created', 'unchanged', 'updated']);
  });
});

it.each([
  ["failed to parse field [a.b] of type [long] in document with id 'x'", 'a.b'],
  ['object mapping for [host] tried to parse field [host] as object, but found a concrete value', 'host'],
  ['mapping set to strict, dynamic introduction of [b] within [_doc] is not allowed', 'b'],
  ['mapping set to strict, dynamic introduction of [b] within [a] is not allowed', 'a.b'],
  ['mapper [x.y] cannot be changed from type [long] to [text]', 'x.y'],
  ['Document contains at least one immense term in field="tags" (whose UTF8 encoding is longer', 'tags'],
  ['Limit of total fields [1000] has been exceeded while adding new fields [3]', undefined],
])('reads the field out of a reason: %s', (reason, field) => {
  expect(fieldOf(reason)).toBe(field);
});

const SHAPES: [string, MockReply][] = (
  [
    ['null', null],
    ['a number', 5],
    ['a text', 'ok'],
    ['a list', []],
    ['an empty object', {}],
    ['null for the items', { items: null, tasks: null, hits: null, _shards: null }],
    ['a text for the items', { items: 'x', tasks: 'x', hits: 'x', _shards: 'x' }],
    ['null for an item', { items: [null], tasks: [null], hits: { hits: [null] }, _shards: { failed: null } }],
    ['a text for an item', { items: ['x'], tasks: ['x'], hits: { hits: ['x'] }, _shards: { failed: '0' } }],
    ['an empty item', { items: [{}], hits: { hits: [{}] }, _shards: {} }],
    ['another operation', { items: [{ index: { status: 201 } }], _shards: 5 }],
    ['null for the result', { items: [{ create: null }], hits: { hits: 5 }, _shards: { failed: {} } }],
    ['a text for the status', { items: [{ create: { status: '201' } }], tasks: [{ headers: 5 }], _shards: [] }],
  ] as const
).map(([what, json]) => [what, { status: 200, json }]);

describe('a reply of another shape', () => {
  test.each(SHAPES)('%s for a bulk request says nothing: what is not there is sent again', async (_what, reply) => {
    const to = await open([
      [bulk, reply],
      [tasks, ok],
      [refresh, refreshed],
      [search, found('a')],
      [bulk, all],
    ]);
    await write(to, documents('a', 'b'));
    expect(sentIds(mock?.requests.at(-1) as MockRequest)).toEqual(['b']);
  });

  test.each(SHAPES)('%s for a look-up never reads as "nothing arrived"', async (what, reply) => {
    // Without tasks there is nothing to wait for, and the search says which shards it saw.
    const isNoTask = what === 'an empty object' || what === 'an empty item' || what === 'another operation';
    const odd: Step[] = isNoTask || what === 'null for the result' ? [] : [[tasks, reply]];
    const to = await open([
      [bulk, 'cut'],
      ...odd,
      ...([
        [tasks, ok],
        [refresh, reply],
      ] as Step[]),
      ...([
        [tasks, ok],
        [refresh, refreshed],
        [search, reply],
      ] as Step[]),
      ...([
        [tasks, ok],
        [refresh, refreshed],
        [search, found('a')],
      ] as Step[]),
    ]);
    await write(to, documents('a'));
  });

  test('a bulk reply that unpacks to gigabytes is cut off, and the request is in doubt', async () => {
    const bomb = gzipSync(`{"items":[${'{"create":{"status":201}},'.repeat(400_000)}{}]}`);
    const packed: MockReply = { status: 200, bytes: bomb, headers: { 'content-encoding': 'gzip' } };
    const to = await open([
      [bulk, packed],
      [tasks, ok],
      [refresh, refreshed],
      [search, found('a')],
    ]);
    await write(to, documents('a'));
    expect(bomb.length).toBeLessThan(100_000);
  });

  test('a refusal of any size and shape keeps its status', async () => {
    for (const json of [null, 5, [], { error: 5 }, { error: { type: 5, reason: {}, caused_by: 5 } }]) {
      const to = await open(everywhere({ status: 401, json }));
      expect(await failure(to, documents('a'))).toMatchObject({
        action: 'stop',
        message: expect.stringContaining('401'),
      });
      await to.close();
      await mock?.stop();
    }
    const to = await open(everywhere({ status: 401, text: 'x'.repeat(3_000_000) }));
    expect(await failure(to, documents('a'))).toMatchObject({
      action: 'stop',
      message: expect.stringContaining('401'),
    });
  });
});

test('a pattern of many stars costs no time', () => {
  const stars = `${'a*'.repeat(2000)}b`;
  const startedAt = performance.now();
  expect(matches(stars, 'a'.repeat(4000))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(1000);
  expect(['logs-*', '*', 'logs-*-*', 'logs-x-y', '*-y', 'l*x*y'].map((each) => matches(each, 'logs-x-y'))).toEqual(
    Array(6).fill(true),
  );
  expect(['logs', 'logs-*-z', '*x', 'logs-x-y-*', 'logs-x-y*y'].map((each) => matches(each, 'logs-x-y'))).toEqual(
    Array(5).fill(false),
  );
});
