/** The Elasticsearch sink against the real server, in both majors. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import type { Batch, OutDocument, Sink } from '../../src/api/sink.ts';
import { connectElasticsearch } from '../../src/sinks/elasticsearch/client.ts';
import { setupDataStreams } from '../../src/sinks/elasticsearch/data-streams.ts';
import { type ElasticsearchSettings, openElasticsearch } from '../../src/sinks/elasticsearch/index.ts';
import { demandPolicy, type Expiry } from '../../src/sinks/elasticsearch/lifecycle.ts';
import {
  detectCapability,
  setupElasticsearch,
  type Template,
  templateList,
} from '../../src/sinks/elasticsearch/setup.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { contractDocument, sinkContract } from '../contract/sink.ts';
import { type ElasticsearchVersion, type RunningElasticsearch, startElasticsearch } from './elasticsearch.ts';
import { startProxy } from './proxy.ts';

const signal = new AbortController().signal;
const dataStream = 'logs-test.contract-acme';
const versions: ElasticsearchVersion[] = ['9.5.3', '8.19.5'];

function settingsFor(url: string, more: Partial<ElasticsearchSettings> = {}): ElasticsearchSettings {
  return { nodes: [url], auth: { kind: 'none' }, retryBaseMs: 20, retryMaxMs: 500, retryDeadlineMs: 60_000, ...more };
}

function openSink(url: string, more: Partial<ElasticsearchSettings> = {}): Sink {
  return openElasticsearch(settingsFor(url, more), { log: pino({ level: 'silent' }), now: Date.now });
}

async function es(url: string, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(url + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${path}: ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

async function readAll(url: string): Promise<{ id: string; index: string; source: EcsDocument }[]> {
  const missing = await fetch(`${url}/${dataStream}/_refresh`, { method: 'POST' });
  if (missing.status === 404) return [];
  return found(url, `/${dataStream}`);
}

async function found(url: string, path: string): Promise<{ id: string; index: string; source: EcsDocument }[]> {
  const reply = await es(url, 'POST', `${path}/_search`, { size: 10_000 });
  const { hits } = reply.hits as { hits: { _id: string; _index: string; _source: EcsDocument }[] };
  return hits.map(({ _id, _index, _source }) => ({ id: _id, index: _index, source: _source }));
}

const mappings = {
  date_detection: false,
  properties: { process: { properties: { pid: { type: 'long' } } }, fixed: { type: 'object', dynamic: 'strict' } },
};

async function putTemplate(url: string): Promise<void> {
  const body = { index_patterns: ['logs-test.*-*'], priority: 200, data_stream: {}, template: { mappings } };
  await es(url, 'PUT', '/_index_template/sluice-test', body);
}

function batchOf(documents: OutDocument[], number = 1): Batch {
  return { pipeline: 'p', walk: 'live', number, documents };
}

function numbered(prefix: string, count: number, more: Record<string, unknown> = {}): OutDocument[] {
  return Array.from({ length: count }, (_, index) => contractDocument(`${prefix}-${index}`, more));
}

async function idsWith(url: string, prefix: string): Promise<string[]> {
  return (await readAll(url))
    .map(({ id }) => id)
    .filter((id) => id.startsWith(prefix))
    .sort();
}

function idsOf(documents: OutDocument[]): string[] {
  return documents.map(({ id }) => id).sort();
}

describe.each(versions)('Elasticsearch %s', (version) => {
  let node: RunningElasticsearch;
  beforeAll(async () => {
    node = await startElasticsearch({ version });
    await putTemplate(node.url);
  });
  afterAll(() => node?.stop());

  // Each opening has a namespace of its own, since a core cannot delete a data stream.
  let openings = 0;
  sinkContract(`Elasticsearch ${version}`, () => {
    const namespace = `contract${++openings}`;
    const inNamespace = (sink: Sink): Sink => ({
      ...sink,
      write: (batch, abort) =>
        sink.write({ ...batch, documents: batch.documents.map((each) => ({ ...each, namespace })) }, abort),
      async *stored(query, abort) {
        yield* sink.stored?.({ ...query, namespace: query.namespace === 'acme' ? namespace : 'other' }, abort) ?? [];
      },
      recover: (pipeline, prepared, committed) =>
        sink.recover(
          pipeline,
          prepared.map((each) => ({ ...each, ids: each.ids.map((id) => ({ ...id, namespace })) })),
          committed,
        ),
    });
    return {
      sink: inNamespace(openSink(node.url)),
      reopen: () => inNamespace(openSink(node.url)),
      readAll: async () => {
        const path = `${node.url}/logs-test.contract-${namespace}`;
        if ((await fetch(`${path}/_refresh`, { method: 'POST' })).status === 404) return [];
        return (await found(node.url, path.slice(node.url.length))).map(({ source }) => source);
      },
    };
  });

  describe('delivery', () => {
    let sink: Sink;
    beforeEach(() => {
      sink = openSink(node.url);
      return () => sink.close();
    });

    it('takes a second delivery for the first', async () => {
      const documents = numbered('twice', 500);
      await sink.write(batchOf(documents), signal);
      expect((await sink.write(batchOf(documents, 2), signal)).rejections).toEqual([]);
      expect(await idsWith(node.url, 'twice')).toEqual(idsOf(documents));
    });

    it('recovers over a rollover', async () => {
      const documents = numbered('rolled', 2500);
      const half = documents.slice(0, 1300);
      await sink.write(batchOf(half), signal);
      await es(node.url, 'POST', `/${dataStream}/_rollover`);
      const ids = documents.map(({ id, stream, namespace }) => ({ id, stream, namespace }));
      const { arrived } = await sink.recover('p', [{ walk: 'live', number: 1, atMs: 0, ids }], new Map());
      expect([...arrived].sort()).toEqual(idsOf(half));
    });

    it('rejects a document with the field and the reason, and stores the others', async () => {
      const documents = [
        contractDocument('fine'),
        contractDocument('wrong-type', { process: { pid: 'none' } }),
        contractDocument('object', { process: 'a string' }),
        contractDocument('strict', { fixed: { surprise: 1 } }),
      ];
      const { rejections } = await sink.write(batchOf(documents), signal);
      const byId = Object.fromEntries(rejections.map((each) => [each.id, each]));
      expect(byId['wrong-type']).toMatchObject({ type: 'document_parsing_exception', field: 'process.pid' });
      expect(byId['wrong-type']?.reason).toContain('failed to parse field [process.pid] of type [long]');
      expect(byId.object).toMatchObject({ field: 'process' });
      expect(byId.strict).toMatchObject({ type: 'strict_dynamic_mapping_exception', field: 'fixed.surprise' });
      expect(rejections).toHaveLength(3);
      expect(await idsWith(node.url, 'fine')).toEqual(['fine']);
    });

    it('rejects what is beyond the limit of fields', async () => {
      await sink.write(batchOf([contractDocument('fields-0')]), signal);
      const labels = Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`f${index}`, 'x']));
      const { rejections } = await sink.write(batchOf([contractDocument('fields-1', { labels })]), signal);
      expect(rejections).toMatchObject([{ id: 'fields-1', reason: expect.stringContaining('Limit of total fields') }]);
    });

    it('waits while the data stream is blocked, then stops; nothing is rejected', async () => {
      await sink.write(batchOf([contractDocument('blocked-before')]), signal);
      await es(node.url, 'PUT', `/${dataStream}/_settings`, { 'index.blocks.write': true });
      const impatient = openSink(node.url, { retryDeadlineMs: 300 });
      const failure = await impatient.write(batchOf([contractDocument('blocked-0')]), signal).catch((error) => error);
      await impatient.close();
      expect(failure).toMatchObject({ action: 'retry', message: expect.stringContaining('blocked by') });
      expect(failure.advice).toContain('index.blocks.write');
      const lines = await sink.check(signal);
      expect(lines.find(({ what }) => what === 'Not blocked')).toMatchObject({ ok: false });

      const waiting = sink.write(batchOf([contractDocument('blocked-1')], 2), signal);
      await sleep(300);
      await es(node.url, 'PUT', `/${dataStream}/_settings`, { 'index.blocks.write': null });
      expect((await waiting).rejections).toEqual([]);
      expect(await idsWith(node.url, 'blocked-1')).toEqual(['blocked-1']);
    });

    it('says how to get a data stream that has no template', async () => {
      const document: OutDocument = { ...contractDocument('lonely'), stream: 'untold.stream', namespace: 'acme' };
      const failure = await sink.write(batchOf([document]), signal).catch((error) => error);
      expect(failure).toMatchObject({ action: 'stop', advice: expect.stringContaining('sluice setup elasticsearch') });
    });

    it('stops at once when it is aborted in the middle', async () => {
      const abort = new AbortController();
      await es(node.url, 'PUT', `/${dataStream}/_settings`, { 'index.blocks.write': true });
      const waiting = sink.write(batchOf([contractDocument('aborted')]), abort.signal).catch((error) => error);
      await sleep(100);
      abort.abort();
      expect(await waiting).toMatchObject({ name: 'AbortError' });
      await es(node.url, 'PUT', `/${dataStream}/_settings`, { 'index.blocks.write': null });
    });

    it('looks up what a lost reply left open, over a rollover', async () => {
      const documents = numbered('lost', 300);
      const proxy = await startProxy(node.url, ({ path, earlier }) => {
        if (!path.endsWith('/_bulk') || earlier > 0) return 'forward';
        return { lose: async () => void (await es(node.url, 'POST', `/${dataStream}/_rollover`)) };
      });
      const behind = openSink(proxy.url, { compression: true });
      await behind.write(batchOf(documents), signal);
      await behind.close();
      await proxy.stop();
      expect(await idsWith(node.url, 'lost')).toEqual(idsOf(documents));
      expect(proxy.seen.filter(({ path }) => path.endsWith('/_bulk'))).toHaveLength(1);
    });
  });

  describe('a gate in front', () => {
    it('trusts the CA that it is told, sends the key, and says what is wrong otherwise', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
      const key = join(folder, 'key.pem');
      const cert = join(folder, 'cert.pem');
      const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
      execFileSync('openssl', [...make, ...subject], { stdio: 'ignore' });
      const gate = await startProxy(
        node.url,
        ({ headers }) => {
          if (headers.authorization === 'ApiKey right-key') return 'forward';
          const status = headers.authorization === 'ApiKey other-key' ? 403 : 401;
          return {
            status,
            body: { error: { type: 'security_exception', reason: `no: ${headers.authorization}` }, status },
          };
        },
        { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
      );
      const attempt = async (more: Partial<ElasticsearchSettings>) => {
        const sink = openSink(gate.url, more);
        const outcome = await sink.write(batchOf([contractDocument('gate')]), signal).catch((error) => error);
        await sink.close();
        return outcome;
      };
      const withKey = (apiKey: string) => ({ auth: { kind: 'apiKey', apiKey: () => apiKey } as const });
      expect(await attempt({ caFile: cert, ...withKey('right-key') })).toMatchObject({ rejections: [] });
      expect(await attempt({ insecure: true, ...withKey('right-key') })).toMatchObject({ rejections: [] });
      const untrusted = await attempt(withKey('right-key'));
      expect(untrusted).toMatchObject({ action: 'stop', advice: expect.stringContaining('ca_file') });
      const wrong = await attempt({ caFile: cert, ...withKey('wrong-key') });
      expect(wrong).toMatchObject({ action: 'stop', advice: expect.stringContaining('API key') });
      expect(JSON.stringify(wrong) + wrong.message).not.toContain('wrong-key');
      const forbidden = await attempt({ caFile: cert, ...withKey('other-key') });
      expect(forbidden).toMatchObject({ action: 'stop', advice: expect.stringContaining('create_doc') });
      await gate.stop();
      rmSync(folder, { recursive: true });
    });
  });

  describe('setup and check', () => {
    const templates: Template[] = [
      {
        kind: 'index',
        name: 'logs-sluice.example',
        body: {
          index_patterns: ['logs-sluice.example-*'],
          priority: 300,
          composed_of: ['sluice-example'],
          data_stream: {},
        },
      },
      {
        kind: 'component',
        name: 'sluice-example',
        body: {
          template: {
            settings: { 'index.mapping.total_fields.limit': 2000, codec: 'best_compression' },
            mappings: { date_detection: false, properties: { a: { type: 'keyword', ignore_above: 1024 } } },
          },
        },
      },
    ];

    it('installs, finds nothing to do, and sees changes', async () => {
      const client = connectElasticsearch({ nodes: [node.url], auth: { kind: 'none' } });
      const actions = async (of = templates, dryRun = false) =>
        (await setupElasticsearch(client, of, { dryRun })).map(({ name, action }) => `${name} ${action}`);
      const each = (action: string) => [`sluice-example ${action}`, `logs-sluice.example ${action}`];
      expect(await actions(templates, true)).toEqual(each('created'));
      expect(await actions(templates, true)).toEqual(each('created'));
      expect(await actions()).toEqual(each('created'));
      expect(await actions()).toEqual(each('unchanged'));
      const changed = structuredClone(templates);
      (changed[0] as Template).body.priority = 301;
      expect(await actions(changed, true)).toEqual(['sluice-example unchanged', 'logs-sluice.example updated']);
      expect(await actions(changed)).toEqual(['sluice-example unchanged', 'logs-sluice.example updated']);
      expect(await actions(changed)).toEqual(each('unchanged'));
      await client.close();
    });

    it('installs what is generated for a stream, once, and documents go in', async () => {
      const client = connectElasticsearch({ nodes: [node.url], auth: { kind: 'none' } });
      const { capability } = await detectCapability(client);
      const fields = { prefix: 'made', custom: { 'made.count': 'long' }, ecs: ['process.pid', 'message', 'file.path'] };
      const list = templateList([templatesFor({ stream: 'made.up', fields, capability })]);
      const actions = async () => new Set((await setupElasticsearch(client, list)).map(({ action }) => action));
      expect(await actions()).toEqual(new Set(['created']));
      expect(await actions()).toEqual(new Set(['unchanged']));
      await client.close();
      const sink = openSink(node.url, { dataStreams: ['logs-made.up-acme'] });
      const made = (id: string, pid: unknown): OutDocument => ({
        ...contractDocument(id, { process: { pid } }),
        stream: 'made.up',
      });
      const { rejections } = await sink.write(batchOf([made('good', 1), made('bad', 'none')]), signal);
      expect(rejections).toMatchObject([{ id: 'bad', field: 'process.pid' }]);
      expect((await sink.check(signal)).filter(({ ok }) => !ok)).toEqual([]);
      await sink.close();
    });

    it('tells a core from a full cluster', async () => {
      const client = connectElasticsearch({ nodes: [node.url], auth: { kind: 'none' } });
      const found = await detectCapability(client);
      await client.close();
      expect(found.capability).toBe('core');
      expect(found.lacks).toEqual(['wildcard', 'constant_keyword', 'match_only_text', 'scaled_float']);
    });

    it('checks without writing', async () => {
      const sink = openSink(node.url, { dataStreams: ['logs-sluice.example-acme'] });
      const lines = await sink.check(signal);
      await sink.close();
      expect(lines.map(({ ok }) => ok)).toEqual([true, true, true, true, true, true]);
      expect(lines[2]).toMatchObject({
        what: 'Lifecycle',
        isWarning: true,
        detail: expect.stringContaining('nothing expires'),
      });
      expect(lines[0]?.detail).toContain(version);
    });

    it('rolls a data stream over where its mappings changed, once, and hands the retention on', async () => {
      const client = connectElasticsearch({ nodes: [node.url], auth: { kind: 'none' } });
      const dataStreams = ['logs-aged.one-acme'];
      const custom = { 'aged.count': 'long' };
      const lifecycle: Expiry = { kind: 'retention', retentionMs: 90 * 86_400_000 };
      const setUp = async (types: Record<string, string>, dryRun = false) => {
        const fields = { prefix: 'aged', custom: types, ecs: ['message', 'process.pid'] };
        const wanted = templateList([templatesFor({ stream: 'aged.one', fields, capability: 'core', lifecycle })]);
        const done = await setupElasticsearch(client, wanted, { dryRun });
        const isNew = new Set(done.filter(({ action }) => action !== 'unchanged').map(({ name }) => name));
        const foreseen = dryRun ? wanted.filter(({ name }) => isNew.has(name)) : [];
        const { results, notes } = await setupDataStreams(client, { dataStreams, lifecycle, foreseen, dryRun, signal });
        expect(notes).toEqual(['retention 90d is not in force: this cluster is a core that expires nothing']);
        return results.map(({ action, changed }) => [action, ...changed].join(' '));
      };
      expect(await setUp(custom), 'there is none yet').toEqual([]);
      const sink = openSink(node.url);
      const aged = { ...contractDocument('aged', { vendor: { added: 'later' } }), stream: 'aged.one' as const };
      await sink.write(batchOf([aged]), signal);
      expect(await setUp(custom), 'what a document brought is no change').toEqual(['unchanged']);
      const more = { ...custom, 'aged.count': 'keyword', 'aged.name': 'keyword' };
      const changed = ['rolled over aged.count aged.name'];
      expect(await setUp(more, true)).toEqual(changed);
      expect(await setUp(more, true), 'a dry run changes nothing').toEqual(changed);
      expect(await setUp(more)).toEqual(changed);
      expect(await setUp(more)).toEqual(['unchanged']);
      const custom1 = { template: { mappings: { properties: { mine: { type: 'ip' } } } } };
      await es(node.url, 'PUT', '/_component_template/logs-aged.one@custom', custom1);
      expect(await setUp(more), 'an addition of the operator').toEqual(['rolled over mine']);
      expect(await setUp(more)).toEqual(['unchanged']);
      await sink.close();
      const state = await es(node.url, 'GET', '/_cluster/state/metadata?filter_path=metadata.data_stream');
      const { data_stream: all } = (state.metadata as { data_stream: Record<string, Record<string, unknown>> })
        .data_stream;
      expect(all?.['logs-aged.one-acme']).toMatchObject({ generation: 3, lifecycle: { data_retention: '90d' } });
      await expect(demandPolicy(client, { kind: 'ilm', policy: 'x' }, signal)).rejects.toThrow(/no index lifecycle/);
      await client.close();
    });

    it('tells which template wins for each data stream, whose name is taken, and what is older than this version', async () => {
      const client = connectElasticsearch({ nodes: [node.url], auth: { kind: 'none' } });
      const fieldsOf = (custom: Record<string, string>) => ({ prefix: 'won', custom, ecs: ['message'] });
      const streams = [
        { stream: 'won.one' as const, fields: fieldsOf({ 'won.one': 'long' }) },
        { stream: 'won.two' as const, fields: fieldsOf({ 'won.two': 'long' }) },
      ];
      const install = (of: typeof streams) =>
        setupElasticsearch(client, templateList(of.map((each) => templatesFor({ ...each, capability: 'core' }))));
      const dataStreams = ['logs-won.one-acme', 'logs-won.two-acme'];
      const failing = async () => {
        const sink = openSink(node.url, { dataStreams, streams });
        const lines = await sink.check(signal);
        await sink.close();
        return lines.filter(({ ok }) => !ok).map(({ detail, advice }) => `${detail} → ${advice}`);
      };
      expect(await failing()).toEqual([expect.stringMatching(/^none of Sluice is installed → .*sluice setup/)]);
      await install(streams);
      expect(await failing()).toEqual([]);

      const foreign = { index_patterns: ['logs-won.one-*'], priority: 400, data_stream: {} };
      await es(node.url, 'PUT', '/_index_template/their-own', foreign);
      expect(await failing()).toEqual([
        expect.stringMatching(
          /their-own \(priority 400.* goes before Sluice's for logs-won\.one-acme → Lower the prior/,
        ),
      ]);
      await es(node.url, 'PUT', '/_index_template/their-own', { ...foreign, priority: 200 });
      expect(await failing()).toEqual([]);
      await es(node.url, 'DELETE', '/_index_template/their-own');

      const [, two] = streams as [(typeof streams)[0], (typeof streams)[1]];
      await install([{ ...two, fields: fieldsOf({ 'won.two': 'keyword' }) }]);
      expect(await failing()).toEqual([
        expect.stringMatching(/older than this version: sluice-won\.two@mappings → .*sluice setup elasticsearch/),
      ]);
      await install(streams);
      await es(node.url, 'PUT', '/logs-won-elsewhere', { aliases: { 'logs-won.two-other': {} } });
      await es(node.url, 'DELETE', '/_index_template/logs-won.one');
      await es(node.url, 'PUT', '/logs-won.one-acme');
      dataStreams.push('logs-won.two-other');
      expect(await failing()).toEqual([
        expect.stringMatching(/none of Sluice for logs-won\.one-acme →/),
        expect.stringMatching(/logs-won\.one-acme is a plain index → .*DELETE \/logs-won\.one-acme/),
        expect.stringMatching(/logs-won\.two-other is an alias of logs-won-elsewhere → Remove the alias/),
      ]);
      await client.close();
    });
  });
});

describe.each(versions)('a small Elasticsearch %s', (version) => {
  let node: RunningElasticsearch;
  beforeAll(async () => {
    const settings = ['http.max_content_length=1mb', 'thread_pool.write.queue_size=1', 'node.processors=1'];
    node = await startElasticsearch({ version, settings });
    await putTemplate(node.url);
  });
  afterAll(() => node?.stop());

  it('sends again what its full queue refused, and only that', async () => {
    const sinks = Array.from({ length: 4 }, () => openSink(node.url, { concurrency: 8, maxBulkDocuments: 10 }));
    const documents = sinks.map((_, index) => numbered(`queue${index}`, 600));
    const written = await Promise.all(sinks.map((sink, index) => sink.write(batchOf(documents[index] ?? []), signal)));
    await Promise.all(sinks.map((sink) => sink.close()));
    expect(written.flatMap(({ rejections }) => rejections)).toEqual([]);
    expect(await idsWith(node.url, 'queue')).toEqual(idsOf(documents.flat()));
    const stats = JSON.stringify(await es(node.url, 'GET', '/_nodes/stats/thread_pool?filter_path=**.write.rejected'));
    expect(Number(/"rejected":(\d+)/.exec(stats)?.[1])).toBeGreaterThan(0);
  });

  it('halves what is too large, and rejects a document that is too large alone', async () => {
    const sink = openSink(node.url);
    const documents = numbered('large', 12, { labels: { text: 'x'.repeat(300_000) } });
    const huge = contractDocument('huge', { labels: { text: 'x'.repeat(1_500_000) } });
    const { rejections } = await sink.write(batchOf([...documents, huge]), signal);
    await sink.close();
    expect(rejections).toMatchObject([{ id: 'huge', type: 'too_large' }]);
    expect(await idsWith(node.url, 'large')).toEqual(idsOf(documents));
  });
});

describe.each(versions)('Elasticsearch %s dies', (version) => {
  it('loses and doubles nothing when it is killed, restarted and rolled over while written to', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'sluice-es-data-'));
    let node = await startElasticsearch({ version, dataDir });
    const port = Number(new URL(node.url).port);
    await putTemplate(node.url);
    const sink = openSink(node.url, { retryDeadlineMs: 120_000, maxBulkDocuments: 100 });
    const documents = numbered('killed', 9000);
    let written = 0;
    const writing = (async () => {
      for (let from = 0; from < documents.length; from += 300) {
        await sink.write(batchOf(documents.slice(from, from + 300), from), signal);
        written += 300;
      }
    })();
    for (const share of [0.2, 0.5]) {
      while (written < documents.length * share) await sleep(2);
      await node.kill();
      expect(written).toBeLessThan(documents.length);
      await sleep(300);
      node = await startElasticsearch({ version, dataDir, port });
      await es(node.url, 'POST', `/${dataStream}/_rollover`);
    }
    await writing;
    await sink.close();
    const found = await idsWith(node.url, 'killed');
    await node.stop();
    rmSync(dataDir, { recursive: true });
    expect(found).toEqual(idsOf(documents));
  });

  it('is waited for, and then the way out is named', async () => {
    const sink = openSink('http://127.0.0.1:9', { retryDeadlineMs: 300 });
    const failure = await sink.write(batchOf([contractDocument('nobody')]), signal).catch((error) => error);
    await sink.close();
    expect(failure).toMatchObject({
      action: 'retry',
      message: expect.stringContaining('http://127.0.0.1:9 cannot be reached'),
    });
  });
});
