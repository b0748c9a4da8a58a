/** The topic that holds the state: made once, and never with another number of partitions. */
import type { Logger } from 'pino';
import { connectKafka, within } from '../../sinks/kafka/connection.ts';
import type { WholeSettings } from '../../sinks/kafka/settings.ts';
import { appeared, shapeOf, type TopicShape } from '../../sinks/kafka/setup.ts';

export interface StateTopic {
  topic: string;
  partitions: number;
  /** By default, what the cluster gives. */
  replication?: number;
  log: Logger;
}

/** A prepared batch is one record: of the largest batches, some megabytes. */
const MOST_BYTES = 12 * 2 ** 20;

const CONFIG = [
  { name: 'cleanup.policy', value: 'compact' },
  { name: 'max.message.bytes', value: String(MOST_BYTES) },
  // What is superseded is removed soon: a take-over reads everything that is there.
  { name: 'min.cleanable.dirty.ratio', value: '0.1' },
  { name: 'segment.bytes', value: String(64 * 2 ** 20) },
  { name: 'segment.ms', value: '3600000' },
];

/** One that is there is left as it is; undefined then. */
export async function createStateTopic(
  kafka: WholeSettings,
  { topic, partitions, replication = -1, log }: StateTopic,
): Promise<TopicShape | undefined> {
  const connection = connectKafka(kafka, log);
  const { timeoutMs } = kafka;
  try {
    return await connection.withAdmin(async (admin) => {
      if ((await within(timeoutMs, `looking for ${topic}`, shapeOf(admin, topic))) !== undefined) return undefined;
      const wanted = { topic, numPartitions: partitions, replicationFactor: replication, configEntries: CONFIG };
      const creating = admin.createTopics({ topics: [wanted], waitForLeaders: false, timeout: timeoutMs });
      await within(timeoutMs, `creating ${topic}`, creating);
      return appeared(admin, topic, timeoutMs);
    });
  } finally {
    connection.drop();
  }
}
