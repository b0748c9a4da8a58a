/**
 * The brokers by the protocol itself: kafkajs hides it behind a consumer of topics, and neither a group that divides
 * something else among its members nor a reader of one partition is one. `kafkajs` is pinned (decision 0041).
 */
import type { Kafka } from 'kafkajs';

/** A record as the broker has it; of a control record, which ends a transaction, the key says how. */
export interface FetchedRecord {
  offset: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: Record<string, Buffer | undefined>;
  isControlRecord: boolean;
  batchContext: { producerId: string; inTransaction: boolean };
}

interface FetchedPartition {
  highWatermark: string;
  lastStableOffset: string;
  abortedTransactions: { producerId: string; firstOffset: string }[] | null;
  messages: FetchedRecord[];
}

interface GroupId {
  groupId: string;
  memberId: string;
}

export interface GroupBroker {
  joinGroup(
    request: GroupId & {
      sessionTimeout: number;
      rebalanceTimeout: number;
      protocolType: string;
      groupProtocols: { name: string; metadata: Buffer }[];
    },
  ): Promise<{
    generationId: number;
    leaderId: string;
    memberId: string;
    members: { memberId: string; memberMetadata: Buffer }[];
  }>;
  syncGroup(
    request: GroupId & { generationId: number; groupAssignment: { memberId: string; memberAssignment: Buffer }[] },
  ): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: GroupId & { groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: GroupId): Promise<unknown>;
}

interface FetchingBroker {
  fetch(request: {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { partitions: FetchedPartition[] }[] }>;
}

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(of: { nodeId: number }): Promise<FetchingBroker>;
  findGroupCoordinator(of: { groupId: string }): Promise<GroupBroker>;
}

const CREATE = 'private:Kafka:createCluster';

/** Not connected yet. */
export function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE);
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol as symbol];
  if (create === undefined) throw new Error('this is not the kafkajs that this was written for');
  return create({ allowAutoTopicCreation: false, metadataMaxAge: 300_000 });
}
