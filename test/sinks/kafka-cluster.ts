/**
 * As much of a cluster as a transaction needs, in memory, behind the client that the sink uses. What a producer had sent
 * when its process died stays under way until the next producer of its name opens a transaction: then the brokers end it.
 */
import type { Message } from 'kafkajs';
import kafkajs from 'kafkajs';

interface UnderWay {
  records: string[];
  offsets: { group: string; offset: string; metadata: string }[];
}

export interface Cluster {
  /** In place of `kafkajs.Kafka`. */
  Kafka: new () => object;
  /** The ids of the documents that a reader of committed records finds. */
  committed: string[];
  /** What happened, in order. */
  happened: string[];
  /** The next commit fails, or waits for ever: the brokers have taken it, or not, and end it at the next opening. */
  loseNextCommit(isTaken: boolean, isForEver?: boolean): void;
}

export function clusterOf(partitions = 2): Cluster {
  const committed: string[] = [];
  const happened: string[] = [];
  const markers = new Map<string, { offset: string; metadata: string }>();
  let left: { work: UnderWay; isTaken: boolean } | undefined;
  let lost: { isTaken: boolean; isForEver: boolean } | undefined;
  const end = ({ records, offsets }: UnderWay): void => {
    committed.push(...records);
    for (const { group, ...marker } of offsets) markers.set(group, marker);
  };
  const transaction = async () => {
    happened.push('transaction opened');
    if (left?.isTaken) end(left.work);
    left = undefined;
    const work: UnderWay = { records: [], offsets: [] };
    return {
      async send({ topic, messages }: { topic: string; messages: Message[] }) {
        work.records.push(...messages.map(({ headers }) => String(headers?.id)));
        return [{ topicName: topic, partition: messages[0]?.partition }];
      },
      async sendOffsets({ consumerGroupId: group, topics }: { consumerGroupId: string; topics: never[] }) {
        const [{ partitions: all }] = topics as unknown as [{ partitions: { offset: string; metadata: string }[] }];
        for (const { offset, metadata } of all) work.offsets.push({ group, offset, metadata });
      },
      async commit() {
        if (lost === undefined) return end(work);
        const { isTaken, isForEver } = lost;
        left = { work, isTaken };
        lost = undefined;
        happened.push('answer lost');
        if (isForEver) return new Promise<void>(() => {});
        throw new kafkajs.KafkaJSConnectionError('the answer was lost');
      },
    };
  };
  const admin = {
    async connect() {},
    async disconnect() {},
    async fetchOffsets({ groupId, topics: [topic] }: { groupId: string; topics: string[] }) {
      happened.push('marker read');
      const { offset, metadata } = markers.get(groupId) ?? { offset: '-1', metadata: '' };
      return [{ topic, partitions: [{ partition: 0, offset, metadata }] }];
    },
    async fetchTopicMetadata({ topics }: { topics: string[] }) {
      return { topics: topics.map((name) => ({ name, partitions: Array.from({ length: partitions }) })) };
    },
    describeCluster: async () => ({ brokers: [{ nodeId: 1 }] }),
    describeConfigs: async () => ({ resources: [] }),
  };
  class Kafka {
    admin() {
      return admin;
    }
    producer() {
      return { async connect() {}, async disconnect() {}, transaction };
    }
  }
  return {
    ...{ Kafka, committed, happened },
    loseNextCommit(isTaken, isForEver = false) {
      lost = { isTaken, isForEver };
    },
  };
}
