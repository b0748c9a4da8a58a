/**
 * The marker says what arrived only once the transaction before it is at its end: a commit whose answer was lost may still
 * be under way when the next producer connects, and is ended when that opens a transaction.
 */
import kafkajs from 'kafkajs';
import pino from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import type { Batch, Prepared, Sink } from '../../src/api/sink.ts';
import { openKafka } from '../../src/sinks/kafka/index.ts';
import { contractDocument } from '../contract/sink.ts';
import { type Cluster, clusterOf } from './kafka-cluster.ts';

const { Kafka } = kafkajs;
const pipeline = 'acme/test.contract/kafka';
const { signal } = new AbortController();
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function cluster(): Cluster {
  const made = clusterOf();
  kafkajs.Kafka = made.Kafka as typeof Kafka;
  cleanUps.push(() => {
    kafkajs.Kafka = Kafka;
  });
  return made;
}

function open(): Sink {
  const retry = { retryDeadlineMs: 60_000, retryBaseMs: 1, retryMaxMs: 1 };
  const sink = openKafka({ brokers: ['127.0.0.1:9'], ...retry }, { log: pino({ level: 'silent' }), now: Date.now });
  cleanUps.push(() => sink.close());
  return sink;
}

const documents = (batch: number) => Array.from({ length: 9 }, (_, n) => contractDocument(`${batch}-${n}`));
const batchOf = (number: number): Batch => ({ pipeline, walk: 'live', number, documents: documents(number) });
const preparedOf = ({ walk, number, documents: sent }: Batch): Prepared => {
  const ids = sent.map(({ id, stream, namespace }) => ({ id, stream, namespace }));
  return { walk, number, atMs: Date.now(), ids };
};
const idsOf = (...batches: number[]) =>
  batches
    .flatMap(documents)
    .map(({ id }) => id)
    .sort();

test.each([true, false])('a batch whose answer was lost is there once (the brokers took it: %s)', async (isTaken) => {
  const { committed, happened, loseNextCommit } = cluster();
  const sink = open();
  await sink.recover(pipeline, [], new Map());
  await sink.write(batchOf(1), signal);
  loseNextCommit(isTaken);
  happened.length = 0;
  await sink.write(batchOf(2), signal);
  expect([...committed].sort()).toEqual(idsOf(1, 2));
  expect(happened.indexOf('marker read')).toBeGreaterThan(happened.indexOf('transaction opened'));
});

test.each([true, false])(
  'after a crash between commit and answer as well (the brokers took it: %s)',
  async (isTaken) => {
    const { committed, happened, loseNextCommit } = cluster();
    const first = open();
    await first.recover(pipeline, [], new Map());
    const { receipt } = await first.write(batchOf(1), signal);
    loseNextCommit(isTaken, true);
    const dying = new AbortController();
    const write = first.write(batchOf(2), dying.signal);
    write.catch(() => {});
    await vi.waitFor(() => expect(happened).toContain('answer lost'));
    dying.abort();
    await first.close();
    const second = open();
    const { arrived } = await second.recover(pipeline, [preparedOf(batchOf(2))], new Map([['live', receipt]]));
    expect([...arrived].sort()).toEqual(isTaken ? idsOf(2) : []);
    if (!isTaken) await second.write(batchOf(3), signal);
    expect([...committed].sort()).toEqual(isTaken ? idsOf(1, 2) : idsOf(1, 3));
  },
);
