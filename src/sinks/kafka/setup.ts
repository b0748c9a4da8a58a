/** `sluice setup kafka`: creates the topics that are not there; one that is there is left as it is. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { orAborted } from '../../api/abort.ts';
import { messageOf, type SluiceError, stopError } from '../../api/errors.ts';
import { connectKafka, scrubber, within } from './connection.ts';
import { judge, StepError, typeOf, type Where } from './errors.ts';
import { TOPIC } from './session.ts';
import {
  type KafkaSettings,
  rejectedOf,
  topicOf,
  transactionalIdOf,
  type WholeSettings,
  withDefaults,
} from './settings.ts';

interface TopicSetupOptions {
  /** By default, what the cluster gives. */
  partitions?: number;
  replication?: number;
  /** Also the topics in which `sluice load` keeps what it cannot load. */
  rejected?: boolean;
  /** Asks the cluster whether it would, and changes nothing. */
  dryRun?: boolean;
  log: Logger;
  signal?: AbortSignal;
}

export interface TopicResult {
  name: string;
  kind: 'documents' | 'rejected' | 'marker' | 'state';
  action: 'created' | 'unchanged';
  /** Undefined when it was not created, only tried. */
  shape: TopicShape | undefined;
}

export interface TopicShape {
  partitions: number;
  /** Replicas of the partition that has the fewest. */
  replication: number;
}

export async function setupKafka(given: KafkaSettings, options: TopicSetupOptions): Promise<TopicResult[]> {
  const settings = withDefaults(given);
  const signal = options.signal ?? new AbortController().signal;
  const connection = connectKafka(settings, options.log);
  try {
    return await orAborted(
      connection.withAdmin((admin) => createAll(admin, settings, options)),
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error, settings);
  } finally {
    connection.drop();
  }
}

/** With an admin client that is connected. */
export async function createAll(
  admin: Admin,
  settings: WholeSettings,
  options: TopicSetupOptions,
): Promise<TopicResult[]> {
  const results: TopicResult[] = [];
  for (const name of topicsOf(settings)) {
    results.push(
      await createOne(admin, { name, kind: 'documents', partitions: options.partitions }, settings, options),
    );
  }
  for (const name of options.rejected ? topicsOf(settings) : []) {
    const { partitions } = options;
    const kept = {
      name: rejectedOf(name),
      kind: 'rejected' as const,
      partitions,
      limits: await limitsFor(admin, name),
    };
    results.push(await createOne(admin, kept, settings, options));
  }
  if (settings.transactions) {
    const marker = { name: settings.markerTopic, kind: 'marker' as const, partitions: 1 };
    results.push(await createOne(admin, marker, settings, options));
  }
  return results;
}

/** The topics of everything that the sink is configured for. */
export function topicsOf({ topic, places }: WholeSettings): string[] {
  return [...new Set(places.map((place) => topicOf(topic, place)))].sort();
}

interface Wanted extends Pick<TopicResult, 'name' | 'kind'> {
  partitions: number | undefined;
  /** Further settings of the topic. */
  limits?: ConfigEntry[];
}

interface ConfigEntry {
  name: string;
  value: string;
}

/** Brokers' own default for a record batch. */
const DEFAULT_MESSAGE_BYTES = 1_048_588;
/** What a record that is kept aside says besides. */
const REASON_BYTES = 65_536;

/** Nothing that is kept aside expires, and whatever its topic takes fits in. */
async function limitsFor(admin: Admin, topic: string): Promise<ConfigEntry[]> {
  const resources = [{ type: TOPIC, name: topic, configNames: ['max.message.bytes'] }];
  const answer = await admin.describeConfigs({ resources, includeSynonyms: false }).catch(() => undefined);
  const most = Number(answer?.resources[0]?.configEntries[0]?.configValue) || DEFAULT_MESSAGE_BYTES;
  return [
    { name: 'retention.ms', value: '-1' },
    { name: 'max.message.bytes', value: String(most + REASON_BYTES) },
  ];
}

/** Brokers may compact by default, and then only the last revision of each record would stay. */
const NEVER_COMPACTED = { name: 'cleanup.policy', value: 'delete' };

async function createOne(
  admin: Admin,
  { name, kind, partitions, limits = [] }: Wanted,
  { timeoutMs }: WholeSettings,
  { replication, dryRun = false }: TopicSetupOptions,
): Promise<TopicResult> {
  const there = await within(timeoutMs, `looking for ${name}`, shapeOf(admin, name));
  if (there !== undefined) return { name, kind, action: 'unchanged', shape: there };
  const configEntries = [NEVER_COMPACTED, ...limits];
  const topics = [
    { topic: name, numPartitions: partitions ?? -1, replicationFactor: replication ?? -1, configEntries },
  ];
  const creating = admin.createTopics({ topics, validateOnly: dryRun, waitForLeaders: false, timeout: timeoutMs });
  await within(timeoutMs, `creating ${name}`, creating);
  return { name, kind, action: 'created', shape: dryRun ? undefined : await appeared(admin, name, timeoutMs) };
}

const LOOK_AGAIN_MS = 100;
/** A broker under load tells of a new topic, or of its leaders, a moment late. */
const NOT_YET = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE']);

/** The new topic, once it has a leader. */
export async function appeared(admin: Admin, name: string, timeoutMs: number): Promise<TopicShape> {
  for (const deadline = performance.now() + timeoutMs; ; await sleep(LOOK_AGAIN_MS)) {
    const shape = await shapeOf(admin, name).catch((error: unknown) => {
      if (!NOT_YET.has(typeOf(error) ?? '')) throw error;
      return undefined;
    });
    if (shape !== undefined) return shape;
    if (performance.now() > deadline) throw new StepError(`${name} was created and does not appear`);
  }
}

/** Undefined when there is no such topic. */
export async function shapeOf(admin: Admin, topic: string): Promise<TopicShape | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
    return {
      partitions: partitions.length,
      replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    };
  } catch (error) {
    if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
    throw error;
  }
}

/** For messages of `setup` and `check`. */
export function whereOf(settings: WholeSettings): Where {
  const transactionalId = transactionalIdOf(settings.transactionalIdPrefix, '');
  return {
    who: `Kafka at ${settings.brokers.join(', ')}`,
    transactionalId: `${transactionalId}*`,
    markerTopic: settings.markerTopic,
    groups: transactionalId,
    topics: topicsOf(settings),
    scrub: scrubber(settings),
  };
}

const SETTINGS_PROBLEMS: Record<string, string | undefined> = {
  INVALID_REPLICATION_FACTOR:
    'There are fewer brokers than replicas: choose a smaller --replication, or wait until all brokers are up.',
  INVALID_PARTITIONS: 'Choose another number of --partitions.',
  POLICY_VIOLATION: 'The cluster has rules for topics: choose --partitions and --replication accordingly.',
  TOPIC_AUTHORIZATION_FAILED: 'Run setup with an account that may create and describe topics.',
  CLUSTER_AUTHORIZATION_FAILED:
    'Run setup with an account that may create topics (Create on the cluster or the topics).',
};

/** The error for a person: what went wrong, and what to do about it. */
export function explained(error: unknown, settings: WholeSettings): SluiceError {
  const where = whereOf(settings);
  const advice = SETTINGS_PROBLEMS[typeOf(error) ?? ''];
  if (advice !== undefined) {
    const said = where.scrub(messageOf(innermost(error)));
    return stopError(`${where.who} does not create a topic: ${said}`, advice);
  }
  const verdict = judge(error, where);
  if (verdict.kind === 'stop') return verdict.error;
  if (verdict.kind === 'trouble') return stopError(`${where.who} ${verdict.why}`, verdict.advice);
  return stopError(
    `${where.who} says: ${where.scrub(messageOf(error))}`,
    'Check `brokers` of the sink, and that they run.',
  );
}

function innermost(error: unknown): unknown {
  const [first] = (error as { errors?: unknown[] }).errors ?? [];
  return first ?? error;
}
