/** `sluice verify` with the real Elasticsearch and Kafka: documents removed and doubled by hand, and a vendor that went on. */
import { afterEach, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { configOf, openPlace, type Place } from '../e2e/place.ts';
import { proveVerify, VERIFY_DETECTIONS, VERIFY_LIVING } from '../e2e/verified.ts';
import { allHits, ask, DATA_STREAM } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startKafka } from './kafka.ts';
import { setUpKafka } from './kafka-place.ts';
import { eachCommitted, type Message, readCommitted, TOPIC } from './kafka-read.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openTenant() {
  const place = await openPlace({ detections: VERIFY_DETECTIONS, living: VERIFY_LIVING });
  cleanups.push(place.close);
  return place;
}

const keyOf = ({ event }: EcsDocument) => (event as { id: string }).id;

test('Elasticsearch', { timeout: 600_000 }, async () => {
  const node = await startElasticsearch({ version: '9.5.3' });
  cleanups.push(node.stop);
  const place = await openTenant();
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [node.url] }];
  place.configure(configOf({ url: place.simulator.url, sinks }));
  expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);
  const hits = () => Array.fromAsync(allHits(node.url));
  await proveVerify({
    place,
    removes: true,
    documents: async () => (await hits()).map(({ source }) => source),
    async tamper(missing, doubled) {
      for (const { id, index, source } of await hits()) {
        if (missing.has(keyOf(source))) await ask(node.url, 'DELETE', `/${index}/_doc/${id}`);
        if (doubled.has(keyOf(source))) await ask(node.url, 'PUT', `/${DATA_STREAM}/_create/${id}-again`, source);
      }
    },
  });
  await proveChanges(place, node.url, sinks);
});

/** Changes are asked for when there are some already: they are missing beside their documents until they are made. */
async function proveChanges(place: Place, url: string, sinks: object[]): Promise<void> {
  place.configure(configOf({ url: place.simulator.url, sinks: sinks.map((sink) => ({ ...sink, changes: true })) }));
  expect((await place.sluice('check')).stdout).toContain('cylance.detection_changes');
  expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);
  expect((await place.sluice('check')).code).toBe(0);
  const expected = (await Array.fromAsync(allHits(url))).filter(
    ({ source }) => (source.event as { sequence: number }).sequence > 1,
  ).length;
  expect(expected).toBeGreaterThan(0);
  const verified = async (...options: string[]) => {
    const { code, stdout } = await place.sluice('verify', '--from', '400d', ...options);
    return { code, stdout };
  };
  const missing = await verified();
  expect(missing).toMatchObject({ code: 1 });
  expect(missing.stdout).toContain(`beside them 0 of ${expected} changes: ${expected} missing`);
  expect((await verified('--repair')).stdout).toContain(`${expected} changes made beside them`);
  expect(await verified('--json')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`"beside":{"what":"changes","expected":${expected},"missing":0}`),
  });
}

test('Kafka', { timeout: 600_000 }, async () => {
  const kafka = await startKafka({ version: '4.4.0' });
  cleanups.push(kafka.stop);
  const { brokers } = kafka;
  const place = await openTenant();
  const configure = (topic: string) => {
    const sinks = [{ name: 'kafka', type: 'kafka', brokers, topic }];
    place.configure(configOf({ url: place.simulator.url, sinks }));
  };
  configure('sluice.{stream}');
  await setUpKafka(place);
  let topic = TOPIC;
  await proveVerify({
    place,
    removes: false,
    async documents() {
      const found: EcsDocument[] = [];
      await eachCommitted(
        brokers,
        [topic],
        ({ value }) => void found.push(JSON.parse(value.toString()) as EcsDocument),
      );
      return found;
    },
    // Nobody can take a record out of a topic: another topic has all but those, and some of them twice.
    async tamper(missing, doubled) {
      const messages = await readCommitted(brokers, [topic]);
      topic = 'other.cylance.detection';
      configure('other.{stream}');
      await setUpKafka(place);
      await copyTo(
        brokers,
        topic,
        messages.flatMap((message) => {
          const key = keyOf(JSON.parse(message.value.toString()) as EcsDocument);
          if (missing.has(key)) return [];
          return doubled.has(key) ? [message, message] : [message];
        }),
      );
    },
  });
});

async function copyTo(brokers: string[], topic: string, messages: readonly Message[]): Promise<void> {
  const { kafkajs } = await import('../../src/sinks/kafka/client.ts');
  const producer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).producer();
  await producer.connect();
  const records = messages.map(({ key = null, headers, value }) => ({ key, headers, value }));
  for (let at = 0; at < records.length; at += 40) await producer.send({ topic, messages: records.slice(at, at + 40) });
  await producer.disconnect();
}
