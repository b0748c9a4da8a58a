/** The real services, each started once for all runs: a run has a data stream, or topics, of its own, and a proxy in between. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EcsDocument } from '../../src/api/document.ts';
import { idOf } from '../e2e/delivered.ts';
import { allHits, ask } from '../services/data-stream.ts';
import { startElasticsearch } from '../services/elasticsearch.ts';
import { freePort, startKafka } from '../services/kafka.ts';
import { startKafkaProxy } from '../services/kafka-proxy.ts';
import { readCommitted } from '../services/kafka-read.ts';
import { startProxy, type Verdict } from '../services/proxy.ts';
import { mishapsOf } from './faults.ts';
import { type ElasticFault, type KafkaFault, nameOf, type Plan, type RealSink } from './plan.ts';
import { counted, type OpenStore, type Store } from './stores.ts';

export interface Service {
  open: OpenStore;
  stop(): Promise<void>;
}

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export function startService(sink: RealSink): Promise<Service> {
  return sink === 'kafka' ? startBroker() : startNode();
}

/** `sluice setup`, as a person does it once. */
async function setUp(folder: string, what: RealSink, plan: Plan, sink: object, ...more: string[]): Promise<void> {
  const place = join(folder, 'setup');
  mkdirSync(place, { recursive: true });
  const secrets = { tenant_id: 't', application_id: 'a', application_secret: 'a-secret-of-the-setup' };
  const source = { name: nameOf(plan), connector: 'cylance', base_url: 'http://127.0.0.1:1', ...secrets };
  const config = { sources: [{ ...source, streams: ['cylance.detection'] }], sinks: [sink] };
  writeFileSync(join(place, 'sluice.yaml'), JSON.stringify(config));
  await promisify(execFile)(process.execPath, [MAIN, 'setup', what, ...more], { cwd: place });
}

async function startNode(): Promise<Service> {
  const node = await startElasticsearch({ version: '9.5.3' });
  const open: OpenStore = async (plan, folder, count) => {
    const dataStream = `logs-cylance.detection-${nameOf(plan)}`;
    const faults = mishapsOf(plan.serviceFaults as { kind: ElasticFault; nth: number }[]);
    const fault = counted(count, 'sink', faults.next);
    const rollOver = async (): Promise<void> => {
      await ask(node.url, 'POST', `/${dataStream}/_rollover`).catch(() => {}); // nothing there yet
    };
    const verdicts: Record<ElasticFault, () => Verdict> = {
      overloaded: () => ({ status: 429, body: { error: { type: 'circuit_breaking_exception', reason: '' } } }),
      unavailable: () => ({ status: 503, body: { error: { type: 'unavailable_shards_exception', reason: '' } } }),
      swallow: () => 'swallow',
      garbage: () => 'garbage',
      'cut after, and a rollover': () => ({ lose: rollOver }),
    };
    const proxy = await startProxy(node.url, ({ path }) => {
      const kind = path.endsWith('/_bulk') ? fault() : undefined;
      return kind === undefined ? 'forward' : verdicts[kind]();
    });
    const sink = { name: 'sink', type: 'elasticsearch', nodes: [proxy.url], timeout: '2s', compression: 'none' };
    await setUp(folder, 'elasticsearch', plan, sink);
    return {
      sink,
      async ids() {
        const ids: string[] = [];
        for await (const { source } of allHits(node.url, dataStream)) ids.push(idOf(source));
        return ids;
      },
      faultsDone: faults.done,
      close: proxy.stop,
    };
  };
  return { open, stop: node.stop };
}

async function startBroker(): Promise<Service> {
  const [port, advertise] = [await freePort(), await freePort()];
  const node = await startKafka({ version: '4.4.0', port, advertise });
  /** Of the run that is under way. */
  let fault: () => KafkaFault | undefined = () => undefined;
  const proxy = await startKafkaProxy({ listen: advertise, target: port }, (isWrite) =>
    isWrite ? (fault() ?? 'none') : 'none',
  );
  const open = async (plan: Plan, folder: string, count: Parameters<OpenStore>[2]): Promise<Store> => {
    const faults = mishapsOf(plan.serviceFaults as { kind: KafkaFault; nth: number }[]);
    const topic = `torture.${nameOf(plan)}`;
    const own = { topic, marker_topic: `${topic}.marker`, transactional_id_prefix: topic };
    const sink = { name: 'sink', type: 'kafka', brokers: proxy.brokers, timeout: '2s', retry_deadline: '30s', ...own };
    await setUp(folder, 'kafka', plan, sink, '--partitions', '3', '--replication', '1');
    fault = counted(count, 'sink', faults.next);
    return {
      sink,
      ids: async () =>
        (await readCommitted(node.direct, [topic])).map(({ value }) =>
          idOf(JSON.parse(value.toString()) as EcsDocument),
        ),
      faultsDone: faults.done,
      async close() {
        fault = () => undefined;
      },
    };
  };
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await node.stop();
  };
  return { open, stop };
}
