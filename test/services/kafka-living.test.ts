/** A tenant that lives, in Kafka: the exact documents with keys and headers, valid ECS; logins, TLS, compressions; and clear words where something is wrong. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { committedRevisions, confirmCommitted } from '../e2e/committed.ts';
import { refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { type Ended, openPlace, type Place } from '../e2e/place.ts';
import { expectedDocuments } from '../engine/harness.ts';
import { freePort, type KafkaVersion, type RunningKafka, type SecurePorts, startKafka, withAdmin } from './kafka.ts';
import { configureKafka, PARTITIONS, setUpKafka } from './kafka-place.ts';
import { compareCommitted, type Message, readCommitted } from './kafka-read.ts';
import { ecsChecker, livingOf, stopwatch } from './living-tenant.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function expectNoRejections(place: Place): Promise<void> {
  expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
}

const SIZES: [version: KafkaVersion, detections: number, changes: number][] = [['4.4.0', 10_000, 80]];

test.each(SIZES)('a living tenant in %s: %i detections', { timeout: 600_000 }, async (version, detections, changes) => {
  const phase = stopwatch();
  const node = await startKafka({ version });
  cleanups.push(node.stop);
  const place = await openPlace({ detections, living: livingOf(changes) });
  cleanups.push(place.close);
  const { simulator } = place;
  const state = join(place.folder, 'sluice-state');
  const confirmer = confirmCommitted(simulator, state);
  cleanups.push(confirmer.stop);
  const sweeps = { lookback: '1h', poll: '3s', sweeps: [{ range: '400d', every: '15s' }] };
  const pages = { page_size: 500, max_window_records: 10_000, detail_refresh: ['5s', '15s', '20s'] };
  configureKafka(place, node.brokers, { reading: { ...sweeps, ...pages } });
  await setUpKafka(place);
  phase('start');
  const backfill = () => place.sluice('backfill', '--from', simulator.range.start, '--json');
  const first = await backfill();
  phase('backfill');
  refuseTrouble(first, 'backfill');
  expect(JSON.parse(first.stdout)).toMatchObject({ done: true, pipelines: [{ rejected: 0 }] });

  const ended = await runUntilQuiet(place, () => committedRevisions(state, 1), 240_000);
  phase('run until quiet');
  refuseTrouble(ended, 'run');
  expect(ended.code).toBe(0);
  expect(simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });
  const again = await backfill();
  phase('second backfill');
  expect(JSON.parse(again.stdout)).toMatchObject({ done: true, nothingNew: true });

  const ecs = ecsChecker();
  const { documents, partitions, wrong } = await compareCommitted(node.direct, {
    expected: expectedDocuments(simulator),
    each: ecs.check,
  });
  phase('comparison');
  const { revisions, deleted } = simulator.summary();
  console.log(`${documents} documents, ${revisions - detections} later ones, ${ecs.checked()} checked`);
  expect(wrong).toEqual([]);
  expect(documents).toBe(revisions);
  expect(partitions).toBe(PARTITIONS);
  expect([...ecs.found]).toEqual([]);
  expect(ecs.checked()).toBeGreaterThan(detections / 10);
  expect(deleted).toBeGreaterThan(0);
  await expectNoRejections(place);
});

const PASSWORD = 'bob-secret';
const DETECTIONS = 300;

describe('Kafka 4.2.0 with TLS and logins', () => {
  let node: RunningKafka;
  let secure: SecurePorts;
  let place: Place;
  let tests = 0;
  beforeAll(async () => {
    node = await startKafka({ version: '4.2.0', secure: true });
    secure = node.secure as SecurePorts;
    place = await openPlace({ detections: DETECTIONS });
  });
  afterAll(async () => {
    await place?.close();
    await node?.stop();
  });

  /** Topics, names and a state of its own for each test. */
  function configure(brokers: string, sink: object, more: { state?: string; details?: boolean } = {}): string {
    tests++;
    const topic = `test${tests}`;
    const own = { topic, marker_topic: 'marker', transactional_id_prefix: topic, retry_deadline: '5s', ...sink };
    configureKafka(place, [brokers], {
      sink: own,
      reading: { details: more.details ?? false },
      state: { path: more.state ?? topic },
    });
    return topic;
  }

  const run = (password = PASSWORD) => place.start(['run', '--once'], { KAFKA_PASSWORD: password }).ended;
  const setUp = (password = PASSWORD) =>
    place.start(['setup', 'kafka', '--partitions', '3', '--replication', '1'], { KAFKA_PASSWORD: password }).ended;

  async function expectAll(topic: string, each?: (document: EcsDocument, message: Message) => void): Promise<void> {
    const { code, stderr } = await run();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const messages = await readCommitted(node.direct, [topic]);
    expect(new Set(messages.map(({ headers }) => headers.id)).size).toBe(DETECTIONS);
    expect(messages).toHaveLength(DETECTIONS);
    for (const message of messages) each?.(JSON.parse(message.value.toString()) as EcsDocument, message);
  }

  const bob = { username: 'bob', password: `\${KAFKA_PASSWORD}` };
  const tls = () => ({ tls: true, ca_file: secure.caFile });
  const ways: [what: string, (ports: SecurePorts) => string, () => object, password: string][] = [
    ['TLS', ({ tls: at }) => at, () => tls(), ''],
    [
      'SASL_SSL, SCRAM-SHA-512',
      (p) => p.saslTls,
      () => ({ ...tls(), sasl: { mechanism: 'scram-sha-512', ...bob } }),
      PASSWORD,
    ],
    [
      'SASL_SSL, SCRAM-SHA-256',
      (p) => p.saslTls,
      () => ({ ...tls(), sasl: { mechanism: 'scram-sha-256', ...bob } }),
      PASSWORD,
    ],
    [
      'SASL_SSL, PLAIN',
      (p) => p.saslTls,
      () => ({ ...tls(), sasl: { mechanism: 'plain', ...bob, username: 'alice' } }),
      'alice-secret',
    ],
    [
      'SASL_PLAINTEXT, SCRAM-SHA-512',
      (p) => p.saslPlaintext,
      () => ({ sasl: { mechanism: 'scram-sha-512', ...bob } }),
      PASSWORD,
    ],
  ];
  test.each(ways)('%s', async (_what, portOf, sink, password) => {
    const topic = configure(portOf(secure), sink());
    expect(await setUp(password)).toMatchObject({ code: 0 });
    const { code, stderr } = await run(password);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    if (password !== '') expect(stderr).not.toContain(password);
    expect(await readCommitted(node.direct, [topic])).toHaveLength(DETECTIONS);
  });

  test.each(['none', 'gzip', 'zstd'])('compression %s, keys by host', async (compression) => {
    const topic = configure(node.brokers[0] as string, { compression, key: 'host.id' });
    expect(await setUp()).toMatchObject({ code: 0 });
    const partitionOf = new Map<string, number>();
    await expectAll(topic, (document, { key, partition }) => {
      const { id } = document.host as { id: string };
      expect(key).toBe(id);
      expect(partitionOf.get(id) ?? partition).toBe(partition);
      partitionOf.set(id, partition);
    });
  });

  test('a document that is too large is a rejection, and the others arrive', async () => {
    const [broker] = node.brokers as [string];
    const whole = configure(broker, {}, { details: true });
    expect(await setUp()).toMatchObject({ code: 0 });
    await expectAll(whole);
    const sizes = (await readCommitted(node.direct, [whole])).map(({ value }) => value.length).sort((a, b) => a - b);
    const limit = sizes[DETECTIONS / 2] as number;
    const topic = configure(broker, { max_message: `${limit}B` }, { details: true });
    expect(await setUp()).toMatchObject({ code: 0 });
    const { code, stderr } = await run();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { stdout } = await place.sluice('rejections', 'list', '--all', '--json', '--limit', '1000');
    const rejected = stdout.split('\n').filter((line) => line !== '');
    const messages = await readCommitted(node.direct, [topic]);
    console.log(`${rejected.length} rejected, ${messages.length} arrived`);
    expect(rejected[0]).toMatch(/message_too_large/);
    expect(rejected.length).toBeGreaterThanOrEqual(DETECTIONS / 2 - 1);
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.length + rejected.length).toBe(DETECTIONS);
    expect(Math.max(...messages.map(({ value }) => value.length))).toBeLessThan(limit);
  });

  /** Said once, with what to do; and no document was blamed. */
  async function expectOneError(failed: Ended, what: RegExp, advice: RegExp): Promise<void> {
    expect({ code: failed.code, stderr: failed.stderr }).toMatchObject({ code: 1 });
    const stopped = failed.stderr.split('\n').filter((line) => line.includes('has stopped'));
    expect(stopped).toEqual([expect.stringMatching(what)]);
    expect(stopped[0]).toMatch(advice);
    expect(failed.stderr).not.toMatch(/should not happen/);
    await expectNoRejections(place);
  }

  test('a wrong password', async () => {
    configure(secure.saslTls, { ...tls(), sasl: { mechanism: 'scram-sha-512', ...bob } });
    const password = 'wrong-password-of-the-test';
    const failed = await run(password);
    await expectOneError(failed, /does not accept the credentials/, /Check `sasl`/);
    expect(failed.stderr).not.toContain(password);
    const failedSetup = await setUp(password);
    expect(failedSetup.code).not.toBe(0);
    expect(failedSetup.stderr).toMatch(/does not accept the credentials/);
    expect(failedSetup.stderr).not.toContain(password);
  });

  test('an authority that is not known', async () => {
    configure(secure.tls, { tls: true });
    await expectOneError(await run(), /cannot be trusted/, /ca_file/);
  });

  test('topics that are missing', async () => {
    configure(node.brokers[0] as string, {});
    await expectOneError(await run(), /test\d+/, /sluice setup kafka/);
    const topic = configure(node.brokers[0] as string, { marker_topic: 'no-marker' });
    await withAdmin(node.direct, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 3 }] }));
    await expectOneError(await run(), /no-marker/, /sluice setup kafka/);
  });

  test('nobody answers; then somebody does, and everything arrives', async () => {
    const state = 'state-of-patience';
    configure(`127.0.0.1:${await freePort()}`, { retry_deadline: '1s' }, { state });
    await expectOneError(await run(), /cannot be reached/, /Check the addresses/);
    const topic = configure(node.brokers[0] as string, {}, { state });
    expect(await setUp()).toMatchObject({ code: 0 });
    await expectAll(topic);
  });
});
