/** The worst days of a sink: it answers now and then not at all, or nonsense, and its name goes away. What arrives in the end is the exact set. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { committedRevisions } from '../e2e/committed.ts';
import { differences } from '../e2e/delivered.ts';
import { randomFrom } from '../e2e/kills.ts';
import { configOf, openPlace, type Place, until } from '../e2e/place.ts';
import { freePort, healthOf } from '../e2e/worst-days.ts';
import { seed } from '../seed.ts';
import { compare } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startKafka } from './kafka.ts';
import { setUpKafka } from './kafka-place.ts';
import { startKafkaProxy } from './kafka-proxy.ts';
import { readCommitted, TOPIC } from './kafka-read.ts';
import { startProxy } from './proxy.ts';

const DETECTIONS = 300;
const NAMES = join(import.meta.dirname, 'names.mjs');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Fault = 'swallow' | 'garbage';

interface Worst {
  sink: object;
  /** What becomes of the answer to each write from now on, and of Elasticsearch to each request. */
  judge(fault: () => Fault | undefined): void;
  harmed(): number;
  /** Ends the connections that there are. */
  drop(): void;
  setUp(place: Place): Promise<void>;
  /** Of what was delivered. */
  result(place: Place): Promise<{ documents: number; wrong: string[] }>;
}

async function elasticsearch(): Promise<Worst> {
  const node = await startElasticsearch({ version: '9.5.3' });
  let fault: () => Fault | undefined = () => undefined;
  let harmed = 0;
  const proxy = await startProxy(node.url, () => {
    const verdict = fault();
    if (verdict !== undefined) harmed++;
    return verdict ?? 'forward';
  });
  cleanups.push(node.stop, proxy.stop);
  return {
    sink: { type: 'elasticsearch', nodes: [proxy.url.replace('127.0.0.1', 'es.sink.test')] },
    judge: (next) => (fault = next),
    harmed: () => harmed,
    drop: proxy.drop,
    setUp: async (place) => expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0),
    result: (place) => compare(node.url, place.simulator),
  };
}

async function kafka(): Promise<Worst> {
  const [port, advertise] = [await freePort(), await freePort()];
  const node = await startKafka({ version: '4.2.0', port, advertise, advertisedHost: 'kafka.sink.test' });
  let fault: () => Fault | undefined = () => undefined;
  const proxy = await startKafkaProxy({ listen: advertise, target: port }, (isWrite) =>
    isWrite ? (fault() ?? 'none') : 'none',
  );
  cleanups.push(node.stop, proxy.stop);
  return {
    sink: { type: 'kafka', brokers: [`kafka.sink.test:${advertise}`] },
    judge: (next) => (fault = next),
    harmed: proxy.harmed,
    drop: proxy.drop,
    setUp: setUpKafka,
    async result(place) {
      const ids = (await readCommitted(node.direct, [TOPIC])).map(({ headers }) => headers.id ?? 'none');
      return { documents: ids.length, wrong: differences(place.simulator, ids) };
    },
  };
}

describe.each([
  ['Elasticsearch', elasticsearch],
  ['Kafka', kafka],
])('%s', (_kind, start) => {
  let place: Place;
  let worst: Worst;
  let health: number;
  const state = () => join(place.folder, 'sluice-state');
  const committed = () => committedRevisions(state(), 1);

  async function running() {
    worst = await start();
    place = await openPlace({ detections: DETECTIONS });
    cleanups.push(() => place.close());
    health = await freePort();
    const sinks = [{ name: 'sink', ...worst.sink, timeout: '2s', retry_deadline: '30s' }];
    const source = { rate: { requests_per_second: 100, concurrency: 4 } };
    const reading = { page_size: 20 };
    const more = { batch: { documents: 10, wait: '100ms' }, health: { port: health } };
    place.configure(configOf({ url: place.simulator.url, sinks, source, reading, ...more }));
    const names = join(place.folder, 'names');
    writeFileSync(names, '');
    const env = { NODE_OPTIONS: `--import=${NAMES}`, SINK_NAMES: names };
    const sluice: Place['sluice'] = (...argv) => place.start(argv, env).ended;
    await worst.setUp({ ...place, sluice });
    return { child: place.start('run', env), names };
  }

  async function ended(child: Awaited<ReturnType<typeof running>>['child']): Promise<void> {
    await until('everything has arrived', 120_000, () => committed() >= DETECTIONS);
    worst.judge(() => undefined);
    await until('it is healthy again', 30_000, async () => (await healthOf(health, '/readyz')).code === 200);
    expect(child.hasEnded()).toBeUndefined();
    expect((await child.end('SIGTERM')).code).toBe(0);
    expect(await worst.result(place)).toMatchObject({ documents: DETECTIONS, wrong: [] });
    expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
    expect(child.stderr()).not.toMatch(/should not happen|\n\s+at /);
  }

  test.each<[Fault, string]>([
    ['swallow', 'never answers'],
    ['garbage', 'answers with nonsense'],
  ])('%s: one in ten', { timeout: 300_000 }, async (fault) => {
    const { child } = await running();
    const random = randomFrom(seed);
    worst.judge(() => (random() < 0.1 ? fault : undefined));
    await until('some are harmed', 120_000, () => worst.harmed() >= 3);
    await ended(child);
    console.log(`${worst.harmed()} answers: ${fault}`);
  });

  test('its name goes away', { timeout: 300_000 }, async () => {
    const { child, names } = await running();
    await until('some have arrived', 60_000, () => committed() > 0);
    rmSync(names);
    worst.drop();
    await until('it is said', 60_000, () => /ENOTFOUND \w+\.sink\.test/.test(child.stderr()));
    expect(committed()).toBeLessThan(DETECTIONS);
    writeFileSync(names, '');
    await ended(child);
  });
});
