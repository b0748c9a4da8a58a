/**
 * The Kafka sink against the least that any program has to do for the same guarantee: the same values in the same
 * transactions, sent by kafkajs alone, with the records divided before the clock starts.
 */
import kafkajs, { type Transaction } from 'kafkajs';
import pino from 'pino';
import type { Batch, OutDocument } from '../../src/api/sink.ts';
import { type KafkaChunk, roundsOf, toOutgoing } from '../../src/sinks/kafka/messages.ts';
import { withDefaults } from '../../src/sinks/kafka/settings.ts';
import { toJson } from '../../src/sinks/serialize.ts';
import type { KafkaTask, Task } from '../task.ts';

export const PARTITIONS = 6;
const MARKER = 'sluice.marker';
/** Below the limit of a send, as in the sink. */
const SEND_BYTES = 900_000;

export async function createTopics(brokers: string[], topics: string[]): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const wanted = topics.map((topic) => ({ topic, numPartitions: PARTITIONS }));
  await admin.createTopics({ topics: [{ topic: MARKER, numPartitions: 1 }, ...wanted], waitForLeaders: true });
  await admin.disconnect();
}

export async function writeKafka(task: Task, begin: () => void): Promise<number> {
  const kafka = task.kafka as KafkaTask;
  const batches = batchesOf(kafka, task.folder.split('/').at(-1) as string);
  const write = task.mode === 'kafkajs' ? await openRaw(kafka, batches) : await openSluice(kafka);
  const [first, ...others] = batches as [Batch, ...Batch[]];
  await write(first); // opens the producer, and the partitions on it
  begin();
  for (const batch of others) await write(batch);
  return others.reduce((sum, { documents }) => sum + documents.length, 0);
}

function batchesOf({ batches, documents, bytes }: KafkaTask, name: string): Batch[] {
  const firstNumber = Date.now();
  return Array.from({ length: batches + 1 }, (_, index) => ({
    pipeline: `bench/bench.kafka/${name}`,
    walk: 'live',
    number: firstNumber + index,
    documents: Array.from({ length: documents }, (_, at) => documentOf(`${name}-${index}-${at}`, bytes)),
  }));
}

/** Half of it compresses well, half of it does not, as in records of a vendor. */
function documentOf(id: string, bytes: number): OutDocument {
  const random = Array.from({ length: bytes / 8 }, () => Math.random().toString(36)[2]).join('');
  const filler = 'process.command_line '.repeat(bytes / 2 / 21);
  const event = { id, dataset: 'bench.kafka', kind: 'event', original: random.repeat(3) };
  const json = toJson({ '@timestamp': '2026-01-02T03:04:05.678Z', message: filler, event });
  return {
    id,
    stream: 'bench.kafka',
    namespace: 'bench',
    key: id,
    revision: 'r',
    ordinal: 1,
    hostId: undefined,
    ...json,
  };
}

type Write = (batch: Batch) => Promise<unknown>;

async function openSluice({ brokers, topic, compression }: KafkaTask): Promise<Write> {
  const { openKafka } = await import('../../src/sinks/kafka/index.ts');
  const sink = openKafka({ brokers, topic, compression }, { log: pino({ level: 'silent' }), now: Date.now });
  const signal = new AbortController().signal;
  return (batch) => sink.write(batch, signal);
}

/** Everything but the sending is done before the clock starts. */
async function openRaw({ brokers, topic, compression }: KafkaTask, batches: Batch[]): Promise<Write> {
  const settings = withDefaults({ brokers, topic });
  const rounds = new Map(
    batches.map((batch) => {
      const outgoing = toOutgoing(batch.documents, settings, new Date().toISOString());
      const partitionsOf = () => PARTITIONS;
      const limitOf = () => SEND_BYTES;
      return [batch, roundsOf(outgoing, partitionsOf, limitOf)];
    }),
  );
  const { pipeline = '' } = batches[0] ?? {};
  const retry = { initialRetryTime: 10, retries: 9, maxRetryTime: 1000 };
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING, retry });
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  const producer = client.producer({ transactionalId: pipeline, idempotent: true, createPartitioner });
  await producer.connect();
  const codecs = { none: kafkajs.CompressionTypes.None, gzip: kafkajs.CompressionTypes.GZIP };
  return async (batch) => {
    const transaction = await producer.transaction();
    for (const round of rounds.get(batch) ?? [])
      await Promise.all(round.map((chunk) => sendChunk(transaction, chunk, codecs[compression])));
    const partitions = [{ partition: 0, offset: String(batch.number) }];
    await transaction.sendOffsets({ consumerGroupId: pipeline, topics: [{ topic: MARKER, partitions }] });
    await transaction.commit();
  };
}

function sendChunk(transaction: Transaction, { topic, records }: KafkaChunk, compression: number) {
  const messages = records.map(({ message }) => message);
  return transaction.send({ topic, messages, acks: -1, compression });
}
