/**
 * Every stream of a living tenant in files, in the real Elasticsearch and in the real Kafka, killed again and again:
 * exactly what the simulator says, as valid ECS.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { violations } from '../../mappings/ecs-check.ts';
import { itemsOfEach, type TruthStream } from '../../simulator/index.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { documentId } from '../../src/api/records/identity.ts';
import { committedInAll, confirmAllCommitted, preparedBatches } from '../e2e/committed.ts';
import { differencesFrom, documentsIn, idOf } from '../e2e/delivered.ts';
import { killAgainAndAgain, refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { APEX, type Child, configOf, openPlace, type Place, sourceOf } from '../e2e/place.ts';
import { expectedDocuments } from '../engine/harness.ts';
import { allHits, ask } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startKafka } from './kafka.ts';
import { eachCommitted } from './kafka-read.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const NAMES = streams.map(({ stream }) => stream.name as TruthStream);
const OF_CYLANCE = NAMES.filter((name) => sourceOf(name) === 'acme');
const KILLS = 12;
const LIVING = {
  ...{ arrivals: 60, lateArrivals: 20, statusChanges: 60, returns: 20, commentChanges: 20, responseChanges: 20 },
  ...{ deletions: 20, deletionsUnseen: 5, dwellMs: 500, everyRequests: 0, everyMs: 50 },
  ...{ queriesGrow: 4, queriesArchived: 3, queriesDeleted: 3, filesMove: 60, itemsMove: 6, itemsDeleted: 3 },
  confirm: true,
};
const TENANT = {
  ...{ detections: 2000, instaQueries: 24, resultsPerQuery: 120, retrievedFiles: 500 },
  ...{ items: itemsOfEach(40), apex: { ...APEX, footprints: 8 }, plantSecrets: true },
};

/** Where a sink's documents are, and how they are read again, with the id under which each is stored. */
interface Storage {
  sink: object;
  setup?: string[];
  read(place: Place, stream: TruthStream, each: (id: string, document: EcsDocument) => void): Promise<void>;
  /** What can only be asked over all streams at once. */
  joined?(): Promise<void>;
}

const SINKS: Record<string, () => Promise<Storage>> = {
  async files() {
    return {
      sink: { name: 'files', type: 'ndjson', path: 'out', compression: 'gzip' },
      async read({ folder }, stream, each) {
        for (const document of documentsIn(join(folder, 'out', sourceOf(stream), stream)))
          each(idOf(document), document);
      },
    };
  },
  async elasticsearch() {
    const node = await startElasticsearch({ version: '9.5.3' });
    cleanups.push(node.stop);
    return {
      sink: { name: 'elastic', type: 'elasticsearch', nodes: [node.url], compression: 'none', changes: true },
      setup: ['setup', 'elasticsearch'],
      async read(_place, stream, each) {
        for await (const { id, source } of allHits(node.url, `logs-${stream}-${sourceOf(stream)}`)) each(id, source);
      },
      async joined() {
        await devicesJoin(node.url);
        await changesFollow(node.url);
      },
    };
  },
  async kafka() {
    const broker = await startKafka({ version: '4.2.0' });
    cleanups.push(broker.stop);
    return {
      sink: { name: 'kafka', type: 'kafka', brokers: broker.brokers, compression: 'zstd' },
      setup: ['setup', 'kafka', '--partitions', '3', '--replication', '1'],
      read: (_place, stream, each) =>
        eachCommitted(broker.brokers, [`sluice.${stream}`], ({ headers, value }) =>
          each(headers.id ?? '', JSON.parse(value.toString()) as EcsDocument),
        ),
    };
  },
};

test.each(Object.keys(SINKS))(
  `every stream of a living tenant, ${KILLS} kills, in %s`,
  { timeout: 600_000 },
  async (kind) => {
    const storage = await (SINKS[kind] as () => Promise<Storage>)();
    const place = await openPlace({ ...TENANT, oddForms: true, living: LIVING });
    cleanups.push(place.close);
    const { simulator } = place;
    const reading = { snapshot: '1s', child_repeat: '1s', task_poll: '100ms', detail_refresh: ['2s', '5s'] };
    const source = { streams: OF_CYLANCE, keep_original: true, enrich_hosts: true };
    place.configure(configOf({ url: simulator.url, sinks: [storage.sink], source, reading, apex: true }));
    if (storage.setup !== undefined) {
      const setup = await place.sluice(...storage.setup);
      expect({ code: setup.code, stderr: setup.stderr }).toMatchObject({ code: 0 });
    }
    const check = await place.sluice('check');
    expect({ code: check.code, stdout: check.stdout }).toMatchObject({ code: 0 });
    const confirmer = confirmAllCommitted(simulator, join(place.folder, 'sluice-state'));
    cleanups.push(confirmer.stop);

    await kill(place);
    await runToRest(place);
    for (const stream of NAMES) await judge(storage, place, stream);
    await storage.joined?.();
    expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
    expect(simulator.stats().forbiddenCalls).toBe(0);
  },
);

/** One device in the streams of both vendors, and alerts that say what the inventory knows of theirs. */
async function devicesJoin(url: string): Promise<void> {
  const aggs = {
    hosts: {
      terms: { field: 'host.id', size: 1000 },
      aggs: { streams: { terms: { field: 'event.dataset', size: 50 } } },
    },
  };
  const all = await ask<Joined>(url, 'POST', '/logs-*-acme*/_search?size=0', { aggs });
  const seen = all.aggregations.hosts.buckets.map(({ key, streams: { buckets } }) => ({
    host: key,
    streams: buckets.map((bucket) => bucket.key).sort(),
  }));
  const most = seen.toSorted((one, other) => other.streams.length - one.streams.length)[0];
  console.log(`the device that is seen in most streams: ${most?.host} in ${most?.streams.join(', ')}`);
  expect(most?.streams.length).toBeGreaterThanOrEqual(4);
  const both = seen.filter(({ streams: names }) => new Set(names.map((name) => name.split('.')[0])).size > 1);
  expect(both.length).toBeGreaterThan(0);
  const enriched = { term: { tags: 'host_from_inventory' } };
  const filter = [enriched, { exists: { field: 'host.ip' } }, { term: { 'event.dataset': 'cylance.detection' } }];
  const { count } = await ask<{ count: number }>(url, 'POST', '/logs-*-acme*/_count', { query: { bool: { filter } } });
  console.log(`${count} documents of detections have their host's addresses from the inventory`);
  expect(count).toBeGreaterThan(0);
}

/** Beside each later revision its copy among the changes, once, and nothing else. */
async function changesFollow(url: string): Promise<void> {
  let all = 0;
  for (const stream of NAMES) {
    const source = sourceOf(stream);
    const expected: string[] = [];
    for await (const { source: document } of allHits(url, `logs-${stream}-${source}`)) {
      const { id, sequence, hash } = document.event as { id: string; sequence: number; hash: string };
      if (sequence > 1) expected.push(documentId(`${stream}_changes`, id, sequence, hash));
    }
    if (expected.length === 0) continue; // there is no data stream then
    const found: string[] = [];
    for await (const { id } of allHits(url, `logs-${stream}_changes-${source}`)) found.push(id);
    expect(found.sort(), stream).toEqual(expected.sort());
    all += found.length;
  }
  console.log(`${all} changes have their copy`);
  expect(all).toBeGreaterThan(100);
}

interface Joined {
  aggregations: { hosts: { buckets: { key: string; streams: { buckets: { key: string }[] } }[] } };
}

/** Half of the kills come right after a commit: then other walks are between a write and theirs. */
async function kill(place: Place): Promise<void> {
  const state = join(place.folder, 'sluice-state');
  const known: number[] = [];
  const left: number[] = [];
  const write = async (child: Child, nth: number): Promise<void> => {
    let last = committedInAll(state);
    for (let commits = 0; commits < nth && child.hasEnded() === undefined; await sleep(1)) {
      const now = committedInAll(state);
      if (now !== last) commits++;
      last = now;
    }
  };
  const dead = () => {
    known.push(committedInAll(state));
    left.push(preparedBatches(state));
  };
  await killAgainAndAgain({ place, kills: KILLS, upToMs: 2500, write, dead });
  const { pending } = place.simulator.stats();
  console.log(`documents committed at each kill: ${known.join(' ')}; ${pending} changes were still to come`);
  console.log(`batches left between write and commit: ${left.join(' ')}`);
  expect(known.at(-1)).toBeGreaterThan(0);
}

async function runToRest(place: Place): Promise<void> {
  const { simulator } = place;
  const state = join(place.folder, 'sluice-state');
  const ended = await runUntilQuiet(place, () => committedInAll(state), 240_000);
  refuseTrouble(ended, 'run');
  expect(ended.code).toBe(0);
  expect(simulator.stats()).toMatchObject({ pending: 0 });
}

async function judge(storage: Storage, place: Place, stream: TruthStream): Promise<void> {
  const fields = streams.find((one) => one.stream.name === stream)?.fields;
  const ids: string[] = [];
  const found = new Set<string>();
  await storage.read(place, stream, (id, document) => {
    ids.push(id);
    if (idOf(document) !== id) found.add(`${id} is not the id of what it holds`);
    if (JSON.stringify(document).includes('PLANTED-SECRET')) found.add(`${id} holds a secret`);
    for (const one of violations(document, stream.split('.')[0] ?? '', fields)) found.add(one);
  });
  const expected = expectedDocuments(place.simulator, stream);
  console.log(`${stream}: ${ids.length} documents, the simulator has ${expected.size}`);
  expect([...found].slice(0, 20)).toEqual([]);
  expect(differencesFrom(expected, ids).slice(0, 20)).toEqual([]);
  expect(ids.length).toBeGreaterThan(30);
}
