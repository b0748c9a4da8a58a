/** What `sluice load` has done, and how far it is behind: for its progress, its result and its metrics. */

/** Records of one topic. */
export interface TopicCounts {
  /** All that were dealt with: the sum of the next four. */
  records: number;
  /** Taken by the cluster. */
  delivered: number;
  /** Found there by a look-up, from an earlier try. */
  there: number;
  /** Refused by the cluster, and kept aside. */
  refused: number;
  /** No documents of Sluice's, and kept aside. */
  strangers: number;
  /** Removed from the topic before they were loaded, by its retention. */
  removed: number;
}

/** One partition of which this instance is in charge. */
export interface PartitionStanding {
  topic: string;
  partition: number;
  /** Everything before it is dealt with. */
  committed: bigint;
  /** Where the partition ends, as far as is known. */
  end: bigint;
}

export interface LoadStatistics {
  topics: ReadonlyMap<string, TopicCounts>;
  /** By topic and partition; those of other instances are not in it. */
  partitions: Map<string, PartitionStanding>;
  /** Whether the group has given this instance its part, which may be none. */
  isMember: boolean;
  /** What it waits for, in words. */
  waiting: string | undefined;
  /** When something was committed last, or nothing was left to do; epoch milliseconds. */
  progressMs: number;
  /** Bytes of records that were fetched and are not dealt with. */
  heldBytes: number;
}

export function createLoadStatistics(topics: readonly string[], nowMs: number): LoadStatistics {
  const none = () => ({ records: 0, delivered: 0, there: 0, refused: 0, strangers: 0, removed: 0 });
  return {
    topics: new Map(topics.map((topic) => [topic, none()])),
    partitions: new Map(),
    isMember: false,
    waiting: undefined,
    progressMs: nowMs,
    heldBytes: 0,
  };
}

export function placeName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** Records that are still to be dealt with in a partition; markers of transactions are counted with them. */
export function lagOf({ committed, end }: Pick<PartitionStanding, 'committed' | 'end'>): number {
  return end > committed ? Number(end - committed) : 0;
}

/** Of all topics together. */
export function totalOf({ topics }: Pick<LoadStatistics, 'topics'>): TopicCounts {
  const total: TopicCounts = { records: 0, delivered: 0, there: 0, refused: 0, strangers: 0, removed: 0 };
  for (const counts of topics.values())
    for (const name of Object.keys(total) as (keyof TopicCounts)[]) total[name] += counts[name];
  return total;
}
