/** Mapping anew into the real sinks, killed again and again: each record is there once more, and once only. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { configOf, openPlace, type Place } from '../e2e/place.ts';
import { allHits } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startKafka } from './kafka.ts';
import { readCommitted, TOPIC } from './kafka-read.ts';

const DETECTIONS = 2000;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Service {
  sink: object;
  /** Every document of a namespace. */
  documents(namespace: string): Promise<EcsDocument[]>;
}

async function elasticsearch(): Promise<Service> {
  const node = await startElasticsearch({ version: '9.5.3' });
  cleanUps.push(node.stop);
  const sink = { name: 'sink', type: 'elasticsearch', nodes: [node.url] };
  const hits = (namespace: string) => Array.fromAsync(allHits(node.url, `logs-cylance.detection-${namespace}`));
  return { sink, documents: async (namespace) => (await hits(namespace)).map(({ source }) => source) };
}

async function kafka(): Promise<Service> {
  const node = await startKafka({ version: '4.4.0' });
  cleanUps.push(node.stop);
  const sink = { name: 'sink', type: 'kafka', brokers: node.brokers, topic: 'sluice.{stream}.{source}' };
  return {
    sink,
    async documents(namespace) {
      const messages = await readCommitted(node.direct, [`${TOPIC}.${namespace}`]);
      return messages.map(({ value }) => JSON.parse(value.toString('utf8')) as EcsDocument);
    },
  };
}

const named = ({ event }: EcsDocument) => {
  const { id, sequence } = event as { id: string; sequence: number };
  return `${id} #${sequence}`;
};

/** Killed a few times, each time a little later. */
async function throughKills(place: Place, ...argv: string[]): Promise<unknown> {
  let kills = 0;
  for (let waitMs = 900; ; waitMs += 150) {
    const child = place.start(argv);
    const ended = await Promise.race([child.ended, sleep(waitMs)]);
    if (ended === undefined) {
      await child.end('SIGKILL');
      kills++;
      continue;
    }
    expect(ended.code, ended.stderr).toBe(0);
    console.log(`${argv.join(' ')}: ${kills} kills`);
    expect(kills).toBeGreaterThan(0);
    return JSON.parse(ended.stdout);
  }
}

test.each([
  ['Elasticsearch', elasticsearch],
  ['Kafka', kafka],
])('%s', { timeout: 600_000 }, async (_name, start) => {
  const { sink, documents } = await start();
  const place = await openPlace({ detections: DETECTIONS });
  cleanUps.push(place.close);
  const configure = (source: object, name = 'acme') =>
    place.configure(
      configOf({
        ...{ url: place.simulator.url, sinks: [sink], reading: { details: false } },
        ...{ source: { ...source, name }, batch: { documents: 20 }, raw: { keep: true } },
      }),
    );
  const setUp = async () => {
    const type = (sink as { type: string }).type;
    const { code, stderr } = await place.sluice('setup', type, ...(type === 'kafka' ? ['--replication', '1'] : []));
    expect(code, stderr).toBe(0);
  };
  configure({}, 'trial'); // the topics of the other namespace
  await setUp();
  configure({});
  await setUp();
  expect((await place.sluice('backfill', '--from', '400d')).code).toBe(0);
  const before = (await documents('acme')).map(named).sort();
  expect(before).toHaveLength(DETECTIONS);

  configure({ keep_original: true });
  const diff = JSON.parse((await place.sluice('remap', '--from', '400d', '--diff', '--json')).stdout);
  const fields = [{ field: 'event.original', changed: 0, added: DETECTIONS, removed: 0 }];
  expect(diff).toMatchObject({ records: DETECTIONS, differ: DETECTIONS, fields });

  const requests = place.simulator.stats().requests;
  await throughKills(place, 'remap', '--from', '400d', '--namespace', 'trial', '--json');
  const trial = await documents('trial');
  expect(trial.map(named).sort()).toEqual(before);
  await throughKills(place, 'remap', '--from', '400d', '--json');
  const after = await documents('acme');
  const later = before.map((name) => name.replace(/1$/, '2'));
  expect(after.map(named).sort()).toEqual([...before, ...later].sort());
  for (const document of [...after.filter((one) => named(one).endsWith(' #2')), ...trial])
    expect(document.event).toMatchObject({ kind: 'event', original: expect.stringContaining('{') });
  expect(place.simulator.stats().requests).toEqual(requests);
  const again = JSON.parse((await place.sluice('remap', '--from', '400d', '--json')).stdout);
  expect(again).toMatchObject({ differ: 0, shipped: 0 });
  expect((await place.sluice('backfill', '--from', '400d')).stdout).toMatch(/nothing new/);
});
