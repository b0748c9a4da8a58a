/** `sluice load` between the real Kafka and the real Elasticsearch: what a reader of committed records sees is there, once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { randomFrom } from '../e2e/kills.ts';
import { type Child, until } from '../e2e/place.ts';
import { seed } from '../seed.ts';
import { allHits, ask, DATA_STREAM, rollOver } from './data-stream.ts';
import { freePort } from './kafka.ts';
import { readCommitted, TOPIC } from './kafka-read.ts';
import { idsIn, idsOf, type LoadPlace, openLoadPlace, revisionOf, revisions, write } from './load-place.ts';
import { startProxy } from './proxy.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const KEPT = `${TOPIC}.rejected`;

interface Result {
  topics: { topic: string; records: number; delivered: number; there: number; refused: number; strangers: number }[];
}

async function loadOnce(place: LoadPlace, ...more: string[]) {
  const ended = await place.sluice('load', '--once', '--json', ...more);
  const { topics } = JSON.parse(ended.stdout || '{"topics":[]}') as Result;
  const of = topics.find(({ topic }) => topic.startsWith(TOPIC));
  return { ...of, code: ended.code, stderr: ended.stderr };
}

test('documents, what was given up, what is refused and what is none of Sluice', async () => {
  const place = await openLoadPlace(cleanups);
  const { kafka, elastic } = place;
  const stranger = revisionOf('stranger', 1);
  const headers = { id: stranger.id, dataset: stranger.stream, revision: stranger.revision };
  const foreign = JSON.stringify({ event: { id: 'x' }, data_stream: { dataset: '../_all', namespace: 'x' } });
  await place.fill(revisions('first', 2000), 700);
  for (let round = 0; round < 5; round++)
    await write(kafka.brokers, [{ value: stranger.json, headers }], { aborts: true, transactionalId: `gone-${round}` });
  await place.fill([revisionOf('refused', 1, { process: { pid: 'none' } }), ...revisions('second', 300)]);
  await write(kafka.brokers, [
    { value: 'no JSON', headers, partition: 0 },
    { value: null, key: 'tombstone', partition: 1 },
    { value: '[1]', headers, partition: 2 },
    { value: stranger.json },
    { value: stranger.json, headers: { ...headers, id: 'another' } },
    { value: foreign, headers: { ...headers, dataset: '../_all' } },
  ]);
  await place.fill(revisions('third', 300));
  const last = revisionOf('in several lines', 1);
  const spread = JSON.stringify(JSON.parse(last.json.toString()), undefined, 2);
  await write(kafka.brokers, [
    { value: spread, headers: { id: last.id, dataset: last.stream, revision: last.revision } },
  ]);

  const first = await loadOnce(place);
  expect(first, first.stderr).toMatchObject({ code: 1, refused: 1, strangers: 6, there: 0 });
  const refused = revisionOf('refused', 1);
  const wanted = new Set(await idsOf(kafka));
  for (const id of [refused.id, stranger.id, 'another']) wanted.delete(id);
  expect(await idsIn(elastic.url)).toEqual([...wanted].sort());
  expect(first).toMatchObject({ delivered: wanted.size, records: wanted.size + 7 });

  const kept = await readCommitted(kafka.direct, [KEPT]);
  expect(kept).toHaveLength(7);
  const letter = kept.find(({ headers: { id } }) => id === refused.id);
  expect(letter).toMatchObject({
    key: 'refused',
    headers: {
      ...{ dataset: refused.stream, revision: refused.revision, rejected_type: 'document_parsing_exception' },
      rejected_field: 'process.pid',
      rejected_reason: expect.stringContaining('none'),
      rejected_from: expect.stringMatching(/^sluice\.cylance\.detection\/\d\/\d+$/),
    },
  });
  expect(JSON.parse(letter?.value.toString() ?? '')).toMatchObject({ process: { pid: 'none' } });
  const reasons = kept.map(({ headers }) => headers.rejected_reason).sort();
  expect(
    reasons.filter((reason) => /no JSON object|no header|no value|does not follow|dataset/.test(reason ?? '')),
  ).toHaveLength(6);

  const second = await loadOnce(place);
  expect(second, second.stderr).toMatchObject({ code: 0, records: 0 });

  // Once the cause is mended, what was kept aside gets another try; what nobody can load is kept again.
  await ask(elastic.url, 'PUT', '/_component_template/logs-cylance.detection@custom', {
    template: { mappings: { properties: { process: { properties: { pid: { type: 'keyword' } } } } } },
  });
  await rollOver(elastic.url);
  const again = await loadOnce(place, '--rejected');
  expect(again, again.stderr).toMatchObject({ code: 1, delivered: 1, refused: 0, strangers: 6 });
  expect(await idsIn(elastic.url)).toEqual([...wanted, refused.id].sort());
  const both = await readCommitted(kafka.direct, [KEPT]);
  expect(both).toHaveLength(13);
  expect(both.every(({ headers }) => headers.rejected_from?.startsWith(`${TOPIC}/`))).toBe(true);

  // A group that knows nothing, after a rollover: everything is looked up.
  const other = await loadOnce(place, '--group', 'another');
  expect(other, other.stderr).toMatchObject({ code: 1, there: wanted.size + 1, delivered: 0 });
  expect(await idsIn(elastic.url)).toEqual([...wanted, refused.id].sort());
});

const DOCUMENTS = Number(process.env.SLUICE_LOAD_RECORDS ?? 20_000);
const KILLS = 8;
/** Longer than the brokers wait for the one that was killed. */
const IDLE_MS = 30_000;

test('killed again and again in the middle of a write, with a rollover before the next start', async () => {
  const place = await openLoadPlace(cleanups);
  const { kafka, elastic } = place;
  const random = randomFrom(seed ^ 0x10ad);
  let child: Child | undefined;
  let bulks = 0;
  let killAt = 1;
  const proxy = await startProxy(elastic.url, ({ path }) => {
    if (!path.endsWith('/_bulk') || ++bulks !== killAt) return 'forward';
    // The cluster has done it, and nobody hears of it.
    return { lose: async () => void (await child?.end('SIGKILL')) };
  });
  cleanups.push(proxy.stop);
  place.configure({ nodes: [proxy.url], max_bulk_documents: 200, latest: true, changes: true });
  expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);
  await place.fill(revisions('killed', DOCUMENTS));
  const counts: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    killAt = bulks + 1 + Math.floor(random() * 80);
    child = place.start('load');
    // One that has nothing left to do dies idle.
    const ended = child.ended.then(() => true);
    for (let last = -1; !(await Promise.race([ended, sleep(IDLE_MS, false)])); last = bulks)
      if (bulks === last) await child.end('SIGKILL');
    expect((await child.ended).signal, child.stderr()).toBe('SIGKILL');
    counts.push((await idsIn(elastic.url)).length);
    await rollOver(elastic.url);
  }
  killAt = -1;
  const last = await loadOnce(place);
  console.log(`documents at each kill: ${counts.join(' ')}; then ${JSON.stringify(last)}`);
  expect(last.code, last.stderr).toBe(0);
  const wanted = await idsOf(kafka);
  expect(wanted).toHaveLength(revisions('killed', DOCUMENTS).length);
  expect(await idsIn(elastic.url)).toEqual(wanted);
  // All of which would be true of one that was never disturbed, or began anew each time.
  expect(counts.filter((count) => count < wanted.length).length).toBeGreaterThanOrEqual(KILLS / 2);
  expect(last.there).toBeGreaterThan(0);
  expect(last.there).toBeLessThan(wanted.length / 2);
  // What the sink keeps beside them: a copy of each later revision, and the newest of each record.
  const later = revisions('killed', DOCUMENTS).filter(({ ordinal }) => ordinal > 1).length;
  const changes = await Array.fromAsync(allHits(elastic.url, 'logs-cylance.detection_changes-acme'), ({ id }) => id);
  expect(changes).toHaveLength(later);
  expect(new Set(changes).size).toBe(later);
  const newest = await Array.fromAsync(allHits(elastic.url, 'latest-cylance.detection-acme'), ({ source }) => source);
  expect(newest).toHaveLength(DOCUMENTS);
  const sequences = newest.map(({ event }) => (event as { sequence: number }).sequence);
  expect(sequences.filter((sequence) => sequence > 1)).toHaveLength(Math.ceil(DOCUMENTS / 3));
});

test('two instances share the partitions; one is paused and comes back, one is killed', async () => {
  const place = await openLoadPlace(cleanups);
  const { kafka, elastic } = place;
  const holds = new Set<Child>();
  const proxy = await startProxy(elastic.url, () => 'forward');
  cleanups.push(proxy.stop);
  place.configure({ nodes: [proxy.url], max_bulk_documents: 200 });
  const [one, other] = [place.start('load'), place.start('load')];
  holds.add(one).add(other);
  await until('both are in charge of partitions', 60_000, () =>
    [one, other].every((each) => /in charge of [12] partition/.test(each.stderr())),
  );
  await place.fill(revisions('first', DOCUMENTS / 2));
  await until('something is loaded', 60_000, async () => (await idsIn(elastic.url).catch(() => [])).length > 500);
  process.kill(one.pid as number, 'SIGSTOP');
  await place.fill(revisions('second', DOCUMENTS / 4));
  await until('the other one is in charge of all', 60_000, () => /in charge of 3 partition/.test(other.stderr()));
  await until('all is loaded', 120_000, async () => (await idsIn(elastic.url)).length >= (await idsOf(kafka)).length);
  await rollOver(elastic.url);
  process.kill(one.pid as number, 'SIGCONT');
  await until('the first one is back', 60_000, () => (one.stderr().match(/in charge of/g) ?? []).length >= 2);
  await place.fill(revisions('third', DOCUMENTS / 4));
  await sleep(500);
  await other.end('SIGKILL');
  await rollOver(elastic.url);
  await place.fill(revisions('fourth', DOCUMENTS / 4));
  const wanted = await idsOf(kafka);
  await until('all is loaded', 120_000, async () => (await idsIn(elastic.url)).length >= wanted.length);
  const ended = await one.end('SIGTERM');
  expect(ended.code, ended.stderr).toBe(0);
  expect(await idsIn(elastic.url)).toEqual(wanted);
});

test('the cluster is away for a while', async () => {
  const place = await openLoadPlace(cleanups, await freePort());
  const { kafka, elastic } = place;
  await place.fill(revisions('first', DOCUMENTS / 2));
  const child = place.start('load');
  await until('something is loaded', 60_000, async () => (await idsIn(elastic.url).catch(() => [])).length > 500);
  await place.restartElastic(5000);
  await place.fill(revisions('second', DOCUMENTS / 4));
  const wanted = await idsOf(kafka);
  await until('all is loaded', 120_000, async () => (await idsIn(elastic.url).catch(() => [])).length >= wanted.length);
  const ended = await child.end('SIGTERM');
  expect(ended.code, ended.stderr).toBe(0);
  expect(await idsIn(elastic.url)).toEqual(wanted);
  expect(await ask(elastic.url, 'GET', `/${DATA_STREAM}/_count`)).toMatchObject({ count: wanted.length });
});
