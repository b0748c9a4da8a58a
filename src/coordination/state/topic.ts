/** The topic that holds the state: made once, and never with another number of partitions. */
import type { Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { stopError } from '../../api/errors.ts';
import { connectKafka, FEW_RETRIES, within } from '../../sinks/kafka/connection.ts';
import { TOPIC } from '../../sinks/kafka/session.ts';
import type { WholeSettings } from '../../sinks/kafka/settings.ts';
import { appeared, explained, shapeOf, type TopicResult, type TopicShape } from '../../sinks/kafka/setup.ts';

export interface StateTopic {
  topic: string;
  partitions: number;
  /** By default, what the cluster gives. */
  replication?: number;
  /** Asks the cluster whether it would, and changes nothing. */
  dryRun?: boolean;
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

/** One that is there is left as it is. */
export async function createStateTopic(
  kafka: WholeSettings,
  { topic, partitions, replication = -1, dryRun = false, log }: StateTopic,
): Promise<Pick<TopicResult, 'action' | 'shape'>> {
  const connection = connectKafka(kafka, log);
  const { timeoutMs } = kafka;
  try {
    return await connection.withAdmin(async (admin) => {
      const there = await within(timeoutMs, `looking for ${topic}`, shapeOf(admin, topic));
      if (there !== undefined) return { action: 'unchanged', shape: there };
      const wanted = { topic, numPartitions: partitions, replicationFactor: replication, configEntries: CONFIG };
      const asked = { topics: [wanted], validateOnly: dryRun, waitForLeaders: false, timeout: timeoutMs };
      const creating = admin.createTopics(asked);
      await within(timeoutMs, `creating ${topic}`, creating);
      return { action: 'created', shape: dryRun ? undefined : await appeared(admin, topic, timeoutMs) };
    });
  } catch (error) {
    throw explained(error, kafka);
  } finally {
    connection.drop();
  }
}

/** In another partition, a source would look as if nothing was known of it. */
export async function lookAtTopic(
  admin: Admin,
  { topic, partitions }: Pick<StateTopic, 'topic' | 'partitions'>,
): Promise<TopicShape> {
  const shape = await shapeOf(admin, topic);
  if (shape === undefined) throw stopError(`there is no topic ${topic}`, 'Run `sluice setup kafka` once.');
  if (shape.partitions === partitions) return shape;
  throw stopError(
    `${topic} has ${shape.partitions} partitions, and \`coordination.partitions\` says ${partitions}`,
    'Put the number back that the topic was made with: where a source is follows from it.',
  );
}

/** For `check`: also that nothing of it is removed but what was superseded. */
export async function requireStateTopic(
  kafka: WholeSettings,
  place: Pick<StateTopic, 'topic' | 'partitions' | 'log'>,
): Promise<TopicShape> {
  const { topic, log } = place;
  const connection = connectKafka(kafka, log, FEW_RETRIES);
  try {
    const looking = connection.withAdmin(async (admin) => {
      const shape = await lookAtTopic(admin, place);
      const resources = [{ type: TOPIC, name: topic, configNames: ['cleanup.policy'] }];
      const answer = await admin.describeConfigs({ resources, includeSynonyms: false }).catch(() => undefined);
      const policy = answer?.resources[0]?.configEntries[0]?.configValue;
      if (policy === undefined || policy === 'compact') return shape;
      throw stopError(
        `${topic} is not only compacted (cleanup.policy=${policy}): what was delivered would be forgotten`,
        'Set cleanup.policy to compact.',
      );
    });
    return await within(kafka.timeoutMs * 2, `looking for ${topic}`, looking);
  } catch (error) {
    throw explained(error, kafka);
  } finally {
    connection.drop();
  }
}
