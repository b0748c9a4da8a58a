/** Reads one partition from its beginning to the end that it has when that begins: committed records only. */
import type { Connection } from '../../sinks/kafka/connection.ts';
import { within } from '../../sinks/kafka/connection.ts';
import { StepError, typeOf } from '../../sinks/kafka/errors.ts';
import { withoutAborted } from '../../sinks/kafka/stored/aborted.ts';
import { type Cluster, clusterOf, type FetchedRecord } from '../cluster.ts';

export interface PartitionReading {
  topic: string;
  partition: number;
  /** One step may take so long. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Some ten thousand rows, which are unpacked without letting others go first; a batch that is larger comes whole. */
const AT_ONCE = 2 ** 20;
const WAIT_MS = 100;
const READ_COMMITTED = 1;
/** Leaders move while brokers restart. */
const MOVES = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION']);
const MOST_MOVES = 20;

/**
 * Hands out what was committed before the call. A transaction of another writer that is still open holds the reader up until
 * it ends. Throws `OFFSET_OUT_OF_RANGE` where the first records were removed.
 */
export async function* committedRecords(
  connection: Connection,
  { topic, partition, timeoutMs, signal }: PartitionReading,
): AsyncGenerator<FetchedRecord[]> {
  const cluster = clusterOf(connection.kafka);
  await within(timeoutMs, 'connecting', cluster.connect());
  await within(timeoutMs, 'reading metadata', cluster.addTargetTopic(topic));
  let next = 0n;
  let end: bigint | undefined;
  let moves = 0;
  for (const deadline = patience(timeoutMs); end === undefined || next < end; ) {
    signal.throwIfAborted();
    const fetched = await fetchFrom(cluster, { topic, partition, next, timeoutMs }).catch(async (error: unknown) => {
      if (!MOVES.has(typeOf(error) ?? '') || ++moves > MOST_MOVES) throw error;
      await within(timeoutMs, 'reading metadata', cluster.refreshMetadata());
      return undefined;
    });
    if (fetched === undefined) continue;
    end ??= BigInt(fetched.highWatermark);
    const stable = BigInt(fetched.lastStableOffset);
    const last = fetched.messages.at(-1);
    if (last === undefined) {
      // Compaction leaves batches without a record, which a reader is not shown.
      if (next < stable) next++;
      else deadline.require(`a transaction in partition ${partition} of ${topic} does not end`);
      continue;
    }
    deadline.renew();
    // A batch is handed out whole, though it may begin before the offset.
    const fresh = fetched.messages.filter(({ offset }) => BigInt(offset) >= next);
    next = BigInt(last.offset) + 1n;
    const records = withoutAborted({ ...fetched, messages: fresh }).filter((record) => !record.isControlRecord);
    if (records.length > 0) yield records;
  }
}

interface FetchPlace {
  topic: string;
  partition: number;
  next: bigint;
  timeoutMs: number;
}

async function fetchFrom(cluster: Cluster, { topic, partition, next, timeoutMs }: FetchPlace) {
  const found = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
  if (found === undefined) throw new StepError(`${topic} has no partition ${partition}`);
  const asking = cluster.findBroker({ nodeId: found.leader }).then((broker) =>
    broker.fetch({
      maxWaitTime: WAIT_MS,
      minBytes: 1,
      maxBytes: AT_ONCE,
      isolationLevel: READ_COMMITTED,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(next), maxBytes: AT_ONCE }] }],
    }),
  );
  const { responses } = await within(timeoutMs, `reading partition ${partition} of ${topic}`, asking);
  const [answer] = responses[0]?.partitions ?? [];
  if (answer === undefined) throw new StepError(`the answer lacks partition ${partition} of ${topic}`);
  return answer;
}

/** An end to waiting for nothing. */
function patience(timeoutMs: number) {
  let until = performance.now() + timeoutMs;
  return {
    renew() {
      until = performance.now() + timeoutMs;
    },
    require(what: string) {
      if (performance.now() > until) throw new StepError(what);
    },
  };
}
