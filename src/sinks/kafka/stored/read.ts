/** Reads a topic from its beginning to the end that it has when that begins: committed records only. */
import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import type { EachBatchPayload } from 'kafkajs';
import type { Logger } from 'pino';
import { messageOf, SluiceError } from '../../../api/errors.ts';
import type { StoredDocument, StoredQuery } from '../../../api/sink.ts';
import { parsedDocument, toStored } from '../../stored.ts';
import { type Connection, connectKafka, within } from '../connection.ts';
import { typeOf } from '../errors.ts';
import { topicOf, type WholeSettings } from '../settings.ts';

/** A reader of what was read may be slow. */
const SESSION_MS = 60_000;

/**
 * By a consumer of a group of its own, which commits nothing and is deleted in the end. A topic may hold documents of
 * several sources.
 */
export async function* storedIn(
  settings: WholeSettings,
  query: StoredQuery,
  log: Logger,
  signal: AbortSignal,
): AsyncGenerator<StoredDocument[]> {
  const topic = topicOf(settings.topic, query);
  const connection = connectKafka(settings, log);
  const stop = () => connection.drop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const left = await endsOf(connection, topic, settings.timeoutMs);
    if (left.size > 0) yield* read(connection, settings, topic, query, left, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SluiceError) throw error;
    throw new SluiceError(`${topic} in Kafka at ${settings.brokers.join(', ')} cannot be read: ${messageOf(error)}`, {
      action: 'retry',
      advice:
        'Try again once the brokers answer; reading needs the rights to read the topic and to use a group of the prefix.',
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', stop);
    connection.drop();
  }
}

/** Whether records at the beginning of a partition were removed: by its retention, or by a person. */
export async function removedFrom(
  settings: WholeSettings,
  query: StoredQuery,
  log: Logger,
): Promise<string | undefined> {
  const topic = topicOf(settings.topic, query);
  const connection = connectKafka(settings, log);
  try {
    const offsets = await offsetsOf(connection, topic, settings.timeoutMs);
    const cut = offsets.filter(({ low }) => BigInt(low) > 0n);
    if (cut.length === 0) return undefined;
    return `the first records of ${topic} were removed (${cut.map(({ partition, low }) => `partition ${partition} begins at ${low}`).join(', ')})`;
  } finally {
    connection.drop();
  }
}

async function offsetsOf(connection: Connection, topic: string, timeoutMs: number) {
  const asking = connection.withAdmin((admin) => admin.fetchTopicOffsets(topic));
  return within(timeoutMs, `asking for the offsets of ${topic}`, asking).catch((error: unknown) => {
    if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return [];
    throw error;
  });
}

/** For each partition that holds records, the offset that the last committed one is before. */
async function endsOf(connection: Connection, topic: string, timeoutMs: number): Promise<Map<number, bigint>> {
  const offsets = await offsetsOf(connection, topic, timeoutMs);
  const filled = offsets.filter(({ low, high }) => BigInt(low) < BigInt(high));
  return new Map(filled.map(({ partition, high }) => [partition, BigInt(high)]));
}

async function* read(
  connection: Connection,
  settings: WholeSettings,
  topic: string,
  query: StoredQuery,
  left: Map<number, bigint>,
  signal: AbortSignal,
): AsyncGenerator<StoredDocument[]> {
  const groupId = `${settings.transactionalIdPrefix}-read-${randomUUID()}`;
  const consumer = connection.kafka.consumer({
    groupId,
    sessionTimeout: SESSION_MS,
    maxBytesPerPartition: 4 * 2 ** 20,
  });
  const pages = new PassThrough({ objectMode: true, highWaterMark: 1, signal });
  // Also for fetches of which nothing is left but the marks of transactions.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
    const end = left.get(partition);
    if (end === undefined || BigInt(lastOffset) + 1n < end) return;
    left.delete(partition);
    if (left.size === 0) pages.end();
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => pages.destroy(error));
  const eachBatch = async ({ batch, heartbeat }: EachBatchPayload): Promise<void> => {
    const end = left.get(batch.partition);
    if (end === undefined) return;
    const page = batch.messages.flatMap(({ value, headers, offset }) => {
      if (BigInt(offset) >= end) return [];
      const document = parsedDocument(value?.toString('utf8') ?? '');
      const { dataset, namespace } = (document.data_stream ?? {}) as Record<string, unknown>;
      const isMeant = dataset === query.stream && namespace === query.namespace;
      return isMeant
        ? [toStored(query, headers?.id?.toString() ?? '', document, `${topic}[${batch.partition}]@${offset}`)]
        : [];
    });
    // Resolves when there is room for more, or nobody takes any more.
    if (pages.writable) await new Promise((resolve) => pages.write(page, resolve));
    await heartbeat();
  };
  try {
    await within(settings.timeoutMs * 2, 'opening a consumer', consumer.connect());
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch });
    for await (const page of pages as AsyncIterable<StoredDocument[]>) if (page.length > 0) yield page;
  } finally {
    pages.destroy();
    await within(settings.timeoutMs, 'leaving', consumer.disconnect()).catch(() => {});
    await within(
      settings.timeoutMs,
      'leaving',
      connection.withAdmin((admin) => admin.deleteGroups([groupId])),
    ).catch(
      () => {}, // brokers forget a group that nobody uses
    );
  }
}
