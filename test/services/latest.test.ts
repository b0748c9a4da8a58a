/** The newest revision of each record, kept by Sluice itself on the real Elasticsearch: whatever happens between the two writes. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { EcsDocument, StreamName } from '../../src/api/document.ts';
import type { Batch, OutDocument, Sink } from '../../src/api/sink.ts';
import { backoffOf } from '../../src/sinks/backoff.ts';
import { connectElasticsearch } from '../../src/sinks/elasticsearch/client.ts';
import { openElasticsearch } from '../../src/sinks/elasticsearch/index.ts';
import { latestId } from '../../src/sinks/elasticsearch/latest/names.ts';
import { setupLatest } from '../../src/sinks/elasticsearch/latest/setup.ts';
import { latestTemplate } from '../../src/sinks/elasticsearch/latest/template.ts';
import { setupElasticsearch, templateList } from '../../src/sinks/elasticsearch/setup.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { contractDocument } from '../contract/sink.ts';
import { committedRevisions, confirmCommitted } from '../e2e/committed.ts';
import { killAgainAndAgain, refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { livingThatLosesItsState } from '../e2e/lost-state.ts';
import { configOf, openPlace, until } from '../e2e/place.ts';
import { allHits, ask, compare } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startProxy } from './proxy.ts';

const signal = new AbortController().signal;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const STREAM: StreamName = 'kept.one';
const ALIAS = 'latest-kept.one-acme';
const OF = [{ stream: STREAM, namespace: 'acme' }];

function revision(key: string, ordinal: number, more: Record<string, unknown> = {}): OutDocument {
  const id = `${key.slice(0, 100)}-${ordinal}`;
  const event = { id: key, sequence: ordinal, hash: `r${ordinal}`, action: `change-${ordinal}` };
  return { ...contractDocument(id, { event, ...more }), stream: STREAM, key, ordinal, revision: `r${ordinal}` };
}

async function opened(version: '9.5.3' | '8.19.5') {
  const node = await startElasticsearch({ version });
  cleanups.push(node.stop);
  const settings = { nodes: [node.url], auth: { kind: 'none' as const }, retryBaseMs: 20, retryMaxMs: 100 };
  const log = pino({ level: 'silent' });
  const sink = openElasticsearch({ ...settings, latest: true }, { log, now: Date.now, changing: new Set([STREAM]) });
  cleanups.push(sink.close);
  const client = connectElasticsearch(settings);
  cleanups.push(client.close);
  const limits = { dataStreamType: 'logs', maxBulkBytes: 1e6, maxBulkDocuments: 100 };
  const newBackoff = backoffOf('Elasticsearch', settings, log, Date.now);
  const writing = { client, log, limit: pLimit(2), limits, newBackoff };
  const templates = async (custom: Record<string, string> = {}) => {
    const fields = { prefix: 'kept', custom, ecs: ['message', 'process.pid'] };
    const wanted = templateList([templatesFor({ stream: STREAM, fields, capability: 'core' })]);
    await setupElasticsearch(client, [...wanted, latestTemplate(STREAM, 'core')]);
  };
  const setUp = async (dryRun = false) => {
    const [result] = await setupLatest(writing, { of: OF, dryRun, signal });
    return `${result?.action} ${result?.documents}`;
  };
  return { url: node.url, sink, setUp, templates };
}

let batches = 0;
function write(sink: Sink, ...documents: OutDocument[]) {
  const batch: Batch = { pipeline: 'p', walk: 'live', number: ++batches, documents };
  return sink.write(batch, signal);
}

/** Each record with the revision that is kept of it. */
async function kept(url: string, alias = ALIAS): Promise<Map<string, EcsDocument>> {
  const found = new Map<string, EcsDocument>();
  for await (const { id, source } of allHits(url, alias)) found.set(id, source);
  return found;
}

async function sequences(url: string): Promise<Record<string, number>> {
  const all = [...(await kept(url))].sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(all.map(([id, { event }]) => [id, (event as { sequence: number }).sequence]));
}

test.each(['9.5.3', '8.19.5'] as const)('%s: the newest stays, in whatever order revisions come', async (version) => {
  const { url, sink, setUp, templates } = await opened(version);
  await templates();
  // Without setup, nothing makes an index of that name by accident.
  const refused = await write(sink, revision('a', 1)).catch((error: unknown) => error);
  expect(refused).toMatchObject({ action: 'stop', advice: expect.stringContaining('sluice setup elasticsearch') });
  expect((await fetch(`${url}/${ALIAS}`)).status).toBe(404);
  expect(await setUp(true)).toBe('created 0');
  // What the data stream had before is in it.
  expect(await setUp()).toBe('created 1');
  expect(await setUp()).toBe('unchanged 0');
  expect(await sequences(url)).toEqual({ a: 1 });

  await write(sink, revision('b', 1), revision('b', 3), revision('c', 1));
  await write(sink, revision('b', 2), revision('a', 2));
  const long = 'k'.repeat(600);
  await write(sink, revision(long, 1), revision('a', 2));
  expect(await sequences(url)).toEqual({ a: 2, b: 3, c: 1, [latestId(long)]: 1 });
  const deleted = revision('c', 2, { event: { id: 'c', sequence: 2, action: 'thing-deleted', type: ['deletion'] } });
  await write(sink, deleted);
  expect((await kept(url)).get('c')?.event).toMatchObject({ sequence: 2, type: ['deletion'] });
  // What the data stream refuses is in neither.
  const { rejections } = await write(sink, revision('b', 4, { process: { pid: 'none' } }));
  expect(rejections).toHaveLength(1);
  expect(await sequences(url)).toMatchObject({ b: 3 });
  const others = { ...revision('x', 1), stream: 'other.one' as StreamName };
  await ask(url, 'PUT', '/_index_template/other', { index_patterns: ['logs-other.*'], priority: 300, data_stream: {} });
  await write(sink, others);
  expect((await fetch(`${url}/latest-other.one-acme`)).status, 'of streams whose records never change').toBe(404);
});

test('a crash between the two writes is made up for by the look-up', async () => {
  const { url, sink, setUp, templates } = await opened('9.5.3');
  await templates();
  await setUp();
  await write(sink, revision('a', 1));
  // The second write is refused after the first has arrived.
  await ask(url, 'PUT', `/${ALIAS}/_settings`, { 'index.blocks.write': true });
  const lost = sink.write(
    { pipeline: 'p', walk: 'live', number: ++batches, documents: [revision('a', 2), revision('b', 1)] },
    AbortSignal.timeout(1500),
  );
  await expect(lost).rejects.toThrow();
  expect(await sequences(url)).toEqual({ a: 1 });
  await ask(url, 'PUT', `/${ALIAS}/_settings`, { 'index.blocks.write': null });
  const ids = ['a-2', 'b-1', 'c-1'].map((id) => ({ id, stream: STREAM, namespace: 'acme' }));
  const prepared = [{ walk: 'live', number: batches, atMs: Date.now(), ids }];
  const { arrived } = await sink.recover('p', prepared, new Map(), signal);
  expect([...arrived].sort()).toEqual(['a-2', 'b-1']);
  expect(await sequences(url)).toEqual({ a: 2, b: 1 });
  await sink.recover('p', prepared, new Map(), signal);
  expect(await sequences(url), 'again and again').toEqual({ a: 2, b: 1 });
});

test('setup adds fields, and makes the index anew where one has another type', async () => {
  const { url, sink, setUp, templates } = await opened('9.5.3');
  await templates({ 'kept.size': 'long' });
  await setUp();
  await write(sink, revision('a', 1, { kept: { size: 1 } }), revision('a', 2, { kept: { size: 2 } }));
  await templates({ 'kept.size': 'long', 'kept.name': 'keyword' });
  expect(await setUp(true)).toBe('updated 0');
  expect(await setUp()).toBe('updated 0');
  expect(await setUp()).toBe('unchanged 0');
  await templates({ 'kept.size': 'keyword', 'kept.name': 'keyword' });
  expect(await setUp()).toBe('made anew 2');
  expect(await setUp()).toBe('unchanged 0');
  expect(await sequences(url)).toEqual({ a: 2 });
  expect(Object.keys(await ask(url, 'GET', `/_alias/${ALIAS}`))).toEqual([`${ALIAS}-000002`]);
  expect((await fetch(`${url}/${ALIAS}-000001`)).status).toBe(404);
  // A fill that did not come to its end is begun again.
  await ask(url, 'DELETE', `/${ALIAS}-000002`);
  await ask(url, 'PUT', `/${ALIAS}-000003`, { aliases: { [ALIAS]: { is_write_index: true } } });
  expect(await setUp()).toBe('filled 2');
  expect(await sequences(url)).toEqual({ a: 2 });
});

/** Whether for each record exactly its newest document is kept. */
async function wrongIn(url: string): Promise<string[]> {
  const newest = new Map<string, EcsDocument>();
  const sequenceOf = ({ event }: EcsDocument) => (event as { sequence: number }).sequence;
  for await (const { source } of allHits(url)) {
    const { id } = source.event as { id: string };
    const before = newest.get(id);
    if (before === undefined || sequenceOf(before) < sequenceOf(source)) newest.set(id, source);
  }
  const there = await kept(url, 'latest-cylance.detection-acme');
  const surplus = [...there.keys()].filter((id) => !newest.has(id)).map((id) => `${id} is nowhere else`);
  const differing = [...newest].filter(([id, source]) => JSON.stringify(there.get(id)) !== JSON.stringify(source));
  return [...surplus, ...differing.map(([id, source]) => `${id} is not as of ${sequenceOf(source)}`)];
}

/** Where sequences do not go on one by one, or the same is shipped twice in a row. */
async function histories(url: string): Promise<string[]> {
  const all = new Map<string, { sequence: number; hash: string }[]>();
  for await (const { source } of allHits(url)) {
    const { id, sequence, hash } = source.event as { id: string; sequence: number; hash: string };
    all.set(id, [...(all.get(id) ?? []), { sequence, hash }]);
  }
  return [...all].flatMap(([id, revisions]) => {
    const inOrder = revisions.sort((one, other) => one.sequence - other.sequence);
    return inOrder.flatMap(({ sequence, hash }, index) => {
      if (sequence !== index + 1) return [`${id}: ${sequence} stands where ${index + 1} should`];
      return hash === inOrder[index - 1]?.hash ? [`${id}: ${sequence} is as the one before`] : [];
    });
  });
}

/** Changes beside the data stream: one for each later revision, and no other. */
async function changesWrong(url: string): Promise<string[]> {
  const named = async (stream: string) => {
    const found: string[] = [];
    for await (const { source } of allHits(url, `logs-${stream}-acme`)) {
      const { id, sequence } = source.event as { id: string; sequence: number };
      if (sequence > 1) found.push(`${id} ${sequence}`);
    }
    return found.sort();
  };
  const [later, copies] = [await named('cylance.detection'), await named('cylance.detection_changes')];
  const lacking = later.filter((one) => !copies.includes(one)).map((one) => `${one} has no copy`);
  return [...lacking, ...copies.filter((one, at) => one === copies[at - 1] || !later.includes(one))];
}

test('killed again and again, and its state lost: ordinals go on, nothing is doubled, the newest and each change are kept', {
  timeout: 900_000,
}, async () => {
  const node = await startElasticsearch({ version: '9.5.3' });
  cleanups.push(node.stop);
  let bulks = 0;
  const proxy = await startProxy(node.url, ({ path }) => {
    if (path.endsWith('/_bulk')) bulks++;
    return 'forward';
  });
  cleanups.push(proxy.stop);
  const place = await openPlace({ detections: 400, living: livingThatLosesItsState(40) });
  cleanups.push(place.close);
  const { simulator } = place;
  const state = join(place.folder, 'sluice-state');
  const sinks = [
    { name: 'elastic', type: 'elasticsearch', nodes: [proxy.url], compression: 'none', latest: true, changes: true },
  ];
  place.configure(configOf({ url: simulator.url, sinks, batch: { documents: 40, wait: '100ms' } }));
  const setup = await place.sluice('setup', 'elasticsearch');
  expect({ code: setup.code, stderr: setup.stderr }).toMatchObject({ code: 0 });
  expect((await place.sluice('check')).stdout).toContain('Newest revisions');
  const confirmer = confirmCommitted(simulator, state);
  cleanups.push(confirmer.stop);

  await killAgainAndAgain({
    ...{ place, kills: 8, upToMs: 2000 },
    async write(child, nth) {
      const wanted = bulks + nth;
      while (child.hasEnded() === undefined && bulks < wanted) await sleep(1);
    },
  });
  const first = place.start('run');
  await until('half of the changes are delivered', 200_000, () => {
    expect(first.hasEnded()).toBeUndefined();
    const { revisions, detections } = simulator.summary();
    return committedRevisions(state, 1) >= detections + (revisions - detections) / 2;
  });
  simulator.pause();
  let last = -1;
  await until('nothing more arrives', 120_000, async () => {
    const before = last;
    last = committedRevisions(state, 1);
    await sleep(2500);
    return before === last;
  });
  refuseTrouble(await first.end('SIGTERM'), 'before the loss');
  expect(await wrongIn(node.url)).toEqual([]);
  const count = async () => (await Array.fromAsync(allHits(node.url), () => 0)).length;
  const before = await count();

  rmSync(state, { recursive: true });
  const again = await place.sluice('run', '--once');
  refuseTrouble(again, 'without a state');
  expect(again.stderr).toContain('the state was new, and the sink was not');
  // A comment that nobody had looked for yet may be found now, as the next revision of its record.
  expect(await histories(node.url)).toEqual([]);
  simulator.resume();
  const ended = await runUntilQuiet(place, () => committedRevisions(state, 1), 300_000);
  refuseTrouble(ended, 'at the end');
  expect(simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });
  expect(await count()).toBeGreaterThan(before);
  expect((await compare(node.url, simulator)).wrong).toEqual([]);
  expect(await wrongIn(node.url)).toEqual([]);
  expect(await changesWrong(node.url)).toEqual([]);
});
