/** What proofs of `sluice load` share: both clusters, a topic filled by the Kafka sink, and what is in it that is no document. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { documentId } from '../../src/api/records/identity.ts';
import type { OutDocument } from '../../src/api/sink.ts';
import { openKafka } from '../../src/sinks/kafka/index.ts';
import { toJson } from '../../src/sinks/serialize.ts';
import { type Child, configOf, type Ended, launchIn } from '../e2e/place.ts';
import { allHits } from './data-stream.ts';
import { type RunningElasticsearch, startElasticsearch } from './elasticsearch.ts';
import { type RunningKafka, startKafka, testClient } from './kafka.ts';
import { readCommitted, TOPIC } from './kafka-read.ts';

export const STREAM = 'cylance.detection';
export const PARTITIONS = 3;
const signal = new AbortController().signal;

export interface LoadPlace {
  kafka: RunningKafka;
  elastic: RunningElasticsearch;
  start(...argv: string[]): Child;
  sluice(...argv: string[]): Promise<Ended>;
  /** Dead at once, and back at the same address after so long; only where it was given one. */
  restartElastic(awayMs: number): Promise<void>;
  configure(elastic?: object, kafka?: object): void;
  /** Through the Kafka sink, in batches of so many. */
  fill(documents: OutDocument[], batch?: number): Promise<void>;
}

/** One revision of a record. */
export function revisionOf(key: string, ordinal: number, more: Record<string, unknown> = {}): OutDocument {
  const hash = `hash-${key}-${ordinal}`;
  const { event, ...rest } = more as { event?: object };
  const document = {
    '@timestamp': '2026-01-02T03:04:05.678Z',
    message: `revision ${ordinal} of ${key}`,
    ...rest,
    event: { id: key, kind: 'event', dataset: STREAM, sequence: ordinal, hash, ...event },
    data_stream: { type: 'logs', dataset: STREAM, namespace: 'acme' },
  };
  const id = documentId(STREAM, key, ordinal, hash);
  const names = { id, stream: STREAM, namespace: 'acme', key, revision: hash, ordinal, hostId: undefined } as const;
  return { ...names, ...toJson(document) };
}

/** So many records, every third of which has been changed once, and every ninth twice. */
export function revisions(prefix: string, records: number): OutDocument[] {
  const found: OutDocument[] = [];
  for (let ordinal = 1; ordinal <= 3; ordinal++)
    for (let record = 0; record < records; record++)
      if (record % 3 ** (ordinal - 1) === 0) found.push(revisionOf(`${prefix}-${record}`, ordinal));
  return found;
}

export async function openLoadPlace(cleanups: (() => Promise<unknown>)[], elasticPort?: number): Promise<LoadPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-load-'));
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const kafka = await startKafka({ version: '4.2.0' });
  cleanups.push(kafka.stop);
  const data = { dataDir: join(folder, 'elastic'), port: elasticPort };
  const again = () => startElasticsearch({ version: '9.5.3', ...(elasticPort === undefined ? {} : data) });
  let elastic = await again();
  cleanups.push(() => elastic.stop());
  const running = new Set<import('node:child_process').ChildProcess>();
  cleanups.push(async () => {
    for (const child of running) child.kill('SIGKILL');
  });
  const start = (...argv: string[]) => launchIn(folder, argv, running);
  const place: LoadPlace = {
    ...{ kafka, elastic, start },
    sluice: (...argv) => start(...argv).ended,
    configure(more = {}, kafkaMore = {}) {
      const sinks = [
        { name: 'kafka', type: 'kafka', brokers: kafka.brokers, ...kafkaMore },
        { name: 'elastic', type: 'elasticsearch', nodes: [elastic.url], compression: 'none', ...more },
      ];
      const config = configOf({ url: 'http://127.0.0.1:9', sinks, source: { sinks: ['kafka'] } });
      writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(config));
    },
    async restartElastic(awayMs) {
      await elastic.kill();
      await sleep(awayMs);
      elastic = await again();
    },
    async fill(documents, batch = 1000) {
      const sink = openKafka({ brokers: kafka.brokers }, { log: pino({ level: 'silent' }), now: Date.now });
      let number = Date.now();
      for (let at = 0; at < documents.length; at += batch)
        await sink.write(
          {
            pipeline: 'acme/cylance.detection/kafka',
            walk: 'live',
            number: number++,
            documents: documents.slice(at, at + batch),
          },
          signal,
        );
      await sink.close();
    },
  };
  place.configure();
  await succeed(place.sluice('setup', 'kafka', '--rejected', '--partitions', String(PARTITIONS), '--replication', '1'));
  await succeed(place.sluice('setup', 'elasticsearch'));
  return place;
}

export async function succeed(running: Promise<Ended>): Promise<Ended> {
  const ended = await running;
  if (ended.code !== 0) throw new Error(`${ended.code}: ${ended.stdout}${ended.stderr}`);
  return ended;
}

interface Foreign {
  key?: string | null;
  value: string | Buffer | null;
  headers?: Record<string, string>;
  partition?: number;
}

/** Past the sink: committed records of other writers, or such of a transaction that is given up. */
export async function write(
  brokers: string[],
  messages: Foreign[],
  { aborts = false, transactionalId = 'foreign' } = {},
): Promise<void> {
  const producer = testClient(brokers, { retries: 9, initialRetryTime: 10 }).producer({
    transactionalId,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: TOPIC, messages: messages.map((each) => ({ key: null, ...each })) });
  await (aborts ? transaction.abort() : transaction.commit());
  await producer.disconnect();
}

/** Every id in the data stream; one that is there twice is there twice. */
export async function idsIn(url: string): Promise<string[]> {
  return (await Array.fromAsync(allHits(url), ({ id }) => id)).sort();
}

/** The ids that a reader of committed records sees. */
export async function idsOf(kafka: RunningKafka, topic = TOPIC): Promise<string[]> {
  return (await readCommitted(kafka.direct, [topic])).flatMap(({ headers }) => headers.id ?? []).sort();
}
