/** A reply too long to be held, into the real Elasticsearch and the real Kafka. `GIANT=2100000` makes it 2 GB. */
import { afterEach, test } from 'vitest';
import { GIANT_STREAM, proveGiant } from '../e2e/giant.ts';
import { allHits } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { startKafka } from './kafka.ts';
import { eachCommitted } from './kafka-read.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const results = Number(process.env.GIANT ?? 30_000);
const opened = (place: { close(): Promise<void> }) => void cleanups.push(place.close);

test('a giant reply, cut at five places, is in Elasticsearch once', { timeout: 3_600_000 }, async () => {
  const node = await startElasticsearch({ version: '9.5.3' });
  cleanups.push(node.stop);
  await proveGiant({
    results,
    sink: { name: 'elastic', type: 'elasticsearch', nodes: [node.url], compression: 'none' },
    setup: ['setup', 'elasticsearch'],
    opened,
    async read(_place, each) {
      for await (const { id } of allHits(node.url, `logs-${GIANT_STREAM}-acme`)) each(id);
    },
  });
});

test('a giant reply, cut at five places, is in Kafka once', { timeout: 3_600_000 }, async () => {
  const broker = await startKafka({ version: '4.2.0' });
  cleanups.push(broker.stop);
  await proveGiant({
    results,
    sink: { name: 'kafka', type: 'kafka', brokers: broker.brokers },
    setup: ['setup', 'kafka', '--partitions', '3', '--replication', '1'],
    opened,
    read: (_place, each) =>
      eachCommitted(broker.direct, [`sluice.${GIANT_STREAM}`], ({ headers }) => each(headers.id ?? '')),
  });
});
