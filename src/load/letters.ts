/**
 * Keeps aside what cannot be loaded, in `<topic>.rejected`: each record as it was, with what is wrong with it. The records
 * and the group's offset behind them are one transaction, so that none is lost and none is there twice.
 */
import type { Logger } from 'pino';
import { SluiceError, stopError } from '../api/errors.ts';
import { inert } from '../api/inert.ts';
import type { Rejection } from '../api/sink.ts';
import type { Backoff } from '../sinks/backoff.ts';
import { type AttemptTools, withBackoff } from '../sinks/kafka/attempts.ts';
import { scrubber } from '../sinks/kafka/connection.ts';
import { type Outgoing, roundsOf } from '../sinks/kafka/messages.ts';
import { rejectedOf, transactionalIdOf, type WholeSettings } from '../sinks/kafka/settings.ts';
import type { Letter } from './lane.ts';
import { textOf } from './read.ts';

/** Headers that say why a record is kept aside; they are made anew when it is kept aside again. */
export const REJECTED_HEADERS = {
  type: 'rejected_type',
  reason: 'rejected_reason',
  field: 'rejected_field',
  at: 'rejected_at',
  /** `topic/partition/offset` of where it was first. */
  from: 'rejected_from',
} as const;

export interface LettersTools {
  settings: WholeSettings;
  group: string;
  topic: string;
  partition: number;
  log: Logger;
  now: () => number;
  newBackoff: () => Backoff;
}

interface Then {
  next: bigint;
  metadata: string;
  /** Throws when the partition may be another instance's by now: its offset must not be moved back. */
  demandOwned(): void;
}

export interface Letters {
  /** Keeps them, and commits `next` with them; without transactions they are only kept. */
  keep(letters: readonly Letter[], then: Then, signal: AbortSignal): Promise<void>;
  close(): void;
}

const SEND_SHARE = 0.9;
const RECORD_OVERHEAD = 200;

/** The producer is opened with the first letter: it ends that of an earlier owner of the partition, and whatever that had begun. */
export function openLetters(given: LettersTools): Letters {
  const { settings, group, topic, partition } = given;
  const to = rejectedOf(topic);
  const transactionalId = transactionalIdOf(settings.transactionalIdPrefix, `load-${group}-${topic}-${partition}`);
  const tools: AttemptTools = {
    ...{ settings, log: given.log, now: given.now, newBackoff: given.newBackoff },
    where: {
      who: `Kafka at ${settings.brokers.join(', ')}`,
      ...{ transactionalId, markerTopic: to, groups: group, topics: [to], scrub: scrubber(settings) },
    },
    ...{ session: undefined, limits: new Map(), lost: undefined },
  };
  return {
    async keep(letters, { next, metadata, demandOwned }, signal) {
      const refused = new Map<string, Rejection>();
      const outgoing = letters.map((letter) => outgoingOf(letter, given));
      const keep = withBackoff(
        tools,
        signal,
        async (session) => {
          const [first] = refused.values();
          if (first !== undefined) throw tooLarge(to, first);
          const done = settings.transactions ? await session.committed(group, { topic, partition }) : undefined;
          // An earlier attempt, or an earlier owner of the partition, has kept what lies before.
          const left = outgoing.filter((_, index) => (letters[index]?.record.offset ?? 0n) >= BigInt(done ?? 0));
          if (done !== undefined && BigInt(done) >= next) return;
          await session.look([to]);
          const limit = tools.limits.get(to)?.send ?? settings.maxMessageBytes * SEND_SHARE;
          const rounds = roundsOf(left, session.partitionsOf, () => limit);
          const timestamp = String(given.now());
          for (const { message } of left) message.timestamp = timestamp;
          demandOwned();
          await session.write(rounds, { group, number: Number(next), metadata, place: { topic, partition } });
        },
        refused,
      );
      await keep.catch((error: unknown) => {
        if (tools.lost === undefined) throw error;
        throw new SluiceError(`another instance has taken over ${topic}/${partition}`, { action: 'retry' });
      });
    },
    close() {
      tools.session?.drop();
      tools.session = undefined;
    },
  };
}

function tooLarge(to: string, { reason }: Rejection): SluiceError {
  return stopError(
    `a record cannot be kept aside in ${to}: ${reason}`,
    `Raise max.message.bytes of ${to}: it has to take more than the topic that the record is from.`,
  );
}

/** The longest reason: some quote a value, which is in the record anyway. */
const MOST_REASON = 1000;
const NOTHING = Buffer.alloc(0);
const HEADER_OVERHEAD = 6;

function outgoingOf(
  { record, type, reason, field }: Letter,
  { topic, partition, now }: Pick<LettersTools, 'topic' | 'partition' | 'now'>,
): Outgoing {
  const own = new Set<string>(Object.values(REJECTED_HEADERS));
  const names = REJECTED_HEADERS;
  const headers = {
    // kafkajs writes none without a value: such a one becomes empty.
    ...Object.fromEntries(
      Object.entries(record.headers)
        .filter(([name]) => !own.has(name))
        .map(([name, value]) => [name, [value].flat().map((each) => each ?? NOTHING)]),
    ),
    [names.type]: type,
    [names.reason]: inert(reason.slice(0, MOST_REASON)),
    ...(field === undefined ? {} : { [names.field]: inert(field.slice(0, MOST_REASON)) }),
    [names.at]: new Date(now()).toISOString(),
    [names.from]: textOf(record.headers[names.from]) ?? `${topic}/${partition}/${record.offset}`,
  };
  const value = record.value as Buffer; // null stays null
  const sizes = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((each) => Buffer.byteLength(name) + Buffer.byteLength(each) + HEADER_OVERHEAD),
  );
  const bytes =
    (record.value?.length ?? 0) + (record.key?.length ?? 0) + sizes.reduce((sum, size) => sum + size, RECORD_OVERHEAD);
  // The same partition, as far as there are as many: then they stay in order.
  return {
    ...{ id: String(record.offset), topic: rejectedOf(topic), hash: partition, bytes },
    message: { key: record.key, value, headers, partition: undefined as unknown as number },
  };
}
