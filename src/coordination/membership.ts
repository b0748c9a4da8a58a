/**
 * Membership in a group of Kafka's that divides sources instead of partitions (as Kafka Connect's divides connectors): joined,
 * kept alive by heartbeats, told who has what. An instance goes on with its sources while the group is divided anew, and
 * lets go of those that it is not given.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '../api/errors.ts';
import { type Connection, connectKafka, within } from '../sinks/kafka/connection.ts';
import { typeOf } from '../sinks/kafka/errors.ts';
import type { WholeSettings } from '../sinks/kafka/settings.ts';
import { assign, type MemberOffer } from './assign.ts';
import { clusterOf, type GroupBroker } from './cluster.ts';
import type { Lease } from './lease.ts';

export interface MembershipOptions {
  kafka: WholeSettings;
  group: string;
  /** Brokers take an instance for dead that they did not hear from for so long. The lease is as long. */
  sessionMs: number;
  lease: Lease;
  log: Logger;
  /** Asked anew at each joining. */
  offer(): Omit<MemberOffer, 'id'>;
  /** Called with what this instance is to have, and must return at once. */
  assigned(sources: ReadonlySet<string>): void;
  /** Called when the group goes on without this instance: resolves when nothing is done for any source any more. */
  expelled(): Promise<void>;
  /** Fails for good: only a person can help. */
  refused(error: unknown): void;
}

export interface Membership {
  /** Something was let go of, and may be given away. */
  rejoin(): void;
  /** Leaves the group, so that the others need not wait for the session to end. */
  leave(): Promise<void>;
}

const PROTOCOL_TYPE = 'sluice';
const PROTOCOL = 'sources-1';
const BEATS_PER_SESSION = 6;
const PAUSE_MS = 500;
/** The group is divided anew: the instance is still one of it. */
const MOVING = new Set(['REBALANCE_IN_PROGRESS']);
/** It is none of it any more. */
const GONE = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);
const REFUSED = new Set([
  ...['GROUP_AUTHORIZATION_FAILED', 'SASL_AUTHENTICATION_FAILED', 'INCONSISTENT_GROUP_PROTOCOL'],
  ...['INVALID_SESSION_TIMEOUT', 'INVALID_GROUP_ID', 'UNSUPPORTED_SASL_MECHANISM'],
]);

export function joinGroup(options: MembershipOptions): Membership {
  const { kafka, group, sessionMs, lease, log } = options;
  const ends = new AbortController();
  let memberId = '';
  let connection: Connection | undefined;
  let wakes = new AbortController();
  let isOutdated = false;

  /** Joins, and is told what it has. */
  const join = async (broker: GroupBroker): Promise<number> => {
    isOutdated = false;
    const { sources, owned } = options.offer();
    const metadata = Buffer.from(JSON.stringify({ sources, owned }));
    const sentAt = lease.now();
    const joining = broker.joinGroup({
      ...{ groupId: group, memberId, sessionTimeout: sessionMs, rebalanceTimeout: sessionMs },
      ...{ protocolType: PROTOCOL_TYPE, groupProtocols: [{ name: PROTOCOL, metadata }] },
    });
    const joined = await within(sessionMs + kafka.timeoutMs, 'joining the group', joining);
    memberId = joined.memberId;
    const { generationId } = joined;
    const isLeader = joined.leaderId === memberId;
    const shares = isLeader ? assign(joined.members.map(offerOf)) : new Map<string, string[]>();
    const groupAssignment = [...shares].map(([id, mine]) => ({
      memberId: id,
      memberAssignment: Buffer.from(JSON.stringify(mine)),
    }));
    const syncing = broker.syncGroup({ groupId: group, generationId, memberId, groupAssignment });
    const { memberAssignment } = await within(sessionMs, 'asking for the own share', syncing);
    lease.renew(sentAt);
    const mine = JSON.parse(memberAssignment.toString() || '[]') as string[];
    log.debug({ 'sluice.generation': generationId, 'sluice.sources': mine }, 'the group is divided');
    options.assigned(new Set(mine));
    return generationId;
  };

  const beat = async (broker: GroupBroker, generation: number): Promise<void> => {
    const sentAt = lease.now();
    const beating = broker.heartbeat({ groupId: group, groupGenerationId: generation, memberId });
    await within(sessionMs / 2, 'sending a heartbeat', beating);
    lease.renew(sentAt);
  };

  /** Until something is wrong, or it has to join again. */
  const takePart = async (broker: GroupBroker): Promise<void> => {
    for (let generation = await join(broker); !ends.signal.aborted; ) {
      wakes = new AbortController();
      const signal = AbortSignal.any([wakes.signal, ends.signal]);
      if (isOutdated) wakes.abort();
      try {
        for (;;) {
          await sleep(sessionMs / BEATS_PER_SESSION, undefined, { signal });
          await beat(broker, generation);
        }
      } catch (error) {
        if (ends.signal.aborted) return;
        if (!wakes.signal.aborted && !MOVING.has(typeOf(error) ?? '')) throw error;
      }
      generation = await join(broker);
    }
  };

  const keepMember = async (): Promise<void> => {
    while (!ends.signal.aborted) {
      try {
        connection = connectKafka(kafka, log);
        const cluster = clusterOf(connection.kafka);
        await within(kafka.timeoutMs, 'connecting', cluster.connect());
        const finding = cluster.findGroupCoordinator({ groupId: group });
        await takePart(await within(kafka.timeoutMs, 'finding the coordinator of the group', finding));
      } catch (error) {
        if (ends.signal.aborted) return;
        const type = typeOf(error) ?? '';
        if (REFUSED.has(type)) return options.refused(error);
        if (GONE.has(type)) {
          log.warn(`the group ${group} goes on without this instance, which joins it anew: ${messageOf(error)}`);
          memberId = '';
          lease.end();
          await options.expelled();
        } else log.warn(`the group ${group} cannot be reached, it is tried again: ${messageOf(error)}`);
        connection?.drop();
        await sleep(PAUSE_MS, undefined, { signal: ends.signal }).catch(() => {});
      }
    }
  };

  const kept = keepMember();
  return {
    rejoin() {
      isOutdated = true;
      wakes.abort();
    },
    async leave() {
      ends.abort();
      if (memberId !== '') await leaveGroup(options, memberId);
      connection?.drop();
      await kept;
    },
  };
}

function offerOf({ memberId, memberMetadata }: { memberId: string; memberMetadata: Buffer }): MemberOffer {
  const { sources, owned } = JSON.parse(memberMetadata.toString()) as Omit<MemberOffer, 'id'>;
  return { id: memberId, sources, owned };
}

const LEAVE_MS = 2000;

/** Over a connection of its own: the other one may wait for an answer. */
async function leaveGroup({ kafka, group, log }: MembershipOptions, memberId: string): Promise<void> {
  const connection = connectKafka(kafka, log);
  try {
    const leaving = async () => {
      const cluster = clusterOf(connection.kafka);
      await cluster.connect();
      const broker = await cluster.findGroupCoordinator({ groupId: group });
      await broker.leaveGroup({ groupId: group, memberId });
    };
    await within(LEAVE_MS, 'leaving the group', leaving()).catch((error: unknown) =>
      log.debug(`the group ${group} is left without a word: ${messageOf(error)}`),
    );
  } finally {
    connection.drop();
  }
}
