/** The state is lost, Elasticsearch or Kafka is not: nothing is shipped again, sequences go on, no alert is raised again. */
import { afterEach, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { LOST_DETECTIONS, livingThatLosesItsState, proveRebuild } from '../e2e/lost-state.ts';
import { configOf, openPlace } from '../e2e/place.ts';
import { expectedDocuments } from '../engine/harness.ts';
import { allHits, compare } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startKafka } from './kafka.ts';
import { setUpKafka } from './kafka-place.ts';
import { compareCommitted, eachCommitted, TOPIC } from './kafka-read.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openLiving() {
  const place = await openPlace({ detections: LOST_DETECTIONS, living: livingThatLosesItsState(40) });
  cleanups.push(place.close);
  return place;
}

/** Of each record one alert at most: its first revision. */
function alertCounter() {
  const later: string[] = [];
  return {
    later,
    see({ event }: EcsDocument): void {
      const { kind, sequence, id } = event as { kind: string; sequence: number; id: string };
      if (kind === 'alert' && sequence > 1) later.push(id);
    },
  };
}

test('Elasticsearch', { timeout: 900_000 }, async () => {
  const node = await startElasticsearch({ version: '9.5.3' });
  cleanups.push(node.stop);
  const place = await openLiving();
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [node.url] }];
  place.configure(configOf({ url: place.simulator.url, sinks }));
  expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);
  const count = async () => (await Array.fromAsync(allHits(node.url), () => 0)).length;
  await proveRebuild({ place, cleanups, documents: count });
  const alerts = alertCounter();
  const { wrong } = await compare(node.url, place.simulator, ({ source }) => alerts.see(source));
  expect({ wrong, later: alerts.later }).toEqual({ wrong: [], later: [] });
});

test('Kafka', { timeout: 900_000 }, async () => {
  const kafka = await startKafka({ version: '4.4.0' });
  cleanups.push(kafka.stop);
  const { brokers } = kafka;
  const place = await openLiving();
  place.configure(configOf({ url: place.simulator.url, sinks: [{ name: 'kafka', type: 'kafka', brokers }] }));
  await setUpKafka(place, 1);
  const count = async () => {
    let documents = 0;
    await eachCommitted(brokers, [TOPIC], () => documents++);
    return documents;
  };
  await proveRebuild({ place, cleanups, documents: count });
  const alerts = alertCounter();
  const expected = expectedDocuments(place.simulator);
  const { wrong } = await compareCommitted(brokers, { expected, each: alerts.see });
  expect({ wrong, later: alerts.later }).toEqual({ wrong: [], later: [] });
});
