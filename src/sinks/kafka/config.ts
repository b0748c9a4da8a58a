/** The kafka sink in the config. */
import { z } from 'zod';
import {
  caFile,
  duration,
  flag,
  hostAndPort,
  insecure,
  isReadableOnTheWay,
  secret,
  size,
  text,
} from '../../api/values.ts';
import { type SinkType, sinkName } from '../sink-type.ts';
import type { WholeSettings } from './settings.ts';

/** Names of topics, transactional ids and consumer groups that Kafka takes and tools can handle. */
const KAFKA_NAME = /^[A-Za-z0-9._-]{1,100}$/;

const schema = z.strictObject({
  name: sinkName(),
  type: z
    .literal('kafka')
    .describe('Topics of Kafka 4.0 or newer (older ones from 2.5 on: see the limits); docs/kafka.md is the contract.'),
  brokers: z
    .array(hostAndPort())
    .min(1, 'is empty; write at least one broker as host:port')
    .describe('Some of the brokers, `host:port`: the others are learnt from them.'),
  topic: text()
    .refine(
      (value) => KAFKA_NAME.test(value.replaceAll('{stream}', 's').replaceAll('{source}', 's')),
      'is not the name of a topic; use letters, digits, dots, underscores, hyphens, {stream} and {source}',
    )
    .prefault('sluice.{stream}')
    .describe(
      'The topic; `{stream}` and `{source}` stand for their names. Default: `sluice.{stream}`: one format per topic, and tenants share it as they share a dashboard.',
    ),
  key: z
    .enum(['event.id', 'host.id'])
    .prefault('event.id')
    .describe(
      'What the partition is chosen by. Default: `event.id`, so that the revisions of a record stay in order; `host.id` keeps all of a host in order (documents without one fall back to `event.id`).',
    ),
  compression: z
    .enum(['none', 'gzip', 'zstd'])
    .prefault('gzip')
    .describe(
      'How batches are compressed, on the way and in the topic. Default: `gzip`, which every client reads; documents shrink about tenfold. `zstd` costs a fraction of the CPU, where all readers know it.',
    ),
  transactions: flag()
    .prefault(true)
    .describe(
      'Whether batches are transactions. Default: true: exactly once for readers with `isolation.level=read_committed`. false: at least once, for clusters without transactions.',
    ),
  transactional_id_prefix: z
    .string()
    .refine((value) => KAFKA_NAME.test(value), 'is not a prefix; use letters, digits, dots, underscores and hyphens')
    .prefault('sluice')
    .describe(
      'Begins every transactional id and consumer group. Default: `sluice`. Installations that read the same sources into one cluster need different ones, else they stop each other.',
    ),
  marker_topic: z
    .string()
    .refine(
      (value) => KAFKA_NAME.test(value),
      'is not the name of a topic; use letters, digits, dots, underscores and hyphens',
    )
    .prefault('sluice.marker')
    .describe(
      'An empty topic, at which the numbers of committed batches are kept as consumer offsets. Default: `sluice.marker`; all sinks and installations may share one.',
    ),
  max_message: size({ min: '1KiB', max: '90MiB' })
    .prefault('1MB')
    .describe(
      'The largest record, with key, headers and some 150 bytes of overhead, before compression; larger documents are rejected. Default: 1MB, just below what topics take by default (max.message.bytes = 1048588).',
    ),
  sasl: z
    .strictObject({
      mechanism: z
        .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
        .describe('How the password is proven. `plain` sends it as it is: only with `tls`.'),
      username: text().describe('The user.'),
      password: secret(`The user's password: \`\${NAME}\` or \`file:\`.`),
    })
    .optional()
    .describe('Login, where the brokers ask for one.'),
  tls: flag()
    .prefault(false)
    .describe("Whether connections are encrypted. Default: false, as Kafka's own default listener."),
  ca_file: caFile(),
  insecure: insecure(),
  timeout: duration({ min: '100ms', max: '225s' })
    .prefault('15s')
    .describe(
      'How long one step may take: a send, a commit; opening a producer twice as long. A transaction may take four times as long (at least 60s), which must be within transaction.max.timeout.ms. Default: 15s.',
    ),
  retry_deadline: duration({ min: '0s', max: '30d' })
    .prefault('10m')
    .describe(
      'How long a batch is tried again before `run --once` and `backfill` end with exit code 1; `run` waits on, asks what arrived, and is not ready meanwhile. Default: 10m, longer than a broker takes to restart.',
    ),
});

export interface KafkaConfig extends Omit<WholeSettings, 'places'> {
  name: string;
  type: 'kafka';
  retryDeadlineMs: number;
}

export const kafka: SinkType<typeof schema, KafkaConfig> = {
  type: 'kafka',
  schema,
  beginning: {
    key: 'brokers',
    isList: true,
    question: 'Some of the brokers, host:port, commas between them',
    fallback: 'localhost:9092',
    isSetUp: true,
  },
  settings: (raw, values) => ({
    name: raw.name,
    type: raw.type,
    brokers: raw.brokers,
    topic: raw.topic,
    key: raw.key,
    compression: raw.compression,
    transactions: raw.transactions,
    transactionalIdPrefix: raw.transactional_id_prefix,
    markerTopic: raw.marker_topic,
    maxMessageBytes: raw.max_message,
    sasl: raw.sasl && { ...raw.sasl, password: values.secret(raw.sasl.password) },
    tls: raw.tls,
    caFile: raw.ca_file === undefined ? undefined : values.path(raw.ca_file),
    insecure: raw.insecure,
    timeoutMs: raw.timeout,
    retryDeadlineMs: raw.retry_deadline,
  }),
  secrets: [['sasl', 'password']],
  files: ['ca_file'],
  groups: [],
  /** `plain` sends the password as it is; with the others, whoever sits in between may still use the connection. */
  warnings({ sasl, tls, brokers }) {
    const { mechanism } = (sasl ?? {}) as { mechanism?: unknown };
    if (mechanism === undefined || `${tls}` === 'true' || !Array.isArray(brokers)) return [];
    if (!brokers.some((each) => isReadableOnTheWay(`http://${each}`))) return [];
    const what = mechanism === 'plain' ? 'the password is readable' : 'what the login opens can be read and changed';
    return [{ path: ['sasl', 'mechanism'], message: `without \`tls\`, ${what} on the network` }];
  },
  separates: ({ topic }) => topic.includes('{source}'),
  open: async (settings, tools) => (await import('./index.ts')).openKafka(settings, tools),
  looksUp: ({ transactions }) => transactions,
  silentMs: ({ retryDeadlineMs, timeoutMs }) => retryDeadlineMs + 2 * timeoutMs,
  impatient: (settings, limitMs) => ({
    ...settings,
    timeoutMs: Math.min(settings.timeoutMs, limitMs / 2),
    retryDeadlineMs: limitMs,
  }),
  handles: { all: 6, pipeline: 0 },
  remembersNames: true,
  endsOnRecover: false,
};
