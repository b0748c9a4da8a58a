/**
 * One producer from its opening to its first error. There is no way back from an error: the caller that meets one drops the
 * session and opens another, which resolves the transaction that was left open.
 */
import type { Admin, Producer, Transaction } from 'kafkajs';
import type { Logger } from 'pino';
import { orAborted } from '../../api/abort.ts';
import { kafkajs } from './client.ts';
import { type Connection, connectKafka, within } from './connection.ts';
import { isTooLarge, RefusedError, StepError } from './errors.ts';
import { type Marker, toMarker } from './marker.ts';
import type { KafkaChunk } from './messages.ts';
import type { WholeSettings } from './settings.ts';

export interface Session {
  /** The number that was committed last for a consumer group. */
  marker(group: string): Promise<Marker | undefined>;
  /** Asks for the number of partitions of those topics that are not known yet. */
  look(topics: readonly string[]): Promise<void>;
  partitionsOf(topic: string): number;
  /** `max.message.bytes` of a topic; undefined where it may not be asked for. */
  limitOf(topic: string): Promise<number | undefined>;
  /** How long numbers are kept after the last write of their walk; undefined where it may not be asked for. */
  keptMs(): Promise<number | undefined>;
  /** What a group has committed of a partition that holds records; undefined when it has nothing. */
  committed(group: string, place: Partition): Promise<number | undefined>;
  /** Writes the rounds and, in the same transaction, the number: at the marker topic, where no other place is said. */
  write(rounds: KafkaChunk[][], marker: Written): Promise<void>;
  /** Whether the transaction at hand is older than the brokers let it become. */
  isOverdue(): boolean;
  drop(): void;
  close(): Promise<void>;
}

interface Partition {
  topic: string;
  partition: number;
}

interface Written {
  group: string;
  number: number;
  metadata: string;
  place?: Partition;
}

/** Metadata is asked for again after this time, as other clients do: topics get more partitions. */
const METADATA_MS = 300_000;
const { CompressionTypes } = kafkajs;
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, zstd: CompressionTypes.ZSTD };

/** Resolves when every earlier transaction of this id is resolved. Only then may a marker be read. */
export async function openSession(
  settings: WholeSettings,
  transactionalId: string,
  log: Logger,
  signal: AbortSignal,
): Promise<Session> {
  const connection = connectKafka(settings, log);
  const producer = connection.kafka.producer({
    transactionalId: settings.transactions ? transactionalId : undefined,
    transactionTimeout: transactionTimeoutOf(settings),
    allowAutoTopicCreation: false,
    createPartitioner: () => chosenBefore,
  });
  try {
    const opening = producer.connect().then(() => (settings.transactions ? producer.transaction() : undefined));
    const first = await orAborted(within(settings.timeoutMs * 2, 'opening a producer', opening), signal);
    return toSession(settings, connection, producer, first);
  } catch (error) {
    connection.drop();
    throw error;
  }
}

/** Brokers end a transaction that takes longer, and allow 15 minutes at most. */
function transactionTimeoutOf({ timeoutMs }: WholeSettings): number {
  return Math.min(900_000, Math.max(60_000, timeoutMs * 4));
}

function chosenBefore({ message }: { message: { partition?: number } }): number {
  return message.partition as number;
}

interface Opened {
  settings: WholeSettings;
  connection: Connection;
  producer: Producer;
  /** Opened already, for the next batch. */
  next: Transaction | undefined;
  /** When the transaction at hand began; undefined between two. */
  beganAt: { clockMs: number; steadyMs: number } | undefined;
}

function toSession(
  settings: WholeSettings,
  connection: Connection,
  producer: Producer,
  first: Transaction | undefined,
): Session {
  const opened: Opened = { settings, connection, producer, next: first, beganAt: undefined };
  const partitions = new Map<string, { count: number; until: number }>();
  const ask: Ask = (what, work) => within(settings.timeoutMs, what, connection.withAdmin(work));
  const offsetOf = async (group: string, { topic, partition }: Partition) => {
    const topics = [topic];
    const found = await ask('reading the marker', (admin) => admin.fetchOffsets({ groupId: group, topics }));
    const entry = found[0]?.partitions.find((each) => each.partition === partition);
    if (entry === undefined) throw new StepError('the answer lacks the marker');
    return entry;
  };
  return {
    async marker(group) {
      const { offset, metadata } = await offsetOf(group, { topic: settings.markerTopic, partition: MARKER_PARTITION });
      return toMarker(offset, metadata);
    },
    async committed(group, place) {
      const { offset } = await offsetOf(group, place);
      return Number(offset) < 0 ? undefined : Number(offset);
    },
    async look(topics) {
      const now = performance.now();
      const wanted = topics.filter((topic) => (partitions.get(topic)?.until ?? 0) <= now);
      if (wanted.length === 0) return;
      const metadata = await ask('reading metadata', (admin) => admin.fetchTopicMetadata({ topics: wanted }));
      for (const { name, partitions: all } of metadata.topics)
        partitions.set(name, { count: all.length, until: now + METADATA_MS });
    },
    partitionsOf: (topic) => partitions.get(topic)?.count ?? 1,
    async limitOf(topic) {
      const [limit] = await configOf(ask, TOPIC, [topic], 'max.message.bytes');
      return limit;
    },
    async keptMs() {
      const brokers = await ask('reading metadata', (admin) => admin.describeCluster()).catch(() => undefined);
      const names = brokers?.brokers.map(({ nodeId }) => String(nodeId)) ?? [];
      const minutes = await configOf(ask, BROKER, names, 'offsets.retention.minutes');
      return minutes.length > 0 ? Math.min(...minutes) * 60_000 * KEPT_SHARE : undefined;
    },
    write: (rounds, marker) =>
      settings.transactions ? writeInTransaction(opened, rounds, marker) : writePlainly(opened, rounds),
    isOverdue: () => isOlderThan(opened, 1),
    drop: connection.drop,
    async close() {
      await within(CLOSE_MS, 'closing', producer.disconnect()).catch(() => {});
      connection.drop();
    },
  };
}

const MARKER_PARTITION = 0;
const CLOSE_MS = 2000;

/** kafkajs has these numbers as an enumeration of its types only. */
export const TOPIC = 2;
const BROKER = 4;
/** Clocks differ, so numbers are taken to be kept for a little less. */
const KEPT_SHARE = 0.95;

type Ask = <T>(what: string, work: (admin: Admin) => Promise<T>) => Promise<T>;

/** A setting of each resource, as a number; none where it may not be read. */
async function configOf(ask: Ask, type: number, names: string[], setting: string): Promise<number[]> {
  const resources = names.map((name) => ({ type, name, configNames: [setting] }));
  const asking = ask(`reading ${setting}`, (admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
  const answer = await asking.catch(() => undefined);
  const values = answer?.resources.map(({ configEntries }) => Number(configEntries[0]?.configValue)) ?? [];
  return values.filter((value) => value > 0);
}

async function writePlainly({ settings, producer }: Opened, rounds: KafkaChunk[][]): Promise<void> {
  for (const round of rounds) await Promise.all(round.map((chunk) => send(producer, chunk, settings)));
}

async function writeInTransaction(
  opened: Opened,
  rounds: KafkaChunk[][],
  { group, number, metadata, place }: Written,
): Promise<void> {
  const { settings, producer } = opened;
  const { timeoutMs } = settings;
  const { topic, partition } = place ?? { topic: settings.markerTopic, partition: MARKER_PARTITION };
  const transaction = opened.next ?? (await within(timeoutMs, 'beginning a transaction', producer.transaction()));
  opened.next = undefined;
  opened.beganAt = { clockMs: Date.now(), steadyMs: performance.now() };
  for (const round of rounds) {
    await Promise.all(round.map((chunk) => send(transaction, chunk, settings)));
    if (isOlderThan(opened, 0.8)) throw new StepError('the transaction takes longer than the brokers allow');
  }
  const partitions = [{ partition, offset: String(number), metadata }];
  const offsets = { consumerGroupId: group, topics: [{ topic, partitions }] };
  await within(timeoutMs, 'sending the batch number', transaction.sendOffsets(offsets));
  await within(timeoutMs, 'committing', transaction.commit());
  opened.beganAt = undefined;
}

function isOlderThan({ settings, beganAt }: Opened, share: number): boolean {
  if (beganAt === undefined) return false;
  // The steady clock stands still while a machine sleeps, and the other may be set.
  const ageMs = Math.max(Date.now() - beganAt.clockMs, performance.now() - beganAt.steadyMs);
  return ageMs > share * transactionTimeoutOf(settings);
}

/** kafkajs can resolve a send although it sent nothing, so the acknowledgement is checked. */
async function send(to: Pick<Producer, 'send'>, chunk: KafkaChunk, settings: WholeSettings): Promise<void> {
  const { topic, partition, records } = chunk;
  const messages = records.map(({ message }) => message);
  const sent = to.send({
    topic,
    messages,
    acks: -1,
    timeout: Math.ceil(settings.timeoutMs * 0.8),
    compression: CODECS[settings.compression],
  });
  const [answer, ...more] = await within(settings.timeoutMs, `sending to ${topic}`, sent).catch((error: unknown) => {
    if (!isTooLarge(error)) throw error;
    const ids = records.map(({ id }) => id);
    throw new RefusedError(`a send of ${chunk.bytes} bytes`, { topic, bytes: chunk.bytes, ids }, error);
  });
  if (answer?.topicName !== topic || answer.partition !== partition || more.length > 0)
    throw new StepError(`partition ${partition} of ${topic} did not acknowledge`);
}
