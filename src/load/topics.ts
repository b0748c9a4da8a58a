/** What `sluice load` asks the brokers: which topics are there, where they end, and how far the group is. */
import type { Admin } from 'kafkajs';
import { stopError } from '../api/errors.ts';
import { typeOf } from '../sinks/kafka/errors.ts';
import { rejectedOf } from '../sinks/kafka/settings.ts';
import { shapeOf } from '../sinks/kafka/setup.ts';
import { lookToIn } from './lane.ts';
import { placeName } from './statistics.ts';

export interface PartitionEnds {
  low: bigint;
  high: bigint;
}

/** How far a group is in one partition. */
export interface GroupOffset {
  /** Undefined where it has committed nothing, or the brokers have forgotten it. */
  offset: bigint | undefined;
  lookTo: bigint | undefined;
}

/** Throws when one is not there: nothing makes topics by accident. */
export async function demandTopics(admin: Admin, topics: readonly string[], who: string): Promise<void> {
  const missing: string[] = [];
  for (const topic of new Set(topics.flatMap((topic) => [topic, rejectedOf(topic)])))
    if ((await shapeOf(admin, topic)) === undefined) missing.push(topic);
  if (missing.length === 0) return;
  throw stopError(
    `${who} lacks topics: ${missing.join(', ')}`,
    'Run `sluice setup kafka --rejected` once: it makes the topics, and those that keep what Elasticsearch refuses.',
  );
}

/** Where each partition begins and ends, by topic and partition. */
export async function endsOf(admin: Admin, topics: readonly string[]): Promise<Map<string, PartitionEnds>> {
  const found = new Map<string, PartitionEnds>();
  for (const topic of topics)
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic))
      found.set(placeName(topic, partition), { low: BigInt(low), high: BigInt(high) });
  return found;
}

/** What the group has committed, by topic and partition. */
export async function committedBy(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<Map<string, GroupOffset>> {
  const found = new Map<string, GroupOffset>();
  const asked = await admin.fetchOffsets({ groupId, topics: [...topics] }).catch((error: unknown) => {
    if (typeOf(error) === 'GROUP_ID_NOT_FOUND') return [];
    throw error;
  });
  for (const { topic, partitions } of asked)
    for (const { partition, offset, metadata } of partitions) {
      const at = BigInt(offset);
      found.set(placeName(topic, partition), {
        offset: at < 0n ? undefined : at,
        lookTo: lookToIn(metadata),
      });
    }
  return found;
}
