/**
 * One membership in the consumer group, from its begin to its first error: what is fetched goes into the lanes of the
 * partitions that this instance is in charge of. There is no way back from an error: another membership is begun.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload } from 'kafkajs';
import { connectKafka, within } from '../sinks/kafka/connection.ts';
import { type Assignment, type AssignmentTools, type GroupTools, givenAway, openAssignment } from './assignment.ts';
import { lagOf, placeName } from './statistics.ts';
import { committedBy, endsOf, type GroupOffset, type PartitionEnds } from './topics.ts';

const SESSION_MS = 10_000;
/** What members have to finish when another one joins; they give up what they have not. */
const REBALANCE_MS = 30_000;
/** Of what brokers compress about tenfold. */
const FETCH_BYTES = 1024 * 1024;
const PARTITION_BYTES = 256 * 1024;
const FETCH_WAIT_MS = 250;
/** Records that wait for the sink. */
const MOST_HELD_BYTES = 16 * 1024 * 1024;
const LOOK_MS = 500;
const ENDS_MS = 5000;
const LEAVE_MS = 10_000;

/** Resolves when `stop` is aborted and what is under way is done, or when the group is at `ends`; throws the first error. */
export async function consume(
  tools: GroupTools,
  stop: AbortSignal,
  ends: ReadonlyMap<string, bigint> | undefined,
): Promise<void> {
  const { settings, topics, log } = tools;
  const sessionMs = tools.sessionMs ?? SESSION_MS;
  const connection = connectKafka(settings, log);
  const consumer = connection.kafka.consumer({
    groupId: tools.group,
    sessionTimeout: sessionMs,
    rebalanceTimeout: REBALANCE_MS,
    heartbeatInterval: Math.floor(sessionMs / 5),
    maxBytesPerPartition: PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 10, retries: 5, maxRetryTime: 1000, restartOnFailure: async () => false },
  });
  const admin = connection.kafka.admin();
  const over = new AbortController();
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    over.abort();
  };
  const membership = openMembership(tools, consumer, { admin, ends, fail, over: over.signal, sessionMs });
  try {
    await within(settings.timeoutMs * 2, 'opening a consumer', Promise.all([admin.connect(), consumer.connect()]));
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: membership.eachBatch });
    await lookUntil(tools, admin, AbortSignal.any([stop, over.signal]), ends);
    // The members of the group are told only after what is under way is committed.
    if (failure === undefined) await membership.end();
  } catch (error) {
    fail(error);
  } finally {
    over.abort();
    membership.drop();
    // A connection that hangs is not waited for: the brokers give the partitions away when the session has ended.
    if (!tools.hardStop.aborted) await within(LEAVE_MS, 'leaving', consumer.disconnect()).catch(() => {});
    connection.drop();
  }
  if (failure !== undefined) throw failure;
}

interface Membership {
  eachBatch(payload: EachBatchPayload): Promise<void>;
  /** What is under way comes to its end. */
  end(): Promise<void>;
  drop(): void;
}

interface Lasting {
  /** Aborted when the membership is at its end. */
  over: AbortSignal;
  sessionMs: number;
}

function openMembership(
  tools: GroupTools,
  consumer: Consumer,
  { admin, ends, fail, over, sessionMs }: Pick<AssignmentTools, 'admin' | 'ends' | 'fail'> & Lasting,
): Membership {
  const { log, statistics, topics } = tools;
  let assignment: Assignment | undefined;
  let aliveAt = clocks();
  let isEnding = false;
  /** Commits once, and throws when it is refused. */
  let commits: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;
  const giveUp = () => {
    assignment?.drop();
    assignment = undefined;
    statistics.partitions.clear();
    statistics.isMember = false;
    statistics.heldBytes = 0;
  };
  const shared: Omit<AssignmentTools, 'partitions'> = {
    ...{ tools, admin, ends, fail },
    async commit({ topic, partition }, next, metadata) {
      const offset = String(next);
      const partitions = [{ partition, offset, metadata }];
      if (commits !== undefined) await commits({ topics: [{ topic, partitions }] });
      // Nothing was fetched but marks of transactions. This way is tried again by itself, and says nothing when it gives up.
      else await consumer.commitOffsets([{ topic, partition, offset, metadata }]);
    },
    isOwned: () => agesMs(aliveAt) < sessionMs,
  };
  const { GROUP_JOIN, HEARTBEAT, REBALANCING, END_BATCH_PROCESS, CRASH } = consumer.events;
  consumer.on(HEARTBEAT, () => {
    aliveAt = clocks();
  });
  consumer.on(REBALANCING, giveUp);
  consumer.on(GROUP_JOIN, ({ payload }) => {
    giveUp();
    aliveAt = clocks();
    if (over.aborted || isEnding) return;
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    );
    const mine = openAssignment({ ...shared, partitions });
    assignment = mine;
    statistics.isMember = true;
    // kafkajs commits another offset over one that is out of range: what was committed is read before it can.
    const all = topics.map((topic) => ({ topic }));
    consumer.pause(all);
    mine.ready
      .then(() => {
        if (mine === assignment) consumer.resume(all);
      })
      .catch((error: unknown) => {
        if (mine === assignment) fail(error);
      });
    const count = topics.length === 1 ? '' : ` of ${topics.length} topics`;
    log.info(
      { 'sluice.group': tools.group, 'sluice.partitions': partitions.length },
      `in charge of ${partitions.length} ${partitions.length === 1 ? 'partition' : 'partitions'}${count}`,
    );
  });
  // Of fetches of which nothing is left but marks of transactions, and what was aborted.
  consumer.on(END_BATCH_PROCESS, ({ payload }) => {
    const { topic, partition, batchSize, firstOffset, lastOffset, highWatermark } = payload;
    if (batchSize > 0 || firstOffset === null) return;
    const mine = assignment;
    const read = { from: BigInt(firstOffset), next: BigInt(lastOffset) + 1n, end: BigInt(highWatermark) };
    mine?.accept({ topic, partition, records: [], ...read }).catch((error: unknown) => {
      if (mine === assignment) fail(error);
    });
  });
  consumer.on(CRASH, ({ payload: { error } }) => fail(error));
  const watch = setInterval(() => {
    if (assignment === undefined || agesMs(aliveAt) < sessionMs) return;
    log.warn('no word from the group for too long: what is under way is given up');
    giveUp();
  }, LOOK_MS);

  /** Waits with heartbeats, else the brokers would take us for dead. */
  const patiently = async (payload: EachBatchPayload, isOver: () => boolean) => {
    while (!isOver()) {
      await payload.heartbeat();
      await sleep(HEARTBEAT_LOOK_MS);
    }
    if (over.aborted) throw new Error('the membership has ended');
  };
  return {
    async eachBatch(payload) {
      const { batch } = payload;
      const mine = assignment;
      commits = payload.commitOffsetsIfNecessary;
      await patiently(
        payload,
        () => over.aborted || (!isEnding && (mine !== assignment || statistics.heldBytes < MOST_HELD_BYTES)),
      );
      // The broker may have given it to another instance meanwhile, or to us anew.
      if (mine === undefined || mine !== assignment) throw givenAway();
      const records = batch.messages.map(({ offset, key, value, headers }) => ({
        ...{ offset: BigInt(offset), key, value, headers: headers ?? {} },
      }));
      const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
      await mine.accept({
        ...{ topic: batch.topic, partition: batch.partition, records },
        ...{ from: BigInt(fetchedOffset), next: BigInt(batch.lastOffset()) + 1n, end: BigInt(batch.highWatermark) },
      });
    },
    async end() {
      isEnding = true;
      await assignment?.end();
    },
    drop() {
      clearInterval(watch);
      giveUp();
    },
  };
}

const HEARTBEAT_LOOK_MS = 20;

/** Until the signal, or until the group has committed everything before `ends`. Meanwhile it is seen how far behind we are. */
async function lookUntil(
  { group, topics, statistics, settings, now }: GroupTools,
  admin: Admin,
  signal: AbortSignal,
  ends: ReadonlyMap<string, bigint> | undefined,
): Promise<void> {
  let lookAt = 0;
  while (!signal.aborted) {
    const ask = () => within(settings.timeoutMs, 'reading ends', endsOf(admin, topics));
    if (ends !== undefined) {
      const committed = await within(settings.timeoutMs, 'reading offsets', committedBy(admin, group, topics));
      const isAt = ([name, end]: [string, bigint]) => (committed.get(name)?.offset ?? 0n) >= end;
      // What lies behind the end of today is of a topic that was there before under this name.
      if ([...ends].every(isAt) && [...(await ask())].every((each) => !isBehind(committed, each))) return;
    }
    if (performance.now() >= lookAt) {
      const found = await ask();
      for (const each of statistics.partitions.values())
        each.end = found.get(placeName(each.topic, each.partition))?.high ?? each.end;
      if (statistics.isMember && [...statistics.partitions.values()].every((each) => lagOf(each) === 0)) {
        statistics.progressMs = now();
        statistics.waiting = undefined;
      }
      lookAt = performance.now() + ENDS_MS;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

function isBehind(committed: ReadonlyMap<string, GroupOffset>, [name, { high }]: [string, PartitionEnds]): boolean {
  return (committed.get(name)?.offset ?? 0n) > high;
}

interface Clocks {
  steadyMs: number;
  clockMs: number;
}

function clocks(): Clocks {
  return { steadyMs: performance.now(), clockMs: Date.now() };
}

/** The steady clock stands still while a machine sleeps, and the other may be set. */
function agesMs({ steadyMs, clockMs }: Clocks): number {
  return Math.max(performance.now() - steadyMs, Date.now() - clockMs);
}
