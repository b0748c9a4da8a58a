/** Writes rows into the partition of a source, a transaction at a time: who opens the next producer of this name ends this one. */
import type { Producer, Transaction } from 'kafkajs';
import { kafkajs } from '../../sinks/kafka/client.ts';
import { type Connection, within } from '../../sinks/kafka/connection.ts';
import { StepError } from '../../sinks/kafka/errors.ts';
import type { RowChange } from './capture.ts';

export interface StateProducer {
  /** All of the rows, or none. After an error nothing is known of them, and the producer is of no use any more. */
  write(rows: readonly RowChange[]): Promise<void>;
  close(): Promise<void>;
}

export interface ProducerPlace {
  topic: string;
  partition: number;
  transactionalId: string;
  /** One step may take so long. */
  timeoutMs: number;
}

/** Readers of the partition wait for a transaction that nobody ends: brokers do after this time. */
const TRANSACTION_MS = 20_000;
/** kafkajs copies a send's list once per record. */
const MOST_RECORDS = 2000;
const MOST_BYTES = 900_000;
const CLOSE_MS = 2000;

/** Resolves when every earlier producer of this name has ended, and its transaction with it. Only then may the rows be read. */
export async function openStateProducer(connection: Connection, place: ProducerPlace): Promise<StateProducer> {
  const { topic, partition, transactionalId, timeoutMs } = place;
  const producer = connection.kafka.producer({
    transactionalId,
    transactionTimeout: TRANSACTION_MS,
    allowAutoTopicCreation: false,
    createPartitioner: () => () => partition,
  });
  const opening = producer.connect().then(() => producer.transaction());
  let next: Transaction | undefined = await within(timeoutMs * 2, 'opening a producer', opening);
  return {
    async write(rows) {
      const transaction = next ?? (await within(timeoutMs, 'beginning a transaction', producer.transaction()));
      next = undefined;
      for (const part of partsOf(rows)) await send(transaction, topic, partition, part, timeoutMs);
      await within(timeoutMs, 'committing', transaction.commit());
    },
    async close() {
      await within(CLOSE_MS, 'closing', producer.disconnect()).catch(() => {});
    },
  };
}

/** kafkajs can resolve a send although it sent nothing, so the acknowledgement is checked. */
async function send(
  to: Pick<Producer, 'send'>,
  topic: string,
  partition: number,
  rows: readonly RowChange[],
  timeoutMs: number,
): Promise<void> {
  const sent = to.send({
    topic,
    messages: rows.map(({ key, value }) => ({ key, value, partition })),
    acks: -1,
    timeout: Math.ceil(timeoutMs * 0.8),
    compression: kafkajs.CompressionTypes.ZSTD,
  });
  const [answer, ...more] = await within(timeoutMs, `sending to ${topic}`, sent);
  if (answer?.topicName !== topic || answer.partition !== partition || more.length > 0)
    throw new StepError(`partition ${partition} of ${topic} did not acknowledge`);
}

function* partsOf(rows: readonly RowChange[]): Generator<RowChange[]> {
  let part: RowChange[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = row.key.length + (row.value?.length ?? 0);
    if (part.length > 0 && (part.length === MOST_RECORDS || bytes + size > MOST_BYTES)) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(row);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
