/** The newest revision of each record, as far as no cluster is needed: which documents are sent, and how transforms are made. */
import { describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { recordsChange } from '../../src/api/records/changing.ts';
import type { OutDocument } from '../../src/api/sink.ts';
import type { EsClient, EsRequest, Reply } from '../../src/sinks/elasticsearch/client.ts';
import { checkLatest } from '../../src/sinks/elasticsearch/latest/check.ts';
import { latestId } from '../../src/sinks/elasticsearch/latest/names.ts';
import { setupTransforms, transformFor } from '../../src/sinks/elasticsearch/latest/transform.ts';
import { newestAmong } from '../../src/sinks/elasticsearch/latest/write.ts';
import { contractDocument } from '../contract/sink.ts';

const signal = new AbortController().signal;
const OF = { stream: 'a.one', namespace: 'acme' } as const;

/** Answers by the beginning of the request; everything else is acknowledged. */
function clientOf(answers: Record<string, { status: number; body: unknown }>) {
  const requests: EsRequest[] = [];
  const client: EsClient = {
    ...{ where: 'http://es', requestTimeoutMs: 1000 },
    async call<Body>(request: EsRequest<Body>): Promise<Reply<Body>> {
      requests.push(request as EsRequest);
      const [, found] =
        Object.entries(answers).find(([start]) => `${request.method} ${request.path}`.startsWith(start)) ?? [];
      const { status, body } = found ?? { status: 200, body: { acknowledged: true } };
      const shaped = status === 200 && request.shape ? request.shape.parse(body) : body;
      return { kind: 'answer', status, body: shaped as Body, retryAfterMs: undefined };
    },
    close: async () => {},
  };
  return { client, changes: () => requests.filter(({ method }) => method !== 'GET') };
}

const MISSING = { status: 404, body: { error: { type: 'resource_not_found_exception', reason: 'no' } } };
const lines = (changes: EsRequest[]) => changes.map(({ method, path }) => `${method} ${path}`);

describe('transforms', () => {
  const name = 'sluice-latest-a.one-acme';

  test('take the last revision of each record by its sequence, as it is ingested', () => {
    expect(transformFor(OF)).toMatchObject({
      name,
      body: {
        source: { index: ['logs-a.one-acme'] },
        dest: { index: 'latest-a.one-acme' },
        latest: { unique_key: ['event.id'], sort: 'event.sequence' },
        sync: { time: { field: 'event.ingested' } },
      },
    });
    // Elasticsearch: lower case letters, digits, hyphens, underscores and periods, 64 characters at most.
    for (const [index, { stream }] of streams.entries()) {
      const made = transformFor({ stream: stream.name, namespace: 'a'.repeat(1 + index * 6) });
      expect(made.name).toMatch(/^[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]$/);
    }
  });

  test('are made and started once, and made again where they are of an older version', async () => {
    const { client, changes } = clientOf({ 'GET /_transform': MISSING });
    expect(await setupTransforms(client, [OF], { dryRun: true, signal })).toEqual([{ name, action: 'created' }]);
    expect(changes()).toEqual([]);
    expect(await setupTransforms(client, [OF], { signal })).toEqual([{ name, action: 'created' }]);
    expect(lines(changes())).toEqual([`PUT /_transform/${name}`, `POST /_transform/${name}/_start`]);
    expect(changes()[0]?.query, 'the data stream need not be there yet').toEqual({ defer_validation: true });

    const { _meta } = (changes()[0] as EsRequest).body as { _meta: { version: number } };
    const installed = (version: number) => ({ status: 200, body: { transforms: [{ id: name, _meta: { version } }] } });
    const same = clientOf({ 'GET /_transform': installed(_meta.version) });
    expect(await setupTransforms(same.client, [OF], { signal })).toEqual([{ name, action: 'unchanged' }]);
    expect(same.changes()).toEqual([]);
    const older = clientOf({ 'GET /_transform': installed(_meta.version - 1) });
    expect(await setupTransforms(older.client, [OF], { signal })).toEqual([{ name, action: 'updated' }]);
    expect(lines(older.changes())[0]).toBe(`DELETE /_transform/${name}`);
    expect(older.changes()).toHaveLength(3);
  });

  test('are refused with what to do where there are none, or where the account may not', async () => {
    const error = 'no handler found for uri [/_transform/x] and method [GET]';
    const core = clientOf({ 'GET /_transform': { status: 400, body: { error } } }).client;
    await expect(setupTransforms(core, [OF], { signal })).rejects.toMatchObject({
      message: 'there are no transforms at http://es',
      advice: expect.stringContaining('`latest: true`'),
    });
    const forbidden = { status: 403, body: { error: { type: 'security_exception', reason: 'no' } } };
    const small = clientOf({ 'GET /_transform': MISSING, 'PUT /_transform': forbidden }).client;
    await expect(setupTransforms(small, [OF], { signal })).rejects.toMatchObject({
      advice: expect.stringContaining('`manage_transform`'),
    });
  });
});

describe('of a batch', () => {
  const revision = (key: string, ordinal: number, stream = 'a.one'): OutDocument => ({
    ...contractDocument(`${key}-${ordinal}`),
    ...{ key, ordinal, stream: stream as OutDocument['stream'], namespace: 'acme' },
  });

  test('the newest of each record is sent, of streams whose records change, without what was refused', () => {
    const documents = [
      ...[revision('a', 1), revision('a', 3), revision('a', 2), revision('b', 1)],
      ...[revision('b', 2), revision('x', 1, 'never.changes'), revision('a', 1, 'b.two')],
    ];
    const refused = [{ id: 'b-2', type: 'x', reason: 'y' }];
    const found = newestAmong(documents, new Set(['a.one', 'b.two']), refused, '2026-01-01T00:00:00.000Z');
    const said = [...found].map(([alias, newest]) => [alias, ...newest.map(({ key, ordinal }) => `${key} ${ordinal}`)]);
    expect(said).toEqual([
      ['latest-a.one-acme', 'a 3', 'b 1'],
      ['latest-b.two-acme', 'a 1'],
    ]);
    const [first] = found.get('latest-a.one-acme') ?? [];
    expect(JSON.parse(first?.body().toString() ?? '')).toMatchObject({
      event: { ingested: '2026-01-01T00:00:00.000Z' },
    });
  });

  test('ids are those of the records, unless they are too long', () => {
    expect(latestId('5f-ä')).toBe('5f-ä');
    expect(latestId('ä'.repeat(256))).toBe('ä'.repeat(256));
    expect(latestId('ä'.repeat(257))).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(latestId('')).toMatch(/^sha256-/);
  });
});

test('check names the aliases that are not there, and an index in the place of one', async () => {
  const names = ['latest-a.one-acme', 'latest-b.two-acme'];
  const check = (body: unknown, status = 200) =>
    checkLatest(clientOf({ 'GET /_resolve': { status, body } }).client, names, signal);
  const aliases = names.map((name) => ({ name, indices: [`${name}-000001`] }));
  expect(await check({ aliases })).toMatchObject([{ ok: true }]);
  expect(await check({ aliases: aliases.slice(1) })).toMatchObject([
    { ok: false, detail: 'not there: latest-a.one-acme', advice: expect.stringContaining('setup elasticsearch') },
  ]);
  expect(await check({ aliases: aliases.slice(1), indices: [{ name: names[0] }] })).toMatchObject([
    { ok: false, detail: 'latest-a.one-acme is no alias', advice: expect.stringContaining('DELETE /_transform') },
  ]);
  expect(await check({ error: { type: 'x', reason: 'y' } }, 403)).toMatchObject([{ ok: true }]);
});

test('records change in streams with later revisions or deletions', () => {
  const changing = streams.filter(({ stream }) => recordsChange(stream)).map(({ stream }) => stream.name);
  expect(changing).toContain('cylance.detection');
  expect(changing).toContain('cylance.threat_device');
  for (const name of ['cylance.instaquery_result', 'cylance.focus_view_result', 'cylance.device_lockdown'])
    expect(changing).not.toContain(name);
});
