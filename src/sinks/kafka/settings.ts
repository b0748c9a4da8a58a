/** The settings of a Kafka sink, and the names that it gives to topics, transactions and groups. */
import type { StreamName } from '../../api/document.ts';
import type { BackoffSettings } from '../backoff.ts';

export interface KafkaSettings extends BackoffSettings {
  /** `host:port` of some brokers. */
  brokers: readonly string[];
  /** With `{stream}` and `{source}`. */
  topic?: string;
  key?: 'event.id' | 'host.id';
  compression?: 'none' | 'gzip' | 'zstd';
  /** Off: at least once. */
  transactions?: boolean;
  /** Begins every transactional id and every consumer group. */
  transactionalIdPrefix?: string;
  markerTopic?: string;
  /** The largest record, with key, headers and overhead. */
  maxMessageBytes?: number;
  sasl?: KafkaSasl;
  tls?: boolean;
  caFile?: string;
  insecure?: boolean;
  /** One step: a send, a commit. Opening takes twice as long at most. */
  timeoutMs?: number;
  /** What topics are named after, for `check` and `setup`. */
  places?: readonly TopicPlace[];
}

interface KafkaSasl {
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  username: string;
  /** Read whenever a connection is opened, so that a rotated secret needs no restart. */
  password: () => string;
}

interface TopicPlace {
  stream: StreamName;
  namespace: string;
}

const KAFKA_DEFAULTS = {
  topic: 'sluice.{stream}',
  key: 'event.id',
  compression: 'gzip',
  transactions: true,
  transactionalIdPrefix: 'sluice',
  markerTopic: 'sluice.marker',
  maxMessageBytes: 1_000_000,
  tls: false,
  insecure: false,
  timeoutMs: 15_000,
} as const satisfies Partial<KafkaSettings>;

type Optional = 'sasl' | 'caFile' | keyof BackoffSettings;

export type WholeSettings = Required<Omit<KafkaSettings, Optional>> & Pick<KafkaSettings, Optional>;

export function withDefaults({ brokers, ...given }: KafkaSettings): WholeSettings {
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...KAFKA_DEFAULTS, places: [], ...said, brokers };
}

/** Characters that Kafka does not take in a name. */
const UNSAFE = /[^A-Za-z0-9._-]/g;

export function topicOf(template: string, { stream, namespace }: TopicPlace): string {
  return template.replaceAll('{stream}', stream).replaceAll('{source}', namespace);
}

/** Where `sluice load` keeps what cannot be loaded of a topic; of such a topic, itself. */
export function rejectedOf(topic: string): string {
  return topic.endsWith(REJECTED) ? topic : `${topic}${REJECTED}`;
}

const REJECTED = '.rejected';

/** `source/stream/sink` → `prefix-source-stream-sink`: two pipelines with one id would fence each other. */
export function transactionalIdOf(prefix: string, pipeline: string): string {
  return `${prefix}-${pipeline.replaceAll(UNSAFE, '-')}`;
}

/** The consumer group whose offset on the marker topic is the number of the walk's last batch. */
export function groupOf(prefix: string, pipeline: string, walk: string): string {
  return `${transactionalIdOf(prefix, pipeline)}-${walk.replaceAll(UNSAFE, '-')}`;
}
