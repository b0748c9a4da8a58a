/** The partitions that this instance is in charge of, from one rebalance of the group to the next. */
import type { Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { SluiceError } from '../api/errors.ts';
import type { Sink } from '../api/sink.ts';
import type { Backoff } from '../sinks/backoff.ts';
import { within } from '../sinks/kafka/connection.ts';
import { typeOf } from '../sinks/kafka/errors.ts';
import { rejectedOf, type WholeSettings } from '../sinks/kafka/settings.ts';
import { type Begin, bytesOf, type Fetched, type Lane, openLane } from './lane.ts';
import { type Letters, openLetters } from './letters.ts';
import { type LoadStatistics, type PartitionStanding, placeName, type TopicCounts } from './statistics.ts';
import { committedBy, endsOf } from './topics.ts';

export interface GroupTools {
  /** Of the Kafka sink that the topics are from. */
  settings: WholeSettings;
  group: string;
  topics: readonly string[];
  sink: Pick<Sink, 'write' | 'recover'>;
  log: Logger;
  statistics: LoadStatistics;
  now: () => number;
  newBackoff: () => Backoff;
  /** Something was committed. */
  progress(): void;
  /** Ends what is being written, too. */
  hardStop: AbortSignal;
  /** So long may an instance be silent before its partitions are given to others. */
  sessionMs?: number;
}

interface Place {
  topic: string;
  partition: number;
}

/** What was fetched of one partition. */
interface Arrived extends Place, Fetched {
  /** The offset that was asked for. */
  from: bigint;
  /** Where the partition ends. */
  end: bigint;
}

export interface AssignmentTools {
  tools: GroupTools;
  admin: Admin;
  /** With `--once`: nothing behind these offsets is taken, and nothing of other partitions. */
  ends: ReadonlyMap<string, bigint> | undefined;
  /** As a member of the group, once: it is refused when the partitions are given away. */
  commit(place: Place, next: bigint, metadata: string): Promise<void>;
  partitions: readonly Place[];
  fail(error: unknown): void;
  /** Whether the brokers have heard of us within the session. */
  isOwned(): boolean;
}

export interface Assignment {
  /** Resolves when it is known where each partition is begun: nothing may be fetched before. */
  ready: Promise<unknown>;
  accept(arrived: Arrived): Promise<void>;
  end(): Promise<void>;
  drop(): void;
}

interface Found extends Begin {
  /** The group has committed more than there is. */
  isBehindEnd: boolean;
}

interface Open {
  lane: Lane;
  letters: Letters;
  standing: PartitionStanding;
  /** The offset that has to come next. */
  expected: bigint;
}

export function openAssignment(given: AssignmentTools): Assignment {
  const { tools, admin, ends, commit, partitions, fail, isOwned } = given;
  const { settings, group, statistics, log } = tools;
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, tools.hardStop]);
  const lanes = new Map<string, Open>();
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const begins = within(settings.timeoutMs, 'reading offsets', beginsOf(admin, group, topics));

  const open = (place: Place, begin: Begin): Open => {
    const { topic, partition } = place;
    const standing = { ...place, committed: begin.committed, end: begin.committed };
    const letters = openLetters({ ...tools, ...place });
    const committed = (next: bigint) => {
      standing.committed = next;
      statistics.progressMs = tools.now();
      tools.progress();
    };
    const plainly = async (next: bigint, metadata: string) => {
      demandOwned();
      await within(settings.timeoutMs, 'committing', commit(place, next, metadata)).catch((error: unknown) => {
        // The group is about to begin anew: whoever gets the partition looks up what was written.
        if (isNoMember(error)) gone.abort();
        throw error;
      });
      committed(next);
    };
    const demandOwned = () => {
      signal.throwIfAborted();
      if (!isOwned()) throw new SluiceError('no word from the group for too long', { action: 'retry' });
    };
    const lane = openLane(
      {
        ...{ topic, partition, sink: tools.sink, signal, demandOwned, commit: plainly },
        counts: statistics.topics.get(topic) as TopicCounts,
        looksAlways: !settings.transactions,
        nowMs: tools.now,
        async keep(kept, next, metadata) {
          demandOwned();
          await letters.keep(kept, { next, metadata, demandOwned }, signal);
          if (settings.transactions) committed(next);
          else await plainly(next, metadata);
          const [first] = kept;
          log.warn(
            { count: kept.length, type: first?.type, 'sluice.topic': topic, 'sluice.partition': partition },
            `kept aside in ${rejectedOf(topic)}: ${first?.reason.slice(0, 300)}`,
          );
        },
        freed(bytes) {
          if (!gone.signal.aborted) statistics.heldBytes -= bytes;
        },
        failed: fail,
      },
      begin,
    );
    statistics.partitions.set(placeName(topic, partition), standing);
    return { lane, letters, standing, expected: begin.committed };
  };

  return {
    ready: begins,
    async accept({ topic, partition, records, from, next, end }) {
      const name = placeName(topic, partition);
      const begin = (await begins).get(name);
      if (gone.signal.aborted) throw givenAway();
      const isOurs = partitions.some((each) => each.topic === topic && each.partition === partition);
      if (begin === undefined || !isOurs) return;
      let one = lanes.get(name);
      if (one === undefined) {
        one = open({ topic, partition }, begin);
        lanes.set(name, one);
        // What is committed lies behind the end: the topic was cut, and has to be read from its beginning.
        if (begin.isBehindEnd) await commit({ topic, partition }, from, '');
        if (from < one.expected) one.expected = from;
      }
      one.standing.end = end;
      if (from > one.expected) await tellRemoved(one, from);
      if (from < one.expected) throw astray(one, from);
      one.expected = next;
      const most = ends === undefined ? next : (ends.get(name) ?? 0n);
      if (from >= most) return;
      const wanted = next <= most ? records : records.filter(({ offset }) => offset < most);
      statistics.heldBytes += wanted.reduce((sum, record) => sum + bytesOf(record), 0);
      one.lane.push({ records: wanted, next: next <= most ? next : most });
    },
    async end() {
      await Promise.all([...lanes.values()].map(({ lane }) => lane.end()));
    },
    drop() {
      gone.abort();
      for (const { letters } of lanes.values()) letters.close();
    },
  };

  /** Records are only passed over where the topic has them no more; else it is begun anew from what is committed. */
  async function tellRemoved(one: Open, from: bigint): Promise<void> {
    const { expected } = one;
    const { topic, partition } = one.standing;
    const ends = await within(settings.timeoutMs, 'reading ends', endsOf(admin, [topic]));
    const low = ends.get(placeName(topic, partition))?.low ?? 0n;
    if (low < from) throw astray(one, from);
    const counts = statistics.topics.get(topic);
    if (counts !== undefined) counts.removed += Number(from - expected);
    log.error(
      {
        'sluice.topic': topic,
        'sluice.partition': partition,
        advice: 'Raise retention.ms of the topic above the longest outage; docs/load.md says how to get them back.',
      },
      `${from - expected} records of ${topic}/${partition} were removed by its retention before they were loaded`,
    );
    one.expected = from;
  }
}

const NO_MEMBER = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);

/** The group goes on, or begins anew, without us. */
export function isNoMember(error: unknown): boolean {
  return NO_MEMBER.has(typeOf(error) ?? '');
}

export function givenAway(): SluiceError {
  return new SluiceError('the partitions were given to another instance', { action: 'retry' });
}

function astray({ standing: { topic, partition }, expected }: Open, from: bigint): SluiceError {
  const message = `${topic}/${partition} was read from ${from} on, where ${expected} comes next`;
  return new SluiceError(message, { action: 'retry' });
}

/** Where each partition is begun, and up to where its records may be in the sink already. */
async function beginsOf(admin: Admin, group: string, topics: readonly string[]): Promise<Map<string, Found>> {
  const ends = await endsOf(admin, topics);
  const committed = await committedBy(admin, group, topics);
  return new Map(
    [...ends].map(([name, { low, high }]) => {
      const { offset, lookTo = 0n } = committed.get(name) ?? {};
      // Nothing is committed at the first start, and when the brokers have forgotten it: then all of it may be there.
      const isUnknown = offset === undefined || offset > high;
      const begin = isUnknown ? { committed: low, lookTo: high } : { committed: offset, lookTo };
      return [name, { ...begin, isBehindEnd: offset !== undefined && offset > high }];
    }),
  );
}
