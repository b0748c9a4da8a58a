/**
 * The Kafka sink: a JSON document per record, exactly once for readers with `isolation.level=read_committed`.
 *
 * A batch is one transaction: its documents, and its number as the offset of a consumer group that belongs to the walk.
 * After any error, and after a crash, a new producer is opened, which resolves the transaction that was left open;
 * then the number says what arrived. `docs/kafka.md` has the limits.
 */
import type { Logger } from 'pino';
import type { Sink } from '../../api/sink.ts';
import { backoffOf } from '../backoff.ts';
import { checkKafka } from './check.ts';
import { type KafkaSettings, withDefaults } from './settings.ts';
import { removedFrom, storedIn } from './stored/read.ts';
import { openWriter, type TransactionWriter } from './writer.ts';

interface KafkaTools {
  log: Logger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds that the process lived through: what deadlines go by. */
  lived?: () => number;
  /** Called when something is tried again. */
  retried?: () => void;
}

export function openKafka(given: KafkaSettings, { log, now, lived = now, retried }: KafkaTools): Sink {
  const settings = withDefaults(given);
  const newBackoff = backoffOf(`Kafka at ${settings.brokers.join(', ')}`, settings, log, lived, retried);
  const tools = { settings, log, now, newBackoff };
  const writers = new Map<string, TransactionWriter>();
  const closed = new AbortController();
  const writerOf = (pipeline: string): TransactionWriter => {
    const writer = writers.get(pipeline) ?? openWriter(pipeline, tools);
    writers.set(pipeline, writer);
    return writer;
  };
  const orClosed = (signal?: AbortSignal) =>
    signal === undefined ? closed.signal : AbortSignal.any([closed.signal, signal]);
  return {
    kind: 'kafka',
    looksUp: settings.transactions,
    write: async (batch, signal) => {
      signal.throwIfAborted();
      return writerOf(batch.pipeline).write(batch, orClosed(signal));
    },
    async recover(pipeline, prepared, committed, signal) {
      return { arrived: await writerOf(pipeline).recover(prepared, committed, orClosed(signal)) };
    },
    stored: (query, signal) => storedIn(settings, query, log, orClosed(signal)),
    removed: (query) => removedFrom(settings, query, log),
    check: (signal) => checkKafka(settings, log, orClosed(signal)),
    async close() {
      closed.abort();
      await Promise.all([...writers.values()].map((writer) => writer.close()));
    },
  };
}
